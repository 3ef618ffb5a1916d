"""How far a scan is: a bar on a terminal, nothing elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """A bar on standard error, so that what is printed can be piped."""

    def __init__(self, expected: int | None) -> None:
        out = Console(stderr=True)
        self._progress = Progress(
            TextColumn("looked at"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self._task = self._progress.add_task("", total=expected)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def reach(self, seen: int, expected: int | None = None) -> None:
        """So many were looked at."""
        self._progress.update(self._task, completed=seen)
        if expected is not None:
            self._progress.update(self._task, total=expected)

"""How far a long command is: a bar on a terminal, nothing elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressBar:
    """A bar on standard error, so that what is printed can be piped. `expected` None: nobody knows."""

    def __init__(self, what: str, expected: int | None) -> None:
        out = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self._task = self._progress.add_task(what, total=expected)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def reach(self, done: int, expected: int | None = None) -> None:
        """So many are done, of so many where that is known now."""
        self._progress.update(self._task, completed=done)
        if expected is not None:
            self._progress.update(self._task, total=expected)

    def advance(self, more: int) -> None:
        """So many more are done."""
        self._progress.advance(self._task, more)

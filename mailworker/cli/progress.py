"""How far a long command is: a bar on a terminal, nothing elsewhere."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """A bar on standard error, so that what is printed can be piped. `expected` None: nobody knows."""

    def __init__(self, what: str, expected: int | None) -> None:
        self._progress = _bar() if sys.stderr.isatty() else None
        self._task = self._progress.add_task(what, total=expected) if self._progress else None

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def reach(self, done: int, expected: int | None = None) -> None:
        """So many are done, of so many where that is known now."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=done)
            if expected is not None:
                self._progress.update(self._task, total=expected)

    def advance(self, more: int) -> None:
        """So many more are done."""
        if self._progress and self._task is not None:
            self._progress.advance(self._task, more)


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )

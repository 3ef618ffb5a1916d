"""What a check gives: faults, which end the doctor with 1, and notes, which do not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


class Note(str):
    """Something worth knowing that is no fault."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A question by its subject (what `--only` takes) and its name; `ask` gives faults and notes."""

    subject: str
    name: str
    ask: Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's answer."""

    subject: str
    name: str
    sentences: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        """What has to be mended."""
        return [one for one in self.sentences if not isinstance(one, Note)]

    @property
    def notes(self) -> list[str]:
        """What is worth knowing."""
        return [one for one in self.sentences if isinstance(one, Note)]

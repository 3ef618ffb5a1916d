"""The numbered faults: what brings each about, and what the doctor must say of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mailworker.cli.doctor_checks.all_checks import SUBJECTS

#: What a case asks about where it names nothing: rendering and Mailjet take seconds, and have cases of their own.
QUICK = tuple(subject for subject in SUBJECTS if subject not in {"invoices", "mailjet"})


@dataclass(frozen=True)
class Fault:
    """One fault. `says` and `cure` stand in one sentence of the doctor's; `more` are its other sentences;
    `process`: it can be seen by a new process alone."""

    number: int
    name: str
    says: str
    cure: str
    subjects: tuple[str, ...]
    more: tuple[str, ...]
    process: bool
    bring_about: Callable[..., Any]

    @property
    def id(self) -> str:
        return f"{self.number:02d} {self.name}"


FAULTS: dict[int, Fault] = {}


def fault(
    number: int,
    name: str,
    *,
    says: str,
    cure: str,
    subjects: tuple[str, ...] = QUICK,
    more: tuple[str, ...] = (),
    process: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the function that brings the fault about in an installation that is well."""

    def register(bring_about: Callable[..., Any]) -> Callable[..., Any]:
        assert number not in FAULTS, f"two faults are number {number}"
        FAULTS[number] = Fault(number, name, says, cure, subjects, more, process, bring_about)
        return bring_about

    return register

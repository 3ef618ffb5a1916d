"""May this message still leave? Asked once, right before the call, whatever way it came in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.rules.pre_send.verdicts import Cancel, Replace, Reword, Verdict, Wait


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a message at the last moment.

    `refused` is why its recipient must not get it. `verdict` is what was found out about its reason (the
    invoice was paid, it is night). `safe` is whether the address may get mail from this environment.
    """

    id: str
    now: datetime
    expires_at: datetime | None = None
    refused: str | None = None
    verdict: Verdict | None = None
    safe: bool = True


def last_step(facts: Facts) -> Settlement | None:
    """Stop the message with its reason, or give None: it may leave."""
    return next(_objections(facts), None)


def _objections(facts: Facts) -> Iterator[Settlement]:
    for step in _STEPS:
        if objection := step(facts):
            state, why = objection
            yield Settlement(facts.id, state, why)
    if isinstance(facts.verdict, Wait | Reword):
        yield Settlement(facts.id, State.READY, facts.verdict.why, not_before=facts.verdict.until)


def _too_late(facts: Facts) -> tuple[State, str] | None:
    if facts.expires_at is not None and facts.expires_at <= facts.now:
        return State.EXPIRED, "too late to be useful"
    return None


def _gone(facts: Facts) -> tuple[State, str] | None:
    return (State.CANCELLED, facts.verdict.why) if isinstance(facts.verdict, Cancel | Replace) else None


def _outside_the_safelist(facts: Facts) -> tuple[State, str] | None:
    return None if facts.safe else (State.SUPPRESSED, "not on the safelist of this environment")


def _refused(facts: Facts) -> tuple[State, str] | None:
    return (State.SUPPRESSED, facts.refused) if facts.refused else None


_STEPS: tuple[Callable[[Facts], tuple[State, str] | None], ...] = (
    _too_late,
    _gone,
    _outside_the_safelist,
    _refused,
)

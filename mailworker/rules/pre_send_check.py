"""May this message still leave? Asked once, right before the call, whatever way it came in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mailworker.core.kind import Kind
from mailworker.core.settlement import Settlement
from mailworker.core.states import State

#: These stop even a password reset: the address does not work, or its owner called our mail spam.
HARD_REASONS = frozenset({"hard_bounce", "spam", "blocked"})


@dataclass(frozen=True, slots=True)
class Later:
    """Still true, but not now: quiet hours, or nobody who could say whether it is."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a message at the last moment.

    `suppressed` is why the address is on the suppression list. `no_longer_true` says why the mail's reason is
    gone (the invoice was paid), `later` why it must wait. `safe` is whether the address may get mail from
    this environment.
    """

    id: str
    kind: Kind
    now: datetime
    expires_at: datetime | None = None
    suppressed: str | None = None
    no_longer_true: str | None = None
    later: Later | None = None
    safe: bool = True


def last_step(facts: Facts) -> Settlement | None:
    """Stop the message with its reason, or give None: it may leave."""
    return next(_objections(facts), None)


def _objections(facts: Facts) -> Iterator[Settlement]:
    for step in _STEPS:
        if objection := step(facts):
            state, why = objection
            yield Settlement(facts.id, state, why)
    if facts.later is not None:
        yield Settlement(facts.id, State.READY, facts.later.why, not_before=facts.later.until)


def _too_late(facts: Facts) -> tuple[State, str] | None:
    if facts.expires_at is not None and facts.expires_at <= facts.now:
        return State.EXPIRED, "too late to be useful"
    return None


def _gone(facts: Facts) -> tuple[State, str] | None:
    return (State.CANCELLED, facts.no_longer_true) if facts.no_longer_true else None


def _outside_the_safelist(facts: Facts) -> tuple[State, str] | None:
    return None if facts.safe else (State.SUPPRESSED, "not on the safelist of this environment")


def stops(reason: str | None, kind: Kind) -> bool:
    """Whether this entry of the suppression list stops this kind; None: the address is not on the list."""
    return reason is not None and (reason in HARD_REASONS or not kind.service)


def _suppressed(facts: Facts) -> tuple[State, str] | None:
    if not stops(facts.suppressed, facts.kind):
        return None
    return State.SUPPRESSED, f"the address is on the suppression list: {facts.suppressed}"


_STEPS: tuple[Callable[[Facts], tuple[State, str] | None], ...] = (
    _too_late,
    _gone,
    _outside_the_safelist,
    _suppressed,
)


def is_safe(email: str, *, environment: str, safelist: tuple[str, ...]) -> bool:
    """Whether this environment may mail this address.

    Production may mail everybody. Elsewhere only addresses, or whole domains written as `@example.com`, that
    the safelist names: an empty list means nobody.
    """
    if environment == "production":
        return True
    address = email.lower()
    return any(
        address == entry.lower() or (entry[:1] == "@" and address.endswith(entry.lower()))
        for entry in safelist
    )

"""May this message still leave? Asked once, right before the call, whatever way it came in."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.rules.pre_send.verdicts import Cancel, Replace, Verdict, Wait


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a message at the last moment.

    `refused` is why its recipient must not get it. `verdict` is what was found out about its reason (the
    invoice was paid, it is night). `safe` is whether the address may get mail from this environment.
    `attempts` counts this one, which is none where the message ends or goes at once. Who waits again and
    again waits longer by it, but never counts more than `most_attempts`: no worker died.
    """

    id: str
    now: datetime
    expires_at: datetime | None
    refused: str | None
    verdict: Verdict | None
    safe: bool
    attempts: int
    most_attempts: int


def last_step(facts: Facts) -> Settlement | None:
    """Stop the message with its reason, or give None: it may leave."""
    verdict = facts.verdict
    stopped = partial(Settlement, facts.id, attempts=facts.attempts - 1)
    if facts.expires_at is not None and facts.expires_at <= facts.now:
        return stopped(State.EXPIRED, "too late to be useful")
    if isinstance(verdict, Cancel | Replace):
        return stopped(State.CANCELLED, verdict.why)
    if not facts.safe:
        return stopped(State.SUPPRESSED, "not on the safelist of this environment")
    if facts.refused:
        return stopped(State.SUPPRESSED, facts.refused)
    if verdict is not None:
        counted = (
            min(facts.attempts, facts.most_attempts) if isinstance(verdict, Wait) else facts.attempts - 1
        )
        return replace(stopped(State.READY, verdict.why, not_before=verdict.until), attempts=counted)
    return None

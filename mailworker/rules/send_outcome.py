"""What does Mailjet's answer, or its silence, mean for one message?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.errors import (
    MailworkerError,
    Misconfigured,
    PermanentError,
    RefusedWithoutReason,
    Throttled,
    UnknownOutcome,
    Unreachable,
)
from mailworker.rules.retry_backoff import backoff

Answer = Receipt | MailworkerError


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long we try. See `worker:` in the configuration."""

    max_attempts: int
    retry_base: timedelta
    retry_cap: timedelta
    look_up_after: timedelta


def settlement(
    id_: str, answer: Answer, *, attempts: int, now: datetime, patience: Patience, chance: float
) -> Settlement:
    """The message's next state after its own answer.

    `attempts` counts this one. `chance` is the jitter, evenly spread over 0 to 1.
    """
    if isinstance(answer, Receipt):
        return Settlement(id_, State.SENT, "accepted by Mailjet", receipt=answer)
    why, code = str(answer), answer.code
    match answer:
        case UnknownOutcome():
            return Settlement(id_, State.UNKNOWN, why, not_before=now + patience.look_up_after)
        case Throttled() | Misconfigured() | Unreachable():
            # The pause of all calls, the hold on its kind or the circuit breaker keeps it waiting. It keeps
            # its place, and its age: what was thrown back for an hour has waited for an hour.
            return Settlement(id_, State.READY, why, attempts=attempts - 1, code=code)
        case PermanentError():
            return Settlement(id_, State.FAILED, why, code=code)
        case RefusedWithoutReason() if attempts >= patience.max_attempts:
            return Settlement(id_, State.FAILED, f"gave up after {attempts} attempts: {why}", code=code)
    # Nothing left, so it is no fault of the message's: it waits longer and longer, for ever if need be. Its
    # attempts stay below those of a message that kills its workers. What Mailjet refuses without a reason may
    # be the message's fault, and counts.
    pause = backoff(attempts, base=patience.retry_base, cap=patience.retry_cap, chance=chance)
    most = patience.max_attempts if isinstance(answer, RefusedWithoutReason) else patience.max_attempts // 2
    counted = min(attempts, most)
    return Settlement(id_, State.READY, why, not_before=now + pause, attempts=counted, code=code)


def split(id_: str, answer: MailworkerError, *, attempts: int, together: int, now: datetime) -> Settlement:
    """The next state of a message whose whole call was refused: half as many travel together next time.

    The one that travelled alone is the guilty one; until then the attempt is not counted against anybody.
    """
    if together == 1:
        return Settlement(id_, State.FAILED, str(answer), code=answer.code)
    half = together // 2
    return Settlement(id_, State.READY, str(answer), not_before=now, batch_limit=half, attempts=attempts - 1)

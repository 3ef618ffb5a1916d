"""When is Mailjet asked about a message of unknown outcome, and what does its silence mean?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mailworker.core.kind import Kind
from mailworker.core.settlement import Settlement
from mailworker.core.states import State

#: After the last planned look-up, still ask once in a while: Mailjet's index may be hours late.
AFTERWARDS = timedelta(days=1)

NOT_FOUND = "Mailjet does not know it yet"
FOR_A_PERSON = "Mailjet never knew it; a person decides: replay it, or let it rest"


def after_not_found(
    id_: str,
    kind: Kind,
    *,
    called_at: datetime,
    now: datetime,
    plan: Sequence[timedelta],
) -> Settlement:
    """What becomes of a message that Mailjet was asked about and did not know.

    Absence proves nothing by itself: Mailjet's index has no promised delay. Only a kind that would rather
    come twice than not at all is sent again, `resend_unknown_after` its call; any other waits for a person.
    `plan` says when to ask, counted from the call; look-ups that were missed are not made up for.
    """
    resend = kind.resend_unknown_after
    if resend is not None and now - called_at >= resend:
        return Settlement(id_, State.READY, f"{NOT_FOUND}; sending it again", not_before=now)
    later = [called_at + after for after in plan]
    if resend is not None:
        later.append(called_at + resend)
    due = min((moment for moment in later if moment > now), default=None)
    if due is None:
        return Settlement(id_, State.UNKNOWN, FOR_A_PERSON, not_before=now + AFTERWARDS)
    return Settlement(id_, State.UNKNOWN, NOT_FOUND, not_before=due)

"""When is Mailjet asked about a message of unknown outcome, and what does its silence mean?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mailworker.core.kind import Kind
from mailworker.core.settlement import Settlement
from mailworker.core.states import State

#: After the last planned look-up, still ask once in a while: Mailjet's index may be hours late.
AFTERWARDS = timedelta(days=1)

#: Where nothing shows that Mailjet's index is up to date, ask again so soon; and do without after a day, for
#: where hardly any mail leaves there is nothing to show it.
UNPROVED = timedelta(minutes=10)
NO_PROOF_WANTED_AFTER = timedelta(days=1)

NOT_FOUND = "Mailjet does not know it yet"
NOT_TAKEN = "Mailjet never took it: it shows mail that left later, and not this one; sending it again"
FOR_A_PERSON = "Mailjet never knew it; a person decides: replay it, or let it rest"


def wants_proof(kind: Kind, *, called_at: datetime, now: datetime) -> bool:
    """Whether only a proof that Mailjet's index is up to date is missing to send a message again."""
    due = kind.resend_unknown_after is not None and now - called_at >= kind.resend_unknown_after
    return due and kind.resend_needs_proof and now - called_at < NO_PROOF_WANTED_AFTER


def after_not_found(
    id_: str,
    kind: Kind,
    *,
    called_at: datetime,
    now: datetime,
    plan: Sequence[timedelta],
    proved: bool,
) -> Settlement:
    """What becomes of a message that Mailjet was asked about and did not know.

    Absence proves nothing by itself: Mailjet's index has no promised delay. So a message is sent again only
    `resend_unknown_after` its call, and, where the kind needs proof, once Mailjet was seen to show mail that
    left later (`proved`). A kind that is never sent again waits for a person. `plan` says when to ask,
    counted from the call; look-ups that were missed are not made up for.
    """
    resend = kind.resend_unknown_after
    if resend is not None and now - called_at >= resend:
        if wants_proof(kind, called_at=called_at, now=now) and not proved:
            return Settlement(id_, State.UNKNOWN, NOT_FOUND, not_before=now + UNPROVED)
        why = NOT_TAKEN if kind.resend_needs_proof else f"{NOT_FOUND}; sending it again"
        return Settlement(id_, State.READY, why, not_before=now)
    later = [called_at + after for after in plan]
    if resend is not None:
        later.append(called_at + resend)
    due = min((moment for moment in later if moment > now), default=None)
    if due is None:
        return Settlement(id_, State.UNKNOWN, FOR_A_PERSON, not_before=now + AFTERWARDS)
    return Settlement(id_, State.UNKNOWN, NOT_FOUND, not_before=due)

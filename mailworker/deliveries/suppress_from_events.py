"""Events about addresses: which of them go onto the suppression list, and why."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from mailworker.core.canonical_address import canonical_address
from mailworker.deliveries.kept_event_fields import EventRecord
from mailworker.ledger import delivery_events
from mailworker.ledger.recipient_standings import listings
from mailworker.ledger.run_query import Row
from mailworker.ledger.suppressions import lifted_at, suppress_all, unlist
from mailworker.ledger.switched_off_kinds import switch_off
from mailworker.mailjet.bounce_classification import SuppressionVerdict
from mailworker.rules.delivery_status import Delivery
from mailworker.rules.suppression_reasons import Listing, Trial, soft_bounced_too_often, weightier

_REASONS = {
    SuppressionVerdict.HARD_BOUNCE: "hard_bounce",
    SuppressionVerdict.COMPLAINT: "spam",
    SuppressionVerdict.UNSUBSCRIBED: "unsubscribed",
    SuppressionVerdict.PREBLOCKED: "preblocked",
}
_SOFT = "soft_bounces"
_ARRIVED = {Delivery.DELIVERED, Delivery.OPENED, Delivery.CLICKED}
#: Mailjet's words for what counts in an address's history.
_TRIALS = ("sent", "open", "click", "bounce", "blocked")


def suppress_by(
    connection: Connection,
    pairs: Sequence[tuple[EventRecord, Row | None]],
    *,
    optional: Collection[str] = (),
    now: datetime,
) -> int:
    """Put addresses on the suppression list for what one event alone shows; give how many addresses.

    Who unsubscribes from mail of an `optional` kind switches that kind off, and no other.
    """
    wanted: dict[str, Listing] = {}
    choices: dict[tuple[str, str], datetime] = {}
    for one, row in pairs:
        # The message's own word for the address: where that was erased, a stand-in is listed.
        email = canonical_address(row["to_email"] or "") if row and one.is_for(row) else one.email
        if one.verdict is SuppressionVerdict.UNSUBSCRIBED and row and row["kind"] in optional and email:
            choices[email, row["kind"]] = one.at
            continue
        if (reason := _REASONS.get(one.verdict)) and email:
            listing = Listing(reason, one.at, one.cause or one.word)
            wanted[email] = weightier(wanted[email], listing) if email in wanted else listing
    suppress_all(connection, wanted, now=now)
    again = lifted_at(connection, {email for email, _ in choices}, "opted_in") if choices else {}
    still = {key: at for key, at in choices.items() if key[0] not in again or at > again[key[0]]}
    switch_off(connection, still)
    return len(wanted)


def weigh_soft_bounces(
    connection: Connection, pairs: Sequence[tuple[EventRecord, Row]], *, now: datetime
) -> int:
    """List addresses that could not be reached too often in a row, unlist those that could again.

    Gives how many addresses were listed. Only mails to the address itself count, not copies.
    """
    own = [
        (one, canonical_address(row["to_email"])) for one, row in pairs if row["to_email"] and one.is_for(row)
    ]
    failed = {email for one, email in own if one.verdict is SuppressionVerdict.SOFT_BOUNCE}
    arrived = {email for one, email in own if one.delivery in _ARRIVED}
    known = listings(connection, arrived) if arrived else {}
    doubted = {email for email in arrived if email in known and known[email].reason == _SOFT}
    too_often = _too_often(connection, failed | doubted)
    suppress_all(connection, too_often, now=now)
    if well := doubted - too_often.keys():
        unlist(connection, well, _SOFT, now=now)
    return len(too_often)


def _too_often(connection: Connection, emails: set[str]) -> dict[str, Listing]:
    trials: dict[str, list[Trial]] = {}
    for row in delivery_events.history(connection, emails, _TRIALS) if emails else ():
        if (trial := _trial(row)) is not None:
            trials.setdefault(canonical_address(row["to_email"]), []).append(trial)
    return {
        email: Listing(_SOFT, max(trial.at for trial in history), "could not be delivered, again and again")
        for email, history in trials.items()
        if soft_bounced_too_often(history)
    }


def _trial(row: Row) -> Trial | None:
    detail = row["detail"] or {}
    if "email" in detail:  # a copy's
        return None
    if row["event"] in {"sent", "open", "click"}:
        return Trial(row["message_id"], row["at"], arrived=True)
    soft = detail.get("verdict") == SuppressionVerdict.SOFT_BOUNCE
    return Trial(row["message_id"], row["at"], arrived=False) if soft else None

"""Whether Mailjet's events come in, and tell of every kind of mail."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailworker.core.age_in_words import age
from mailworker.core.plural import counted
from mailworker.ledger.message_counts import unheard
from mailworker.ledger.webhook_log import silence

#: So many mails of a kind without an event are no accident; an event comes within hours, if any comes.
UNHEARD = 3
UNHEARD_WITHIN, HEARD_AFTER = timedelta(days=3), timedelta(hours=6)


def unheard_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """Kinds of which no event tells while events tell of others.

    Mailjet answers success for a sender that is not active, and drops the mail without a word
    (mailjet-apiv3-nodejs#273).
    """
    kinds = unheard(connection, now - UNHEARD_WITHIN, now - HEARD_AFTER)
    if not any(events for _, events in kinds.values()):
        return  # no events at all are the webhook's fault
    for kind, (taken, events) in sorted(kinds.items()):
        if taken >= UNHEARD and not events:
            yield (
                f"Mailjet took {counted(taken, 'mail')} of {kind} within three days, and no event tells "
                "of any, though events tell of others: nobody may have got them. "
                "Is their from_email an active sender? mailworker doctor --only mailjet"
            )


def event_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """Whether Mailjet tells what became of mails."""
    last = silence(connection, now)
    if last.missing_since is not None:
        posted = f"the last {age(now - last.posted)} ago" if last.posted else "none in 14 days"
        yield (
            f"Mails left {age(now - last.missing_since)} ago and Mailjet posted no event since ({posted}): "
            "bounces and complaints stay unknown. `mailworker webhook status` says where it posts; refused "
            "posts are on the operators' page /events. Where it posts here and nothing was refused, nobody "
            "may have got the mails: is each from_email an active sender? mailworker doctor --only mailjet"
        )

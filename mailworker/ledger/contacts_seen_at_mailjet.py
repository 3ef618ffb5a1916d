"""What was seen of contacts at Mailjet: who is there, who is not any more, and who unsubscribed there."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, not_, or_, update

from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.suppressions import lifted_at, suppress_all
from mailworker.rules.suppression_reasons import Listing

_M = mailjet_contacts.c


def seen(connection: Connection, excluded: Mapping[str, bool], *, now: datetime) -> int:
    """Note which addresses were seen at Mailjet, and whether campaigns leave them out; how many are ours.

    An exclusion that we pushed ourselves is not Mailjet's own.
    """
    ours = 0
    for left_out in (False, True):
        emails = [email for email, value in excluded.items() if value is left_out]
        statement = update(mailjet_contacts).where(_M.email.in_(emails))
        its_own = or_(_M.left_out, not_(_M.told_excluded)) if left_out else False
        ours += connection.execute(statement.values(looked_at=now, left_out=its_own)).rowcount
    return ours


def put_back_unseen(connection: Connection, *, pulled_since: datetime, pushed_before: datetime) -> int:
    """Contacts that were pushed and are not at Mailjet any more wait to be pushed again; gives how many.

    Those pushed since `pushed_before` may not be in Mailjet's index yet.
    """
    unseen = (_M.looked_at.is_(None)) | (_M.looked_at < pulled_since)
    statement = update(mailjet_contacts).where(
        _M.state == "in_step", _M.task == "tell", _M.due_at < pushed_before, unseen
    )
    change = {"state": "pending", "told": None, "due_at": pulled_since}
    return connection.execute(statement.values(change)).rowcount


def unsubscribed(connection: Connection, left: Mapping[str, datetime | None], *, now: datetime) -> set[str]:
    """Note who unsubscribed at Mailjet, by canonical address, and when; gives contacts of whom it is news.

    Also who is no contact of the CRM is listed: a contact may take that address tomorrow. What an operator
    lifted since then, or at a time that Mailjet does not give, does not count.
    """
    lifted = lifted_at(connection, left)
    counts = {
        email: at or now for email, at in left.items() if email not in lifted or (at and at > lifted[email])
    }
    known = _M.email.in_(counts), _M.unsubscribed_at.is_(None)
    statement = update(mailjet_contacts).where(*known).values(unsubscribed_at=now)
    news = set(connection.execute(statement.returning(_M.email)).scalars())
    listings = {email: Listing("unsubscribed", at, "mailjet list") for email, at in counts.items()}
    suppress_all(connection, listings, now=now)
    return news

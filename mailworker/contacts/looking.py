"""Looking at Mailjet: who unsubscribed, whom campaigns leave out, and who was deleted there by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from mailworker.contacts.hands import Hands, our_form
from mailworker.contacts.names import Names
from mailworker.ledger import contact_report as report
from mailworker.ledger.holding import suppress
from mailworker.mailjet.contact_reading import members, unsubscribed
from mailworker.rules.contact_changes import EVERYBODY

#: Mailjet may need so long to show a contact that it has just taken; a mistake costs a call.
_INDEXED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at Mailjet. `strangers` are on our list, and in no CRM: they are left alone."""

    members: int = 0
    unsubscribed: int = 0
    newly_unsubscribed: int = 0
    excluded: int = 0
    put_back: int = 0
    strangers: int = 0


class Looker:
    """Reads Mailjet's side, a thousand contacts a call, in the memory of one page."""

    def __init__(self, hands: Hands, names: Names) -> None:
        self._hands = hands
        self._names = names

    def look(self, *, progress: Callable[[int], None] = lambda _count: None) -> Seen:
        """Compare Mailjet with the ledger. Raises NoTokenYet, and what the questions raise."""
        opted_out, news = self._unsubscribed()
        began = self._hands.clock()
        name = self._hands.settings.list_name(EVERYBODY)
        list_id = self._names.known_lists([name], now=began).get(name)
        if list_id is None:
            return Seen(unsubscribed=opted_out, newly_unsubscribed=news)
        found = ours = excluded = 0
        for page in members(self._hands.gateway, list_id, before_call=self._hands.before_call):
            left_out = {our_form(one.email): one.excluded for one in page}
            with self._hands.ledger.write() as connection:
                ours += report.seen(connection, left_out, now=self._hands.clock())
            found += len(left_out)
            excluded += sum(left_out.values())
            progress(len(page))
        with self._hands.ledger.write() as connection:
            put_back = report.put_back_unseen(connection, looked_since=began, told_before=began - _INDEXED)
        return Seen(found, opted_out, news, excluded, put_back, found - ours)

    def _unsubscribed(self) -> tuple[int, int]:
        """Everybody who left one of our lists gets no campaigns from our own batch lane either."""
        hands, found, news = self._hands, set[str](), 0
        for page in unsubscribed(hands.gateway, before_call=hands.before_call):
            emails = {our_form(email) for email, _ in page if email} - found
            found |= emails
            now = hands.clock()
            with hands.ledger.write() as connection:
                for email in report.unsubscribed(connection, emails, now=now):
                    news += 1
                    suppress(connection, email, reason="unsubscribed", source="mailjet list", now=now)
        return len(found), news

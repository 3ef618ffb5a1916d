"""Which mails carry a one-click link to unsubscribe (RFC 8058), and where it leads."""

from functools import cached_property

from mailworker.config.settings import Settings
from mailworker.dispatch.interfaces import Row
from mailworker.ledger import Ledger
from mailworker.ledger.unsubscribe_link_key import unsubscribe_key
from mailworker.rules.campaign_rules import contact_in_key
from mailworker.rules.sign_unsubscribe_link import unsubscribe_link


class UnsubscribeLinks:
    """Gives a campaign's message its link, where the web process is reached from outside by https."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._url = settings.web.public_url or ""
        self._ledger = ledger

    def of(self, row: Row) -> str:
        """The link, or nothing: for mail that is no campaign's, and where nobody outside could follow it."""
        if not self._url.startswith("https://") or contact_in_key(row["idempotency_key"]) is None:
            return ""
        return unsubscribe_link(self._url, row["id"], self._key)

    @cached_property
    def _key(self) -> bytes:
        return unsubscribe_key(self._ledger)

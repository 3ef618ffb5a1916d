"""What everything that works with Mailjet's contact lists has in common."""

from collections.abc import Callable
from datetime import datetime

from mailworker.ledger import Ledger
from mailworker.mailjet.rest_api import RestApi


class ListAccess:
    """Works with lists, by the ledger's word and Mailjet's. `list_name` gives the list of a contact type."""

    def __init__(
        self,
        ledger: Ledger,
        api: RestApi,
        list_name: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._list_name = list_name
        self._clock = clock

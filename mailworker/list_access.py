"""What everything that works with Mailjet's contact lists has in common."""

from collections.abc import Callable
from datetime import datetime

from mailworker.ledger import Ledger
from mailworker.mailjet.gateway import Gateway


class ListAccess:
    """Works with lists, by the ledger's word and Mailjet's.

    `before_call` takes a token for each call, or raises. `list_name` gives the list of a contact type.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: Gateway,
        before_call: Callable[[], None],
        list_name: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._before_call = before_call
        self._list_name = list_name
        self._clock = clock

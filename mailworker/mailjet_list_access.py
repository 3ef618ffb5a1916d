"""What everything that works with Mailjet's contact lists has in common."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from mailworker.ledger import Ledger

if TYPE_CHECKING:
    from mailworker.mailjet.gateway import Gateway


class ListAccess:
    """Works with lists, by the ledger's word and Mailjet's.

    `gateway` opens Mailjet when it is first asked. `before_call` takes a token for each call, or raises.
    `list_name` gives the list of a contact type.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: Callable[[], "Gateway"],
        before_call: Callable[[], None],
        list_name: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._open_gateway = gateway
        self._before_call = before_call
        self._list_name = list_name
        self._clock = clock

    @property
    def _gateway(self) -> "Gateway":
        return self._open_gateway()

"""What the work on contacts at Mailjet is done with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailworker.config.contacts import ContactSettings
from mailworker.config.worker import LEASE
from mailworker.ledger import Ledger
from mailworker.limits import Bucket, CallLane, require_call
from mailworker.mailjet.gateway import Gateway
from mailworker.mailjet.rest_api import RestApi


@dataclass(frozen=True, slots=True)
class ContactDependencies:
    """`patience` is how long a call waits for its token, in seconds.

    A call that is not settled after `lease` belongs to a dead worker: longer than any task may run.
    `forget` erases the rest of what the ledger holds about an address, and gives how many of its mails are
    still on their way, so that it has to be done again.
    """

    ledger: Ledger
    bucket: Bucket
    gateway: Gateway
    settings: ContactSettings
    clock: Callable[[], datetime]
    patience: float = 3.0
    lease: timedelta = LEASE
    forget: Callable[[str], int] = lambda _email: 0

    @property
    def api(self) -> RestApi:
        """Mailjet, with a token of the lowest lane for each call. Raises NoCallFree."""
        return RestApi(
            lambda: self.gateway,
            lambda: require_call(self.bucket, CallLane.CONTACTS, patience=self.patience),
        )

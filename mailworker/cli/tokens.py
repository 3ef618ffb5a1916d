"""A token for a call to Mailjet that is no mail."""

from mailworker.errors import Throttled
from mailworker.house import House
from mailworker.limits import CallLane

#: How long to wait for it, in seconds; mail goes first.
PATIENCE = 60.0


def take_token(house: House) -> None:
    """Wait for a token. Raises Throttled where none came in time."""
    if house.bucket.take(CallLane.CONTACTS, patience=PATIENCE) is None:
        raise Throttled("No call to Mailjet is free at this moment; try again later.", retry_after=PATIENCE)

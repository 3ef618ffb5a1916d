"""Asking Mailjet about messages, a token of the rate limit for each call."""

from collections.abc import Mapping
from datetime import datetime

from mailworker.core.message import Receipt
from mailworker.errors import Throttled
from mailworker.limits import Bucket, CallLane
from mailworker.mailjet.gateway import Gateway
from mailworker.mailjet.message_lookup import find_by_custom_id, list_between

#: How long a look-up waits for its token, in seconds.
TOKEN_PATIENCE = 10.0


class TokenLookup:
    """Finds messages at Mailjet by CustomID. Raises Throttled without a token, and the gateway's errors."""

    def __init__(self, gateway: Gateway, bucket: Bucket) -> None:
        self._gateway = gateway
        self._bucket = bucket

    def one(self, custom_id: str) -> Receipt | None:
        """Mailjet's receipt for this message, or None."""
        self._take_token()
        found = find_by_custom_id(self._gateway, custom_id)
        return Receipt(found.message_id, found.uuid) if found else None

    def between(self, since: datetime, until: datetime) -> Mapping[str, Receipt]:
        """The receipts of all messages that arrived in this time, by CustomID."""
        pages = list_between(self._gateway, since, until, before_call=self._take_token)
        return {found.custom_id: Receipt(found.message_id, found.uuid) for page in pages for found in page}

    def _take_token(self) -> None:
        if self._bucket.take(CallLane.NORMAL, patience=TOKEN_PATIENCE) is None:
            raise Throttled("No call is free for a look-up.", retry_after=TOKEN_PATIENCE)

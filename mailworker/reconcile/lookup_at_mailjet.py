"""Asks Mailjet which messages it has: a few one by one by CustomID, many in a list of their minutes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from mailworker.core.settlement import Receipt
from mailworker.ledger.run_query import Row
from mailworker.limits import Bucket, CallLane, require_call
from mailworker.mailjet.gateway import Gateway
from mailworker.mailjet.message_resource import find_by_custom_id, list_between
from mailworker.mailjet.rest_api import RestApi

#: Up to this many are asked for one by one; more are found in a list of all that arrived at that time.
ONE_BY_ONE = 3
#: Mailjet's clock and ours may differ by this much.
CLOCK_SKEW = timedelta(seconds=30)
#: How long a look-up waits for its token, in seconds.
_PATIENCE = 10.0


class MessageLookup(Protocol):
    """Who asks Mailjet. Each method takes a token for every call it makes."""

    def one(self, custom_id: str) -> Receipt | None:
        """Mailjet's receipt for this CustomID, or None."""

    def between(self, since: datetime, until: datetime) -> Mapping[str, Receipt]:
        """The receipts of all messages that arrived in this time, by CustomID."""


def receipts_of(rows: Sequence[Row], lookup: MessageLookup, *, longest: timedelta) -> Mapping[str, Receipt]:
    """Mailjet's receipts for those of these messages that it shows, by id. A call takes `longest`."""
    if len(rows) <= ONE_BY_ONE:
        answers = {row["id"]: lookup.one(row["id"]) for row in rows}
        return {id_: receipt for id_, receipt in answers.items() if receipt is not None}
    receipts: dict[str, Receipt] = {}
    for since, until in windows([row["called_at"] for row in rows], longest):
        receipts |= lookup.between(since - CLOCK_SKEW, until + CLOCK_SKEW)
    return receipts


def windows(moments: Sequence[datetime], longest: timedelta) -> list[tuple[datetime, datetime]]:
    """The spans of time in which calls begun at these moments can have arrived, overlapping ones joined."""
    joined: list[tuple[datetime, datetime]] = []
    for moment in sorted(moments):
        if joined and moment <= joined[-1][1]:
            joined[-1] = (joined[-1][0], moment + longest)
        else:
            joined.append((moment, moment + longest))
    return joined


class TokenLookup:
    """Finds messages at Mailjet by CustomID. Raises NoCallFree without a token, and the gateway's errors."""

    def __init__(self, gateway: Gateway, bucket: Bucket) -> None:
        self._api = RestApi(
            lambda: gateway, lambda: require_call(bucket, CallLane.NORMAL, patience=_PATIENCE)
        )

    def one(self, custom_id: str) -> Receipt | None:
        """Mailjet's receipt for this message, or None."""
        found = find_by_custom_id(self._api, custom_id)
        return Receipt(found.message_id, found.uuid) if found else None

    def between(self, since: datetime, until: datetime) -> Mapping[str, Receipt]:
        """The receipts of all messages that arrived in this time, by CustomID."""
        pages = list_between(self._api, since, until)
        return {found.custom_id: Receipt(found.message_id, found.uuid) for page in pages for found in page}

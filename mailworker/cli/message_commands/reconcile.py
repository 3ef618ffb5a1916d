"""After a restore: what Mailjet took since the backup is noted as sent, before anything leaves again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from mailworker.cli.container_context import rest_api
from mailworker.core.chunks import chunked
from mailworker.core.clock import utc_now
from mailworker.core.kind import Kind
from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.ledger.confirm_sent import prove
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.replay_cancel import candidates
from mailworker.mailjet.message_resource import Found, list_between
from mailworker.rules.secret_variables import wiped

if TYPE_CHECKING:
    from mailworker.container import Container

WHY = "accepted by Mailjet, as it said after the ledger was restored"
_AT_ONCE = 200


def reconcile_messages(container: "Container", since: datetime) -> tuple[int, int]:
    """Ask Mailjet for all it took since then; how many it named, and how many messages became sent.

    Raises what the gateway and the ledger raise; run again, it goes on.
    """
    named = moved = 0
    # Mailjet counts in whole seconds and by a clock of its own: what it took just now is requested as well.
    until = utc_now() + timedelta(minutes=1)
    pages = list_between(rest_api(container), since, until)
    for page in pages:
        named += len(page)
        for some in chunked(page, _AT_ONCE):
            with container.ledger.write() as connection:
                moved += _note(connection, some, container.settings.kinds)
    return named, moved


def _note(connection: Connection, page: Sequence[Found], kinds: Mapping[str, Kind]) -> int:
    found = {one.custom_id: one for one in page}
    wanted = MessageFilter(ids=tuple(found), states=tuple(set(State) - {State.SENT}))
    rows = candidates(connection, wanted, limit=len(found))
    return prove(connection, [_proof(row, found[row["id"]], kinds) for row in rows], now=utc_now())


def _proof(row: Mapping[str, Any], found: Found, kinds: Mapping[str, Kind]) -> Settlement:
    kind = kinds.get(row["kind"]) or Kind(row["kind"], ())
    receipt = Receipt(found.message_id, found.uuid)
    return Settlement(row["id"], State.SENT, WHY, receipt=receipt, wiped=wiped(kind, row["variables"]))

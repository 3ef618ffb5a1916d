"""Writing down that Mailjet has a message, whoever found out: an event, a look-up, a late answer."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from mailworker.core.settlement import Settlement
from mailworker.core.states import State, may_move
from mailworker.ledger.settle_messages import CallRecord, settle

#: Out of these a proof makes a message sent, the likeliest first. What was ended for good stays ended, for it
#: does not leave again.
PROVABLE = tuple(
    state
    for state in sorted(State, key=lambda state: (state is not State.UNKNOWN, state is not State.SENDING))
    if may_move(state, State.SENT)
)


def prove(
    connection: Connection, proofs: Sequence[Settlement], *, now: datetime, call: CallRecord | None = None
) -> int:
    """Make these messages sent wherever they stand by now, whoever holds them; give how many moved.

    A proof asks for no lease: who holds the message finds it gone before the call, and does not send it.
    """
    moved = 0
    for state in PROVABLE:
        if moved < len(proofs):
            moved += len(settle(connection, proofs, now=now, expected=state, call=call))
    return moved

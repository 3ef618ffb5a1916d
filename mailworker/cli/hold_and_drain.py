"""Holding by hand: what a scope means, and waiting until nothing of it is in a call."""

import time
from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, select

from mailworker.cli.kind_names import whole_kind
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.lane import Lane
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.run_query import any_row
from mailworker.ledger.tables import in_state, messages
from mailworker.rules.claimable_while_held import EVERYTHING, LANE_PREFIX

#: No call outlasts its lease (`worker.lease`, 150 s), in seconds.
PATIENCE = 160.0
_NAP = 0.5
_LANES = tuple(f"{LANE_PREFIX}{lane.word}" for lane in Lane)


def held_scope(text: str, kinds: Collection[str]) -> str:
    """The scope that this text names. Raises BadInput for none that there is."""
    if (name := scope_named(text, kinds)) in {EVERYTHING, *_LANES, *kinds}:
        return name
    hint = did_you_mean(text, [*_LANES, *kinds]) or "; use all for all mail."
    raise BadInput(f"{text}: is no kind of e-mail and no lane{hint}")


def scope_named(text: str, kinds: Collection[str]) -> str:
    """What is meant by `all`, or by enough of a kind's end; any other text is itself."""
    return EVERYTHING if text == "all" else whole_kind(text, kinds)


def drained(ledger: Ledger, scope: str, *, patience: float = PATIENCE) -> bool:
    """Wait until nothing of this scope is in a call; False after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        with ledger.read() as connection:
            if not _in_a_call(connection, scope):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_NAP)


def _in_a_call(connection: Connection, scope: str) -> bool:
    query = select(messages.c.id).where(in_state("sending"), *_conditions(scope))
    return any_row(connection, query)


def _conditions(scope: str) -> list[ColumnElement[bool]]:
    if scope == EVERYTHING:
        return []
    if scope.startswith(LANE_PREFIX):
        return [messages.c.lane == int(Lane.from_word(scope.removeprefix(LANE_PREFIX)))]
    return [messages.c.kind == scope]

"""What operators do on their page: each act in one transaction with its line in the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailworker.container import Container
from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.holds import hold_by_hand, release
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.operator_audit_log import Act, OperatorAction, record_action
from mailworker.ledger.replay_cancel import CANCELLABLE, blocked_candidates, cancel, candidates, replay
from mailworker.rules.claimable_while_held import EVERYTHING, LANE_PREFIX
from mailworker.rules.may_replay import replay_hindrance
from mailworker.rules.secret_variables import wiped

Row = Mapping[str, Any]

#: The most messages that one act changes.
AT_ONCE = 500
_LONGEST_WHY = 500


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, from where, and why."""

    who: str
    source: str
    why: str


class OperatorActs:
    """The acts themselves. Each gives how much it changed, and raises BadInput for what cannot be done."""

    def __init__(self, container: Container, clock: Callable[[], datetime]) -> None:
        self._container = container
        self._clock = clock

    def replayable(self, wanted: MessageFilter) -> tuple[list[Row], dict[str, str]]:
        """Of the failed and blocked messages, those that can be sent again, and why the others cannot."""
        with self._container.ledger.read() as connection:
            rows = self._failed(connection, wanted)
        hindered = {row["id"]: why for row in rows if (why := self._hindrance(row))}
        return [row for row in rows if row["id"] not in hindered], hindered

    def replay(self, wanted: MessageFilter, operator: Operator, *, target: str) -> int:
        """Send again what failed, or what Mailjet blocked for a fault of ours."""
        by = _checked(operator)
        now = self._clock()
        with self._container.ledger.write() as connection:
            able = [row for row in self._failed(connection, wanted) if not self._hindrance(row)]
            moved = replay(connection, able, now=now, why=f"sent again by {by.who}: {by.why}")
            self._record(connection, Act.REPLAY, target, by, moved)
        return moved

    def cancel(self, id_: str, operator: Operator) -> int:
        """End a message that has not left."""
        by = _checked(operator)
        kinds = self._container.settings.kinds
        with self._container.ledger.write() as connection:
            rows = candidates(connection, MessageFilter(ids=(id_,), states=CANCELLABLE), limit=1)
            moved = cancel(
                connection,
                rows,
                now=self._clock(),
                why=f"cancelled by {by.who}: {by.why}",
                wipe=lambda row: wiped(kinds.get(row["kind"]) or Kind(row["kind"], ()), row["variables"]),
            )
            self._record(connection, Act.CANCEL, id_, by, moved)
        return moved

    def hold(self, scope: str, operator: Operator) -> None:
        """Stop a kind, a lane or all mail until somebody releases it."""
        by = _checked(operator)
        if scope not in self.scopes():
            raise BadInput("scope: is no kind of e-mail and no lane.")
        with self._container.ledger.write() as connection:
            hold_by_hand(connection, scope, reason=f"{by.why} ({by.who})", now=self._clock())
            self._record(connection, Act.HOLD, scope, by, 1)

    def release(self, scope: str, operator: Operator) -> int:
        """End a hold."""
        by = _checked(operator)
        with self._container.ledger.write() as connection:
            ended = release(connection, [scope])
            self._record(connection, Act.RELEASE, scope, by, ended)
        return ended

    def lift(self, email: str, operator: Operator) -> Sequence[str]:
        """Take an address off the suppression list; gives what is left to do at Mailjet."""
        by = _checked(operator)
        with self._container.ledger.write() as connection:
            self._record(connection, Act.LIFT, "suppression list", by, 1)
        return self._container.suppressions.lift(email, why=by.why, by=by.who).advice

    def scopes(self) -> list[str]:
        """What can be held."""
        lanes = [f"{LANE_PREFIX}{lane.word}" for lane in Lane]
        return [EVERYTHING, *lanes, *self._container.settings.kinds]

    def _failed(self, connection: Connection, wanted: MessageFilter) -> list[Row]:
        chosen = replace(wanted, states=(State.FAILED,))
        rows = candidates(connection, chosen, limit=AT_ONCE)
        return rows + blocked_candidates(connection, chosen, limit=AT_ONCE - len(rows))

    def _hindrance(self, row: Row) -> str:
        return replay_hindrance(row, self._container.settings.kinds.get(row["kind"]), self._clock())

    def _record(self, connection: Connection, what: Act, target: str, by: Operator, affected: int) -> None:
        action = OperatorAction(self._clock(), by.who, by.source, what, target[:120], by.why, affected)
        record_action(connection, action)


def _checked(operator: Operator) -> Operator:
    """The operator, whose reason colleagues will read."""
    why = " ".join(operator.why.split())
    if not 0 < len(why) <= _LONGEST_WHY or not why.isprintable():
        raise BadInput(f"why: say in 1 to {_LONGEST_WHY} characters why; colleagues read it.")
    return replace(operator, why=why)

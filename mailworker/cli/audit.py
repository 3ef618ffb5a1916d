"""What is done on the command line is written down as on the page: who, when, what, why."""

import getpass
from typing import TYPE_CHECKING

from mailworker.core.clock import utc_now
from mailworker.ledger.operator_audit_log import Act, OperatorAction, record_action

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SOURCE = "command line"


def audited(connection: "Connection", what: Act, target: str, *, why: str, affected: int) -> None:
    """Write one act down, in the transaction that does it. No address of a customer is a target."""
    action = OperatorAction(utc_now(), getpass.getuser()[:100], _SOURCE, what, target[:120], why, affected)
    record_action(connection, action)

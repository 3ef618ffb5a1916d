"""Counting: how many messages stand where, and how long the oldest has waited."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from mailworker.ledger.tables import in_state, messages, rejected_jobs
from mailworker.message import Lane
from mailworker.states import FINAL, State


@dataclass(frozen=True, slots=True)
class Books:
    """The balance: every accepted message is either final or waiting."""

    by_state: Mapping[State, int]

    @property
    def accepted(self) -> int:
        """All messages in the ledger."""
        return sum(self.by_state.values())

    @property
    def final(self) -> int:
        """Those that nothing will happen to by itself."""
        return sum(count for state, count in self.by_state.items() if state in FINAL)

    @property
    def waiting(self) -> int:
        """Those on their way."""
        return self.accepted - self.final


def books(connection: Connection) -> Books:
    """Count the messages by state."""
    rows = connection.execute(select(messages.c.state, func.count()).group_by(messages.c.state))
    return Books({State(state): count for state, count in rows})


def oldest_ready(connection: Connection, now: datetime) -> dict[Lane, datetime]:
    """For each lane with messages that could go now: since when its oldest could."""
    query = (
        select(messages.c.lane, func.min(messages.c.not_before))
        .where(in_state("ready"), messages.c.not_before <= now)
        .group_by(messages.c.lane)
    )
    return {Lane(lane): since for lane, since in connection.execute(query)}


def rejected(connection: Connection) -> int:
    """How many jobs could not become messages."""
    return connection.execute(select(func.count()).select_from(rejected_jobs)).scalar_one()

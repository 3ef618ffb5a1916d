"""What one round did, for metrics and for who looks at the task: nothing that names a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mailworker.core.lane import Lane
from mailworker.core.settlement import Settlement
from mailworker.dispatch.interfaces import ClaimedBatch, SentMail


def settled_mails(batch: ClaimedBatch, settlements: Sequence[Settlement], at: datetime) -> list[SentMail]:
    """What became of these messages of the batch at this moment."""
    rows = {row["id"]: row for row in batch.rows}
    return [_mail(rows[one.id], one, at) for one in settlements]


def _mail(row: Mapping[str, Any], settled: Settlement, at: datetime) -> SentMail:
    waited = (at - max(row["accepted_at"], row["not_before"])).total_seconds()
    lane = Lane(row["lane"])
    return SentMail(row["id"], row["kind"], lane, max(waited, 0.0), settled.state, settled.code)

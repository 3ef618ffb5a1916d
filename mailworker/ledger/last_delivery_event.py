"""The last event of each mail of a list: when it came to its delivery status, and in which words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from mailworker.ledger.run_query import Row
from mailworker.ledger.tables import timeline
from mailworker.rules.delivery_status import OF_A_COPY


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """When the last such event happened, and Mailjet's words for it."""

    at: datetime
    why: str


def delivery_news(connection: Connection, rows: Iterable[Row]) -> dict[str, DeliveryNews]:
    """By message: the last event of its delivery status. Messages without one are left out."""
    statuses = {row["id"]: row["delivery"] for row in rows if row["delivery"]}
    if not statuses:
        return {}
    step = timeline.c
    query = select(step.message_id, step.what, step.at, step.why).where(step.message_id.in_(statuses))
    query = query.where(step.what.in_(sorted(set(statuses.values())))).order_by(step.at, step.id)
    return {
        id_: DeliveryNews(at, why or "")
        for id_, what, at, why in connection.execute(query)
        if statuses[id_] == what and not (why or "").startswith(OF_A_COPY)
    }

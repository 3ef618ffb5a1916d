"""Counts of campaigns' messages by hour, kept beside those by kind: a million messages are a few rows."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, select

from mailworker.core.lane import Lane
from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import campaigns
from mailworker.ledger.message_counts import ended_in_hour
from mailworker.ledger.run_query import pairs
from mailworker.ledger.tables import UtcDateTime, messages, metadata
from mailworker.rules.campaign_rules import CAMPAIGN_ID, key_of
from mailworker.rules.delivery_rates import MailFigures, figures_of

campaign_statistics = Table(
    "campaign_statistics",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("campaign", String(12), primary_key=True),
    Column("state", String(12), primary_key=True),
    Column("delivery", String(16), primary_key=True),
    Column("messages", Integer, nullable=False),
)
_C = campaign_statistics.c


class CampaignTally(NamedTuple):
    """So many messages of a campaign came to this state; `delivery` is empty where no event came."""

    campaign: str
    state: str
    delivery: str
    messages: int


def roll_up_campaigns(connection: Connection, hours: list[datetime]) -> None:
    """Count these whole hours anew."""
    connection.execute(delete(campaign_statistics).where(_C.hour >= min(hours)))
    rows = [{"hour": hour, **one._asdict()} for hour in hours for one in _count(connection, hour)]
    insert_rows(connection, campaign_statistics, rows)


def campaign_tallies(
    connection: Connection, *, since: datetime, live: list[datetime]
) -> Iterator[CampaignTally]:
    """What was counted since then up to the `live` hours, and these as they stand now."""
    query = select(_C.campaign, _C.state, _C.delivery, func.sum(_C.messages))
    query = query.where(_C.hour >= since, _C.hour < min(live))
    for row in connection.execute(query.group_by(_C.campaign, _C.state, _C.delivery)):
        yield CampaignTally(*row)
    for hour in live:
        yield from _count(connection, hour)


def campaign_figures(connection: Connection, found: Iterator[CampaignTally]) -> list[tuple[str, MailFigures]]:
    """Each campaign's name with its figures, the most sent first."""
    by_campaign: dict[str, list[tuple[str, str, int]]] = {}
    for one in found:
        by_campaign.setdefault(one.campaign, []).append((one.state, one.delivery, one.messages))
    query = select(campaigns.c.id, campaigns.c.name).where(campaigns.c.id.in_(by_campaign))
    names = pairs(connection, query)
    figures = [(names.get(id_, id_), figures_of(counts)) for id_, counts in by_campaign.items()]
    return sorted(figures, key=lambda one: (-one[1].sent, one[0]))


def _count(connection: Connection, hour: datetime) -> list[CampaignTally]:
    key, start = messages.c.idempotency_key, len(key_of("", "")) - 1
    campaign = func.substr(key, start + 1, CAMPAIGN_ID).label("campaign")
    of_campaigns = (messages.c.lane == int(Lane.BULK), key.startswith(key_of("", "")[:start]))
    return [CampaignTally(*row) for row in ended_in_hour(connection, hour, campaign, *of_campaigns)]

"""A list's filters: read from its URL, asked of the ledger, and written into the links of the page."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.cli.message_commands import filters
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.rules.delivery_status import Delivery
from mailworker.web.operators_page.list_query import DELIVERIES, LANES, STATES, ListQuery, read_list_query

PARIS = ZoneInfo("Europe/Paris")
KINDS = ("one", "two")
AT = datetime(2026, 11, 30, 9, tzinfo=UTC)


def midnight(day):
    return datetime(2026, 11, day, tzinfo=PARIS)


def test_the_form_offers_what_there_is():
    assert ListQuery.lanes == LANES == ("urgent", "normal", "bulk") == tuple(one.word for one in Lane)
    assert ListQuery.states == STATES == tuple(one.value for one in State)
    assert ListQuery.deliveries == (*DELIVERIES, "none")
    assert tuple(one.value for one in Delivery) == DELIVERIES


def test_no_filter_restricts_nothing():
    assert read_list_query({}, KINDS) == ListQuery()
    assert (
        read_list_query(
            dict.fromkeys(("state", "kind", "lane", "delivery", "before", "since", "until"), ""), KINDS
        )
        == ListQuery()
    )
    assert ListQuery().filter(PARIS) == MessageFilter()
    assert ListQuery().file() == "/messages.csv"


def test_each_filter_reaches_the_ledger():
    query = read_list_query(
        {"state": "failed", "kind": "two", "lane": "urgent", "delivery": "bounced", "since": "2026-11-28"},
        KINDS,
    )
    assert query.filter(PARIS) == MessageFilter(
        states=(State.FAILED,), kind="two", lane=Lane.URGENT, delivery="bounced", since=midnight(28)
    )


@pytest.mark.parametrize(
    ("before", "until", "asked"),
    [
        (None, "2026-11-29", midnight(30)),
        (AT, None, AT),
        (AT, "2026-11-29", midnight(30)),
        (AT - timedelta(days=3), "2026-11-29", AT - timedelta(days=3)),
    ],
)
def test_a_list_ends_with_its_last_day_or_where_the_page_before_ended(before, until, asked):
    given_query = {"before": before.isoformat() if before else "", "until": until or ""}
    found = read_list_query(given_query, KINDS).filter(PARIS)
    assert (found.before, found.since) == (asked, None)


@pytest.mark.parametrize(
    ("given_query", "faults"),
    [
        ({"state": "lost"}, ["state: there is no state of this name."]),
        ({"kind": "three"}, ["kind: there is no kind of this name."]),
        ({"lane": "slow"}, ["lane: there is no lane of this name."]),
        ({"delivery": "eaten"}, ["delivery: there is no delivery of this name."]),
        ({"since": "yesterday"}, ["since: write a day like 2026-11-30."]),
        ({"until": "1999-12-31"}, ["until: write a day like 2026-11-30."]),
        ({"until": "9001-01-01"}, ["until: write a day like 2026-11-30."]),
        ({"before": "now"}, ["before: is no moment."]),
        ({"before": "2026-11-30T09:00:00"}, ["before: is no moment."]),
        ({"before": "1999-12-31T23:59:59+00:00"}, ["before: is no moment."]),
        ({"before": "9001-01-01T00:00:00+00:00"}, ["before: is no moment."]),
        (
            {"since": "x", "state": "y", "before": "z"},
            [
                "state: there is no state of this name.",
                "before: is no moment.",
                "since: write a day like 2026-11-30.",
            ],
        ),
    ],
)
def test_what_is_none_of_ours_is_told(given_query, faults):
    with pytest.raises(BadInput) as raised:
        read_list_query(given_query, KINDS)
    assert list(raised.value.faults) == faults


@pytest.mark.parametrize("year", [2000, 9000])
def test_the_first_and_the_last_year_are_taken(year):
    query = read_list_query({"since": f"{year}-06-01", "before": f"{year}-06-01T00:00:00+00:00"}, KINDS)
    assert query.since == date(year, 6, 1)
    assert query.before == datetime(year, 6, 1, tzinfo=UTC)


DAYS = st.none() | st.dates(date(2000, 1, 1), date(9000, 12, 30))
LAST = {"changed_at": AT, "id": "m9"}
QUERIES = st.builds(
    ListQuery,
    state=st.sampled_from(["", *STATES]),
    kind=st.sampled_from(["", *KINDS]),
    lane=st.sampled_from(["", *LANES]),
    delivery=st.sampled_from(["", *ListQuery.deliveries]),
    since=DAYS,
    until=DAYS,
)


@given(QUERIES)
def test_links_lead_to_the_same_messages(query):
    def read(link):
        return read_list_query(dict(parse_qsl(urlsplit(link).query)), KINDS)

    assert urlsplit(query.link(LAST)).path == "/messages"
    assert urlsplit(query.file()).path == "/messages.csv"
    assert read(query.file()) == query
    older = read(query.link(LAST))
    assert (older.before, older.after) == (AT, "m9")
    assert (older.since, older.until, older.state, older.kind) == (
        query.since,
        query.until,
        query.state,
        query.kind,
    )
    assert (older.lane, older.delivery) == (query.lane, query.delivery)
    assert "=&" not in query.link(LAST) + query.file() + "&", "what restricts nothing is not in the URL"


def test_the_commands_filters(monkeypatch):
    monkeypatch.setattr(filters, "utc_now", lambda: AT)
    given = {"ids": ["a"], "states": (State.SENT,), "kind": "k", "lane": "bulk", "reason": "r"}
    wanted = filters.wanted_of(**given, older="1h", newer="2d")
    assert wanted == MessageFilter(
        ids=("a",), states=(State.SENT,), kind="k", lane=Lane.BULK, reason="r",
        before=AT - timedelta(hours=1), since=AT - timedelta(days=2),
    )  # fmt: skip
    with pytest.raises(BadInput) as raised:
        filters.wanted_of(lane="slow", older="x", newer="y")
    assert [one.partition(":")[0] for one in raised.value.faults] == ["--lane", "--older", "--newer"]
    assert raised.value.faults[0] == "--lane: is urgent, normal or bulk."
    whom = filters.Whom(to="t", customer="c")
    plain = filters.wanted_of()
    found = filters.narrowed(plain, whom, since="2026-11-01", until="2026-11-02", zone=PARIS)
    assert (found.to, found.customer, found.since, found.before) == ("t", "c", midnight(1), midnight(3))
    kept = filters.narrowed(wanted, whom, since=None, until=None, zone=PARIS)
    assert (kept.since, kept.before) == (wanted.since, wanted.before)
    open_ = filters.narrowed(plain, whom, since=None, until=None, zone=PARIS)
    assert (open_.since, open_.before) == (None, None)
    days = {"since": f"{AT - timedelta(days=1):%Y-%m-%d}", "until": f"{AT - timedelta(days=1):%Y-%m-%d}"}
    of_days = filters.narrowed(plain, whom, **days, zone=PARIS)
    for older, newer in (("1h", "7d"), ("3d", "1h")):  # whichever of both is narrower counts
        both = filters.narrowed(filters.wanted_of(older=older, newer=newer), whom, **days, zone=PARIS)
        alone = filters.wanted_of(older=older, newer=newer)
        assert both.since == max(of_days.since, alone.since)
        assert both.before == min(of_days.before, alone.before)
    assert both.since > of_days.since
    assert both.before < of_days.before
    with pytest.raises(BadInput) as raised:
        filters.narrowed(wanted, filters.Whom(delivery="odd"), since=None, until="x", zone=PARIS)
    assert raised.value.faults[0].startswith("--delivery: is one of ")
    assert raised.value.faults[1] == "--until: write a day like 2026-11-30."

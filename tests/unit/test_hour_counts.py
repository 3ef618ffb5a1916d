"""Messages by the hour: which hour counts which message, what a roll-up keeps, and what is counted anew."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from mailworker.ledger.campaign_rows import add
from mailworker.ledger.campaign_statistics import campaign_statistics
from mailworker.ledger.hourly_statistics import (
    HourlyTally,
    current_campaigns,
    current_tallies,
    figures_by_kind,
    roll_up,
    tallies,
)
from mailworker.ledger.tables import messages, statistics
from mailworker.rules.campaign_rules import key_of
from tests.rows import NOW, STRICT, URGENT, put, row

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
ONE, TWO = "c00000000001", "c00000000002"


def sent(at, **changes):
    return row(**({"state": "sent", "changed_at": at} | changes))


def counted(connection, since=NOW - HOUR, until=NOW + 9 * HOUR, **given):
    found = tallies(connection, since=since, until=until, **given)
    return [((one.hour - NOW) / HOUR, one.kind, one.state, one.delivery, one.messages) for one in found]


@pytest.mark.parametrize(
    ("at", "hour"),
    [(NOW, 0), (NOW + HOUR - SECOND, 0), (NOW + HOUR, 1), (NOW - SECOND, -1), (NOW - HOUR, -1)],
)
def test_a_message_counts_in_the_hour_of_its_last_change(connection, at, hour):
    put(connection, sent(at))
    roll_up(connection, since=NOW - HOUR, now=NOW + HOUR)
    assert counted(connection) == [(hour, STRICT, "sent", "", 1)]


def test_hours_are_those_of_utc_in_whatever_zone_a_moment_is_given(connection):
    put(connection, sent(NOW))
    now = NOW.astimezone(ZoneInfo("Asia/Kolkata"))
    roll_up(connection, since=now, now=now)
    assert counted(connection, since=now, until=now + HOUR) == [(0, STRICT, "sent", "", 1)]


@pytest.mark.parametrize(
    ("state", "counts"),
    [("sent", True), ("failed", True), ("suppressed", True), ("expired", True), ("cancelled", True),
     ("ready", False), ("held", False), ("unknown", False), ("sending", False), ("accepted", False)],
)  # fmt: skip
def test_only_what_is_final_counts(connection, state, counts):
    put(connection, sent(NOW, state=state))
    roll_up(connection, since=NOW, now=NOW)
    assert len(counted(connection)) == int(counts)


def test_alike_messages_are_one_count(connection):
    put(connection, sent(NOW), sent(NOW + MINUTE), sent(NOW, delivery="opened"), sent(NOW, kind=URGENT))
    roll_up(connection, since=NOW, now=NOW)
    assert sorted(counted(connection)) == sorted(
        [(0, STRICT, "sent", "", 2), (0, STRICT, "sent", "opened", 1), (0, URGENT, "sent", "", 1)]
    )
    assert counted(connection, kind=URGENT) == [(0, URGENT, "sent", "", 1)]


def test_hours_are_given_in_their_order_and_within_their_bounds(connection):
    for number in (2, 0, 1, 3):
        put(connection, sent(NOW + number * HOUR))
    roll_up(connection, since=NOW, now=NOW + 3 * HOUR)
    assert [one[0] for one in counted(connection)] == [0, 1, 2, 3]
    assert [one[0] for one in counted(connection, NOW + HOUR, NOW + 3 * HOUR)] == [1, 2]
    assert [one[0] for one in counted(connection, NOW + HOUR + MINUTE, NOW + 3 * HOUR + SECOND)] == [1, 2, 3]


def test_a_roll_up_counts_its_hours_anew_and_leaves_the_earlier_ones(connection):
    put(connection, sent(NOW), sent(NOW + HOUR, id="late"))
    roll_up(connection, since=NOW, now=NOW + HOUR)
    connection.execute(delete(messages))
    roll_up(connection, since=NOW + HOUR + MINUTE, now=NOW + 2 * HOUR)
    assert counted(connection) == [(0, STRICT, "sent", "", 1)], "what is forgotten stays counted"
    roll_up(connection, since=NOW, now=NOW)
    assert connection.execute(select(statistics)).all() == []


@pytest.mark.parametrize(("minute", "counted_anew"), [(0, True), (5, True), (6, False), (7, False)])
def test_an_hour_that_ended_just_now_is_counted_again(connection, minute, counted_anew):
    """So long as the roll-up after its end may still be to come."""
    put(connection, sent(NOW))
    now = NOW + HOUR + minute * MINUTE
    found = current_tallies(connection, since=NOW, now=now)
    assert found == ([HourlyTally(NOW, STRICT, "sent", "", 1)] if counted_anew else [])


def test_what_was_kept_and_what_is_counted_now_are_one_list(connection):
    put(connection, sent(NOW), sent(NOW, kind=URGENT))
    roll_up(connection, since=NOW, now=NOW)
    connection.execute(delete(messages))
    put(connection, sent(NOW + 3 * HOUR), sent(NOW + 3 * HOUR, kind=URGENT), sent(NOW + 4 * HOUR))
    given = {"since": NOW - 9 * HOUR, "now": NOW + 3 * HOUR + 30 * MINUTE}
    found = current_tallies(connection, **given)
    assert sorted((one.hour, one.kind) for one in found) == sorted(
        (NOW + number * HOUR, kind) for number in (0, 3) for kind in (STRICT, URGENT)
    )
    assert {one.kind for one in current_tallies(connection, kind=URGENT, **given)} == {URGENT}
    assert [one.hour for one in current_tallies(connection, kind=URGENT, **given)] == [NOW, NOW + 3 * HOUR]


def test_the_kind_that_sent_most_comes_first(connection):
    found = [
        HourlyTally(NOW, "a", "sent", "", 1),
        HourlyTally(NOW, "b", "sent", "opened", 2),
        HourlyTally(NOW + HOUR, "b", "failed", "", 3),
        HourlyTally(NOW, "c", "sent", "", 1),
        HourlyTally(NOW + HOUR, "a", "cancelled", "", 9),
    ]
    by_kind = figures_by_kind(found)
    assert [kind for kind, _ in by_kind] == ["b", "a", "c"]
    (_, figures), *_ = by_kind
    assert (figures.sent, figures.opened, figures.delivered, figures.failed) == (2, 2, 2, 3)


# --- campaigns --------------------------------------------------------------------------------------------


def campaign(connection, id_, name):
    texts = {
        "name": name,
        "way": "workers",
        "state": "sent",
        "segment": "",
        "contact_type": "",
        "content": {},
    }
    add(connection, {"id": id_, "written": 0, "left_out": 0, "created_at": NOW, "changed_at": NOW} | texts)


def mail(number, id_, at=NOW, **changes):
    return sent(at, id=f"m{number}", idempotency_key=key_of(id_, f"p{number}"), **({"lane": 2} | changes))


def shown(connection, since=NOW, now=NOW + HOUR):
    return [
        (name, figures.sent, figures.opened)
        for name, figures in current_campaigns(connection, since=since, now=now)
    ]


def test_a_campaigns_messages_are_counted_by_its_name(connection):
    campaign(connection, ONE, "spring")
    put(
        connection,
        mail(1, ONE),
        mail(2, ONE, delivery="opened"),
        mail(3, TWO),
        mail(4, TWO, lane=1),
        mail(5, TWO, state="ready"),
        sent(NOW, lane=2, idempotency_key=f"campaign-test:{TWO}:p"),
    )
    assert shown(connection) == [("spring", 2, 1), (TWO, 1, 0)]


def test_campaigns_that_sent_alike_come_by_their_names(connection):
    campaign(connection, ONE, "b")
    campaign(connection, TWO, "a")
    put(connection, mail(1, ONE), mail(2, TWO))
    assert shown(connection) == [("a", 1, 0), ("b", 1, 0)]


def test_kept_hours_of_a_campaign_and_live_ones_add_up(connection):
    put(connection, mail(1, ONE), mail(2, ONE, NOW - HOUR), mail(3, ONE, NOW - 2 * HOUR))
    roll_up(connection, since=NOW - 2 * HOUR, now=NOW + 9 * HOUR)
    connection.execute(delete(messages))
    put(connection, mail(4, ONE, NOW + 5 * HOUR), mail(5, ONE, NOW + 6 * HOUR))
    now = NOW + 5 * HOUR + 30 * MINUTE
    assert shown(connection, NOW - HOUR, now) == [(ONE, 3, 0)]
    assert shown(connection, NOW + MINUTE, now) == [(ONE, 2, 0)]
    assert shown(connection, NOW + 5 * HOUR, now) == [(ONE, 1, 0)]


def test_a_roll_up_counts_campaigns_anew(connection):
    put(connection, mail(1, ONE), mail(2, ONE, NOW + HOUR))
    roll_up(connection, since=NOW, now=NOW + HOUR)
    assert len(connection.execute(select(campaign_statistics)).all()) == 2
    connection.execute(delete(messages))
    roll_up(connection, since=NOW + HOUR, now=NOW + HOUR)
    (kept,) = connection.execute(select(campaign_statistics))
    assert tuple(kept) == (NOW, ONE, "sent", "", 1)

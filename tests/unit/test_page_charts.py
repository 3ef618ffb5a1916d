"""The bars of a day: their hours, heights, order and words; and when a rate is a reason to look."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.ledger.hourly_statistics import HourlyTally
from mailworker.rules.delivery_rates import MailFigures
from mailworker.statistics_report import ReportRow, rows_by_campaign
from mailworker.web.operators_page.charts import GAP, HEIGHT, WIDTH, bars_by_hour
from mailworker.web.operators_page.deliverability import deliverability_rows

NOW = datetime(2026, 11, 30, 9, 41, 7, 8, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
HOUR = datetime(2026, 11, 30, 9, tzinfo=UTC)


def tally(back, state, messages, kind="k"):
    return HourlyTally(HOUR - timedelta(hours=back), kind, state, "", messages)


def bars(*tallies, hours=3):
    return bars_by_hour(tallies, now=NOW, hours=hours, zone=PARIS)


def parts(bar):
    return [(one.tone, one.y, one.height) for one in bar.parts]


def test_the_last_hours_stand_side_by_side_the_present_one_last():
    found = bars()
    assert [one.label for one in found] == ["08:00", "09:00", "10:00"]
    assert [one.counts for one in found] == [(), (), ()]
    assert [one.x for one in found] == [0, 24, 48] == [n * (WIDTH + GAP) for n in range(3)]
    assert [one.parts for one in found] == [(), (), ()]


def test_a_bars_parts_stand_on_each_other_and_the_tallest_fills_the_height():
    older, newer, newest = bars(
        tally(1, "sent", 600),
        tally(1, "sent", 400, kind="other"),
        tally(1, "expired", 500),
        tally(1, "suppressed", 250),
        tally(1, "failed", 250),
        tally(0, "sent", 1000),
    )
    assert parts(older) == []
    assert parts(newer) == [("good", 50.0, 50.0), ("other", 12.5, 37.5), ("bad", 0.0, 12.5)]
    assert newer.counts == (("sent", 1000), ("stopped", 750), ("failed", 250))
    assert parts(newest) == [("good", 50.0, 50.0)]
    assert newest.counts == (("sent", 1000),)


def test_hours_that_are_not_shown_make_no_bar_lower():
    assert parts(bars(tally(3, "sent", 10_000), tally(0, "sent", 1))[-1]) == [("good", 0.0, HEIGHT)]


def test_one_failure_among_many_is_seen():
    (bar,) = bars(tally(0, "sent", 99_999), tally(0, "failed", 1), hours=1)
    assert parts(bar) == [("good", 0.0, 100.0), ("bad", 0.0, 2.0)]
    (bar,) = bars(tally(0, "sent", 2), tally(0, "failed", 1), hours=1)
    assert parts(bar) == [("good", 33.33, 66.67), ("bad", 0.0, 33.33)]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["sent", "failed", "expired"]), st.integers(1, 10**6))
    )
)
def test_no_part_leaves_the_picture(told):
    for bar in bars(*(tally(*one) for one in told), hours=4):
        assert all(one.y >= 0 and 2.0 <= one.height <= HEIGHT for one in bar.parts)
        tops = [one.y for one in bar.parts]
        assert tops == sorted(tops, reverse=True)


def shown(**counts):
    (row, total) = deliverability_rows(rows_by_campaign([("k", MailFigures(**counts))]))
    assert (row.kind, total.kind, row.rates) == ("k", "", total.rates)
    names = ("delivered", "opened", "clicked", "bounced", "blocked", "complained", "unsubscribed")
    return {
        name: (one.count, one.share, one.width, one.tone) for name, one in zip(names, row.rates, strict=True)
    }


def test_rates_are_of_what_was_sent_and_those_of_readers_of_what_arrived():
    assert shown(
        sent=2000, delivered=1600, opened=800, clicked=400, bounced=40, blocked=20, complained=1, unsubscribed=8
    ) == {
        "delivered": ("1,600", "80.0%", 80, ""),
        "opened": ("800", "50.0%", 50, ""),
        "clicked": ("400", "25.0%", 25, ""),
        "bounced": ("40", "2.0%", 2, ""),
        "blocked": ("20", "1.0%", 1, ""),
        "complained": ("1", "0.1%", 0, ""),
        "unsubscribed": ("8", "0.5%", 0, ""),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "bad"),
    [
        ({"bounced": 5}, set()),
        ({"bounced": 6}, {"bounced"}),
        ({"blocked": 5}, set()),
        ({"blocked": 6}, {"blocked"}),
        ({"complained": 1}, {"complained"}),
        ({"delivered": 1000, "sent": 1000, "complained": 1}, set()),
        ({"delivered": 1000, "sent": 1000, "complained": 2}, {"complained"}),
        ({"opened": 100, "clicked": 100, "unsubscribed": 100}, set()),
        ({"sent": 20, "delivered": 20, "bounced": 2}, {"bounced"}),
        ({"sent": 19, "delivered": 19, "bounced": 19}, set()),
    ],
)
def test_from_where_a_rate_is_a_reason_to_look(counts, bad):
    found = shown(**{"sent": 100, "delivered": 100} | counts)
    assert {name for name, one in found.items() if one[3] == "bad"} == bad


def test_what_has_nothing_to_be_a_share_of_has_no_rate():
    found = shown(sent=3)
    assert found["opened"] == ("0", "-", 0, "")
    assert found["delivered"] == ("0", "0.0%", 0, "")


def test_opened_and_clicked_are_shares_of_what_is_watched_alone():
    both = MailFigures(sent=100, delivered=100, opened=50, clicked=10)
    unwatched, total = deliverability_rows([ReportRow("reset", both, 0)])
    opened, clicked = unwatched.rates[1:3]
    assert (opened.share, clicked.share, total.rates[1].share) == ("-", "-", "-")
    *_, total = deliverability_rows(
        [ReportRow("reset", MailFigures(sent=100, delivered=100), 0), ReportRow("k", both, 100)]
    )
    assert (total.rates[0].share, total.rates[1].share) == ("100.0%", "50.0%")


def test_kinds_that_sent_nothing_have_no_line_and_the_sum_is_last():
    given_figures = [
        ("b", MailFigures(sent=1200)),
        ("none", MailFigures(failed=3)),
        ("a", MailFigures(sent=1)),
    ]
    found = deliverability_rows(rows_by_campaign(given_figures))
    assert [(one.kind, one.sent) for one in found] == [("b", "1,200"), ("a", "1"), ("", "1,201")]
    assert deliverability_rows(rows_by_campaign([("none", MailFigures(failed=3))])) == []

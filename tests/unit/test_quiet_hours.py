from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.rules.business_days import OpenDays, is_open
from mailworker.rules.quiet_hours import Hours, Quiet, not_before, open_until

PARIS = ZoneInfo("Europe/Paris")
NIGHT = Quiet(time(20), time(8))
WEEK = frozenset(range(5))


def paris(text, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-11-23 12:00", "2026-11-23 12:00"),  # by day: at once
        ("2026-11-23 20:00", "2026-11-24 08:00"),  # the first quiet minute
        ("2026-11-23 19:59", "2026-11-23 19:59"),  # the last loud one
        ("2026-11-24 00:00", "2026-11-24 08:00"),  # midnight
        ("2026-11-24 07:59", "2026-11-24 08:00"),
        ("2026-11-24 08:00", "2026-11-24 08:00"),
        ("2026-12-31 23:30", "2027-01-01 08:00"),  # over the year's end
        ("2028-02-28 21:00", "2028-02-29 08:00"),  # into a leap day
        ("2028-02-29 21:00", "2028-03-01 08:00"),
        ("2026-02-28 21:00", "2026-03-01 08:00"),
        ("2026-03-28 21:00", "2026-03-29 08:00"),  # the night in which clocks go forward
        ("2026-10-24 21:00", "2026-10-25 08:00"),  # and back
    ],
)
def test_a_night_over_midnight(now, leaves):
    assert not_before(paris(now), Hours(PARIS, NIGHT)) == paris(leaves)


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-11-23 11:59", "2026-11-23 11:59"),
        ("2026-11-23 12:00", "2026-11-23 14:00"),
        ("2026-11-23 14:00", "2026-11-23 14:00"),
    ],
)
def test_a_quiet_time_within_the_day(now, leaves):
    assert not_before(paris(now), Hours(PARIS, Quiet(time(12), time(14)))) == paris(leaves)


@pytest.mark.parametrize("at", [time(0), time(7, 59), time(8), time(23, 59)])
def test_a_quiet_time_that_ends_as_it_begins_is_the_whole_day(at):
    assert Quiet(time(8), time(8)).covers(at)


def test_an_end_that_spring_leaves_out_comes_after_the_gap():
    hours = Hours(PARIS, Quiet(time(22), time(2, 30)))
    leaves = not_before(paris("2026-03-28 23:00"), hours)
    assert leaves.astimezone(PARIS).isoformat() == "2026-03-29T03:30:00+02:00"


def test_an_end_that_autumn_repeats_is_reached_the_first_time():
    hours = Hours(PARIS, Quiet(time(22), time(2, 30)))
    leaves = not_before(paris("2026-10-24 23:00"), hours)
    assert leaves.astimezone(PARIS).isoformat() == "2026-10-25T02:30:00+02:00"


def test_in_the_repeated_hour_nothing_goes_back_in_time():
    hours = Hours(PARIS, Quiet(time(22), time(2, 30)))
    leaves = not_before(paris("2026-10-25 02:10", fold=1), hours)
    assert leaves.astimezone(PARIS).isoformat() == "2026-10-25T02:30:00+01:00"


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-11-27 21:00", "2026-11-30 08:00"),  # Friday night waits for Monday morning
        ("2026-11-28 12:00", "2026-11-30 08:00"),
        ("2026-12-24 21:00", "2026-12-28 08:00"),  # Christmas on a Friday
        ("2026-12-31 21:00", "2027-01-04 08:00"),  # New Year on a Friday
        ("2027-05-16 10:00", "2027-05-18 08:00"),  # a Sunday before a moving feast
    ],
)
def test_working_days_and_holidays(now, leaves):
    days = OpenDays(WEEK, frozenset({date(2027, 5, 17)}), frozenset({(12, 25), (1, 1)}))
    assert not_before(paris(now), Hours(PARIS, NIGHT, days)) == paris(leaves)


#: France's eleven public holidays of 2027 (code du travail, art. L3133-1), Easter being on 28 March.
FRENCH_2027 = [
    "01-01",
    "03-29",
    "05-01",
    "05-06",
    "05-08",
    "05-17",
    "07-14",
    "08-15",
    "11-01",
    "11-11",
    "12-25",
]


@pytest.mark.parametrize(
    ("region", "more"),
    [("FR", []), ("FR-57", ["03-26", "12-26"])],  # Good Friday and St Stephen's in Alsace-Moselle
)
def test_the_public_holidays_of_a_country_or_a_part_of_it(region, more):
    year = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    closed = [f"{day:%m-%d}" for day in year if not is_open(day, OpenDays(regions=(region,)))]
    assert closed == sorted(FRENCH_2027 + more)


def test_whoever_closes_a_day_closes_it():
    days = OpenDays(regions=("FR", "DE-BY"), yearly=frozenset({(12, 24)}))
    named = {"2027-01-06": "Epiphany in Bavaria", "2027-07-14": "in France", "2027-12-24": "here"}
    assert [day for day in named if is_open(date.fromisoformat(day), days)] == []
    assert is_open(date(2027, 1, 7), days)


@pytest.mark.parametrize(
    ("day", "open_"), [(date(2028, 2, 29), False), (date(2027, 2, 28), True), (date(2027, 3, 1), True)]
)
def test_a_yearly_holiday_on_29_february_comes_in_leap_years_only(day, open_):
    assert is_open(day, OpenDays(yearly=frozenset({(2, 29)}))) is open_


@pytest.mark.parametrize(
    ("zone", "leaves"),
    [
        ("Indian/Reunion", "2026-11-23T18:00:00+04:00"),  # still loud in Paris' afternoon, on the island not
        ("America/Martinique", "2026-11-23T10:00:00-04:00"),
        ("Nowhere/Land", "2026-11-23T15:00:00+01:00"),  # an unknown zone is the operator's
        ("", "2026-11-23T15:00:00+01:00"),
    ],
)
def test_the_customers_own_zone_counts(zone, leaves):
    hours = Hours(PARIS, Quiet(time(20), time(8)))
    assert not_before(paris("2026-11-23 15:00"), hours, zone) == datetime.fromisoformat(leaves)


def test_a_customer_far_away_sleeps_at_another_time():
    leaves = not_before(paris("2026-11-23 10:00"), Hours(PARIS, NIGHT), "America/Martinique")
    assert leaves == datetime.fromisoformat("2026-11-23T08:00:00-04:00")


def test_a_calendar_that_never_opens_is_told():
    every_day = frozenset(
        (day.month, day.day) for day in (date(2028, 1, 1) + timedelta(n) for n in range(366))
    )
    with pytest.raises(ValueError, match="No day is open"):
        not_before(paris("2026-11-23 12:00"), Hours(PARIS, None, OpenDays(yearly=every_day)))


ZONES = [
    "Europe/Paris",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
]


@given(
    now=st.integers(0, 15 * 366 * 24 * 60).map(
        lambda n: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
    ),
    start=st.times(),
    end=st.times(),
    zone=st.sampled_from(ZONES),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_it_never_leaves_early_nor_at_a_quiet_time_nor_on_a_closed_day(now, start, end, zone, weekdays):
    quiet = Quiet(start, end) if start != end else None
    hours = Hours(ZoneInfo(zone), quiet, OpenDays(weekdays))
    leaves = not_before(now, hours)
    local = leaves.astimezone(hours.zone)
    assert now <= leaves <= now + timedelta(days=9)
    assert quiet is None or not quiet.covers(local.time())
    assert is_open(local.date(), hours.days)
    assert not_before(leaves, hours) == leaves


@pytest.mark.parametrize(
    ("start", "lifetime", "end"),
    [
        # Friday evening, closed over the week-end: three open days later is Wednesday evening.
        (datetime(2026, 11, 27, 18, tzinfo=UTC), timedelta(days=1), datetime(2026, 12, 1, 18, tzinfo=UTC)),
        (datetime(2026, 11, 30, 9, tzinfo=UTC), timedelta(hours=2), datetime(2026, 11, 30, 11, tzinfo=UTC)),
        (datetime(2026, 11, 30, 9, tzinfo=UTC), timedelta(minutes=30), datetime(2026, 11, 30, 9, 30, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_lifetime_counts_the_hours_in_which_mail_may_leave(start, lifetime, end):
    week = OpenDays(weekdays=frozenset(range(5)))
    hours = Hours(zone=ZoneInfo("Europe/Paris"), quiet=Quiet(time(20), time(8)), days=week)
    assert open_until(start, lifetime, hours) == end


def test_a_lifetime_counts_the_hours_of_the_customers_day():
    start = datetime.fromisoformat("2026-11-23T18:30-04:00")
    end = open_until(start, timedelta(hours=3), Hours(PARIS, NIGHT), "America/Martinique")
    assert end == datetime.fromisoformat("2026-11-24T09:00-04:00")


def test_without_quiet_hours_a_lifetime_is_what_it_says():
    start = datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert open_until(start, timedelta(days=3), Hours(zone=ZoneInfo("Europe/Paris"))) == start + timedelta(
        days=3
    )

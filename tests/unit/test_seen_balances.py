"""Balances in the ledger: what is written of each sight, who was first, and what is forgotten."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from mailworker.ledger import seen_balances as module
from mailworker.ledger.balance_tables import BASELINE, seen_balances
from mailworker.ledger.seen_balances import (
    accounts_of,
    begin_baseline,
    end_baseline,
    has_baseline,
    note_taken_away,
    observe,
    seen_of,
)
from mailworker.rules.balance_history import Reading
from tests.rows import NOW, after

DAY = timedelta(days=1)


def reading(uuid="u", value="5", account="a", **more):
    return Reading(
        **{"uuid": uuid, "account": account, "type": "*data", "name": "n", "value": Decimal(value)} | more
    )


def see(connection, *readings, now=NOW, before=None, **more):
    known = seen_of(connection, {one.account for one in readings}) if before is None else before
    return observe(connection, readings, known, now, **more)


def rows(connection):
    return {one["uuid"]: dict(one) for one in connection.execute(select(seen_balances)).mappings()}


def test_a_first_sight_is_kept_whole(connection):
    found = see(connection, reading(value="1234567890.123456789", expires_at=after(9)))["u"]
    assert (found.value, found.highest, found.at_start) == (Decimal("1234567890.123456789"),) * 3
    assert (found.first_seen, found.last_seen, found.expires_at, found.version) == (NOW, NOW, after(9), 0)
    assert seen_of(connection, ["a"]) == {"a": [found]}
    assert rows(connection)["u"]["value"] == "1234567890.123456789"


@pytest.mark.parametrize(
    ("value", "written"), [("1E+3", "1000"), ("1E-7", "0.0000001"), ("0", "0"), ("-2.50", "-2.50")]
)
def test_a_value_is_written_in_plain_figures(connection, value, written):
    see(connection, reading(value=value))
    row = rows(connection)["u"]
    assert (row["value"], row["highest"], row["level_after_top_up"]) == (written, written, None)


def test_a_change_is_written_over_the_earlier_sight(connection):
    see(connection, reading())
    top_up = see(connection, reading(value="9"), now=after(5))["u"]
    less = see(connection, reading(value="3"), now=after(9))["u"]
    assert (top_up.version, less.version) == (1, 2)
    assert seen_of(connection, ["a"])["a"] == [less]
    assert (less.value, less.highest, less.topped_up_at, less.level_after_top_up) == (3, 9, after(5), 9)


def test_what_did_not_change_is_not_written(connection):
    first = see(connection, reading())["u"]
    assert see(connection, reading(), now=after(9))["u"] == first
    assert rows(connection)["u"]["last_seen"] == NOW


def test_rows_are_written_in_one_order_so_that_no_two_workers_block_each_other(connection, monkeypatch):
    """A scan and a post of the engine's wrote the same two balances, and each waited for the other's."""
    seen = see(connection, *(reading(uuid, expires_at=after(9_999)) for uuid in "cab"))
    inserted = connection.exec_driver_sql(f"SELECT uuid FROM {seen_balances.name} ORDER BY rowid")
    assert [*inserted.scalars()] == [*"abc"]
    order = []
    monkeypatch.setattr(module, "_replaced", lambda _connection, one, _after: not order.append(one.uuid))
    see(connection, *(reading(uuid, "4") for uuid in "bca"))
    note_taken_away(connection, [seen[uuid] for uuid in "bca"], NOW)
    assert order == [*"abcabc"]


def test_of_two_who_see_it_first_at_once_both_sights_count(connection):
    see(connection, reading(value="9"), before={})
    found = see(connection, reading(value="3"), before={}, now=after(5))["u"]
    assert (found.value, found.highest, found.first_seen, found.version) == (3, 9, NOW, 1)


def test_a_sight_of_somebody_else_meanwhile_is_read_and_ours_put_on_top(connection):
    see(connection, reading())
    before = seen_of(connection, ["a"])
    see(connection, reading(value="9"), now=after(1))
    found = see(connection, reading(value="3"), before=before, now=after(2))["u"]
    assert (found.value, found.highest, found.version) == (3, 9, 2)
    assert seen_of(connection, ["a"])["a"] == [found]


def test_one_that_was_forgotten_meanwhile_is_told_all_the_same(connection):
    see(connection, reading())
    before = seen_of(connection, ["a"])
    connection.execute(seen_balances.delete())
    found = see(connection, reading(value="3"), before=before)["u"]
    assert (found.value, rows(connection)) == (3, {})


def test_names_longer_than_their_columns_are_cut(connection):
    long = reading("u", account="a" * 130, type="t" * 70, name="n" * 210)
    see(connection, long)
    row = rows(connection)["u"]
    assert (len(row["account"]), len(row["type"]), len(row["name"])) == (120, 60, 200)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_many_are_read_in_parts(connection, monkeypatch, number):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    readings = [reading(f"u{n}", str(n), f"a{n}") for n in range(number)]
    assert {uuid: one.value for uuid, one in see(connection, *readings).items()} == {
        f"u{n}": n for n in range(number)
    }
    found = seen_of(connection, [f"a{n}" for n in range(number)])
    assert {account: [one.uuid for one in seen] for account, seen in found.items()} == {
        f"a{n}": [f"u{n}"] for n in range(number)
    }


def test_whose_balance_it_is(connection):
    see(connection, reading("u1", account="a"), reading("u2", account="b"))
    assert accounts_of(connection, ["u1", "u2", "u3"]) == {"u1": "a", "u2": "b"}
    assert accounts_of(connection, ["u2"]) == {"u2": "b"}
    assert observe(connection, [], {}, NOW) == {}


# --- the first scan ---------------------------------------------------------------------------------------


def test_a_balance_that_was_there_at_the_first_scan_is_no_news(connection):
    assert not has_baseline(connection)
    assert see(connection, reading("early"))["early"].at_start == 5
    assert see(connection, reading("live"), live=True)["live"].at_start is None
    begin_baseline(connection, NOW)
    assert not has_baseline(connection)
    assert see(connection, reading("during"))["during"].at_start == 5
    end_baseline(connection, after(9))
    assert has_baseline(connection)
    assert see(connection, reading("later"))["later"].at_start is None


def test_a_first_scan_begins_and_ends_once(connection):
    begin_baseline(connection, NOW)
    end_baseline(connection, after(5))
    begin_baseline(connection, after(6))
    end_baseline(connection, after(7))
    row = rows(connection)[BASELINE]
    assert (row["version"], row["first_seen"], row["last_seen"], row["value"]) == (1, NOW, after(5), "0")
    assert (row["account"], row["at_start"]) == ("", None)
    end_baseline(connection, NOW + 999 * DAY)
    assert has_baseline(connection), "it is never forgotten"


def test_no_first_scan_ends_that_never_began(connection):
    end_baseline(connection, NOW)
    assert not has_baseline(connection)


@pytest.mark.parametrize(
    ("expires_at", "last_seen", "kept"),
    [
        (NOW - 60 * DAY, NOW, True),
        (NOW - 60 * DAY - timedelta(seconds=1), NOW, False),
        (NOW - 59 * DAY, NOW - 500 * DAY, True),
        (None, NOW - 400 * DAY, True),
        (None, NOW - 400 * DAY - timedelta(seconds=1), False),
        (None, NOW - 61 * DAY, True),
    ],
)
def test_old_balances_are_forgotten(connection, expires_at, last_seen, kept):
    see(connection, reading("u"), reading("other"))
    change = {"expires_at": expires_at, "last_seen": last_seen}
    connection.execute(update(seen_balances).where(seen_balances.c.uuid == "u").values(change))
    end_baseline(connection, NOW)
    assert set(rows(connection)) == ({"u", "other"} if kept else {"other"})

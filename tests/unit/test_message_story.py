"""A message's whole life as it is shown, the ids that begin like a word, and jobs that were refused."""

import pytest
from sqlalchemy import insert

from mailworker.ledger.message_search import ids_beginning, story
from mailworker.ledger.rejected_jobs import list_rejected
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import attempts, events, messages, rejected_jobs, timeline
from tests.rows import NOW, after, row


def happened(connection, table, *rows):
    for one in rows:
        connection.execute(insert(table), [one])


def entry(what, at, id_="m"):
    return {"message_id": id_, "at": after(at), "what": what}


def call(name, at, id_="m"):
    moments = {"started_at": after(at), "finished_at": after(at)}
    return {"message_id": id_, "call_id": name, "outcome": "sent"} | moments


def event(id_, at, message="m"):
    return {"id": id_, "message_id": message, "event": "open", "at": after(at), "received_at": NOW}


def test_a_life_is_told_in_its_order(connection):
    happened(connection, messages, row("m", to_email="Zoe@x.example"), row("n"))
    happened(
        connection, timeline, entry("late", 5), entry("early", 1), entry("then", 5), entry("other", 0, "n")
    )
    happened(connection, attempts, call("first", 9), call("second", 1), call("other", 0, "n"))
    happened(connection, events, event("b", 3), event("c", 1), event("a", 3), event("x", 0, "n"))
    suppress(connection, "zoe@x.example", reason="spam", source="s", now=NOW)
    found = story(connection, "m")
    assert found.message["id"] == "m"
    assert [one["what"] for one in found.timeline] == ["early", "late", "then"]
    assert [one["call_id"] for one in found.attempts] == ["first", "second"]
    assert [one["id"] for one in found.events] == ["c", "a", "b"]
    assert found.suppressed == "spam"
    assert story(connection, "n").suppressed is None
    assert story(connection, "z") is None


def test_a_message_to_nobody_yet_has_a_story_too(connection):
    happened(connection, messages, row("m", to_email=None))
    assert story(connection, "m").suppressed is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abcdef", ["abcdef01", "abcdef02"]),
        ("ABCDEF", ["abcdef01", "abcdef02"]),
        ("abcdef01", ["abcdef01"]),
        ("abcde", []),
        ("abcde_", []),
        ("abcdeg", []),
        ("bcdef0", []),
    ],
)
def test_an_id_is_found_by_its_head(connection, text, found):
    happened(connection, messages, row("abcdef01"), row("abcdef02"), row("xyzxyz"))
    assert sorted(ids_beginning(connection, text)) == found


def test_no_more_than_ten_are_given(connection):
    happened(connection, messages, *[row(f"abcdef{n:02}") for n in range(11)])
    assert len(ids_beginning(connection, "abcdef")) == 10


def test_the_latest_refusals_come_first_and_without_what_was_in_them(connection):
    job = {
        "at": NOW,
        "source": "stream",
        "faults": ["f"],
        "kind": "k",
        "message_id": "m",
        "payload": {"a": 1},
    }
    happened(connection, rejected_jobs, *[job | {"entry_id": str(n)} for n in range(3)])
    found = list_rejected(connection, limit=2)
    assert [one["id"] for one in found] == [3, 2]
    shown = {"at": NOW, "source": "stream", "faults": ["f"], "kind": "k", "message_id": "m"}
    assert found[0] == shown | {"id": 3}

"""Finding messages: what each filter and each way of searching takes, and what it leaves."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger.message_search import MessageFilter, all_messages, list_messages, search
from mailworker.ledger.replay_cancel import blocked_candidates, candidates
from mailworker.ledger.tables import messages
from mailworker.rules.delivery_status import OUR_FAULT
from tests.rows import NOW, STRICT, URGENT, row

SECOND = timedelta(seconds=1)


def put(connection, *changes):
    for number, own in enumerate(changes):
        given = row(f"m{number}") | {
            "accepted_at": NOW + number * SECOND,
            "changed_at": NOW + number * SECOND,
        }
        connection.execute(insert(messages), [given | own])


def test_who_decides_one_by_one_gets_the_oldest_change_first(connection):
    ours = {"state": "sent", "delivery": "blocked", "reason": f"no template: {OUR_FAULT}"}
    put(connection, *(ours | {"changed_at": NOW + seconds * SECOND} for seconds in (2, 1, 2)))
    for read in (candidates, blocked_candidates):
        assert ids(read(connection, MessageFilter(), limit=9)) == ["m1", "m0", "m2"]
        assert ids(read(connection, MessageFilter(), limit=2)) == ["m1", "m0"]


def ids(found):
    return [one["id"] for one in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["m3", "m2", "m1", "m0"]),
        ({"ids": ("m0", "m2", "m9")}, ["m2", "m0"]),
        ({"ids": ()}, ["m3", "m2", "m1", "m0"]),
        ({"states": (State.READY,)}, ["m0"]),
        ({"states": (State.READY, State.SENT)}, ["m1", "m0"]),
        ({"kind": URGENT}, ["m1"]),
        ({"lane": Lane.URGENT}, ["m2"]),
        ({"reason": "50%"}, ["m3"]),
        ({"reason": "_"}, []),
        ({"delivery": "opened"}, ["m1"]),
        ({"customer": "C1"}, ["m2"]),
        ({"invoice": "7"}, ["m3"]),
        ({"to": "M0@Client.example"}, ["m0"]),
        ({"name": "zo_"}, []),
        ({"name": "ZOÉ"}, ["m1"]),
        ({"before": NOW + SECOND}, ["m1", "m0"]),
        ({"since": NOW + 2 * SECOND}, ["m3", "m2"]),
        ({"since": NOW + SECOND, "before": NOW + SECOND}, ["m1"]),
        ({"kind": STRICT, "states": (State.HELD,)}, ["m2"]),
    ],
)
def test_each_filter_by_itself(connection, wanted, found):
    put(
        connection,
        {},
        {"state": "sent", "kind": URGENT, "delivery": "opened", "to_name": "Zoé Martin"},
        {"state": "held", "lane": 0, "customer_id": "C1", "reason": "50 or more"},
        {"state": "failed", "invoice_id": "7", "reason": "over 50% of them"},
    )
    assert ids(list_messages(connection, MessageFilter(**wanted), limit=9)) == found
    assert ids(all_messages(connection, MessageFilter(**wanted))) == found[::-1]
    assert ids(list_messages(connection, MessageFilter(**wanted), limit=1)) == found[:1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ABCDEF01", ["m0"]),  # an id, however it is written
        ("abcdef", ["m0"]), ("abcde", []), ("abcde%", []), ("abcdeg", []),
        ("key-m1", ["m1"]), ("KEY-M1", []), ("C1", ["m2"]), ("7", ["m3"]), ("Zoe@Client.example", ["m1"]), ("zoe@client", []),
        ("9007199254740993", ["m2"]), ("9007199254740992", []), ("99999999999999999999", []), ("9" * 5_000, []), (str(2**63 - 1), ["m1"]), (str(2**63), []), ("²", []),
        ("Marti", ["m1"]), ("marti", ["m1"]), ("MARTIN", ["m1"]), ("mar%n", []), ("mar_in", []), ("Ma", []), ("é m", ["m1"]),
        ("O_Neil 100%", ["m3"]), ("o_neil", ["m3"]), ("", []),
    ],
)  # fmt: skip
def test_each_way_of_searching(connection, text, found):
    put(
        connection,
        {"id": "abcdef01", "to_email": "other@client.example"},
        {
            "to_email": "Zoe@client.example",
            "to_canonical": "zoe@client.example",
            "to_name": "Zoé Martin",
            "mailjet_id": 2**63 - 1,
        },
        {"customer_id": "C1", "mailjet_id": 9007199254740993},
        {"invoice_id": "7", "to_name": "O_Neil 100%"},
    )
    names = {"abcdef01": "m0"}
    assert [names.get(id_, id_) for id_ in ids(search(connection, text, limit=9))] == found


def test_the_newest_come_first_and_no_more_than_asked_for(connection):
    put(connection, *[{"customer_id": "C1"}] * 3, {"invoice_id": "C1"})
    assert ids(search(connection, "C1", limit=9)) == ["m3", "m2", "m1", "m0"]
    assert ids(search(connection, "C1", limit=2)) == ["m3", "m2"]


def test_a_name_is_looked_for_only_where_nothing_else_is_found(connection):
    put(connection, {"customer_id": "Martin"}, {"to_name": "Martin"})
    assert ids(search(connection, "Martin", limit=9)) == ["m0"]


def test_a_call_that_named_several_is_found_by_its_own_key(connection):
    keys = ["outage:9#a@x.example", "outage:9#b@x.example", "outage:91#a@x.example", "outage_9#a@x.example"]
    put(connection, *({"idempotency_key": key, "to_email": "z@x.example"} for key in keys))
    assert ids(search(connection, "outage:9", limit=9)) == ["m1", "m0"]
    assert ids(search(connection, "outage_9", limit=9)) == ["m3"]
    assert ids(search(connection, keys[0], limit=9)) == ["m0"]
    assert ids(search(connection, "outage", limit=9)) == []

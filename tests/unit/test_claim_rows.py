"""Which messages a worker gets, in which order, and what their rows say from then on."""

import pytest
from sqlalchemy import select

from mailworker.core.lane import Lane
from mailworker.core.process_lock import ProcessLock
from mailworker.core.states import State
from mailworker.dispatch.claim_limits import Claims
from mailworker.dispatch.interfaces import ClaimedBatch
from mailworker.ledger.claiming import (
    FAIR_SHARE,
    Lease,
    Wish,
    anything_ready,
    begin_call,
    call_again_known,
    claim,
    claim_for_rendering,
    claim_unknown,
    release_unrendered,
)
from mailworker.ledger.holds import hold, hold_by_hand
from mailworker.ledger.tables import holds, messages
from mailworker.limits import Permit
from mailworker.limits.token_and_breaker import Admission
from mailworker.rules.circuit_breaker import Clearance
from mailworker.rules.claimable_while_held import EVERYTHING
from mailworker.rules.fill_call import LARGE_BODY
from tests.doubles import Clock, settings
from tests.rows import NOW, STRICT, URGENT, after, put, row

LEASE = Lease("mine", after(150))
ALL = tuple(Lane)


def look(connection, id_):
    return dict(connection.execute(select(messages).where(messages.c.id == id_)).mappings().one())


def every(rows):
    return [one["id"] for one in rows]


def taken(connection, wish, *, now=NOW, choose=every):
    return every(claim(connection, now=now, lease=LEASE, wish=wish, choose=choose))


# --- what is taken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wish", "ready"),
    [
        ({}, Wish(9), True),
        ({"not_before": after(1)}, Wish(9), False),
        ({"state": "accepted"}, Wish(9), False),
        ({}, Wish(9, lanes=(Lane.URGENT, Lane.BULK)), False),
        ({}, Wish(9, lanes=(Lane.NORMAL,)), True),
        ({}, Wish(9, held=(STRICT,)), False),
        ({}, Wish(9, held=(URGENT,)), True),
        ({}, Wish(9, only=STRICT), True),
        ({}, Wish(9, only=URGENT), False),
        ({}, Wish(9, most_bytes=1000), True),
        ({}, Wish(9, most_bytes=999), False),
        ({"content_bytes": 1001}, Wish(9, most_bytes=1000), False),
        ({}, Wish(9, most_bytes=999, only=STRICT), False),
        ({}, Wish(9, most_bytes=1000, held=(STRICT,)), False),
    ],
)
def test_what_is_ready_for_whom(connection, changes, wish, ready):
    put(connection, row("m", **changes))
    assert anything_ready(connection, NOW, ALL, wish) is ready
    assert taken(connection, wish) == ["m"] * ready


def test_only_the_lanes_that_are_asked_for_are_looked_at(connection):
    put(connection, row("m"))
    assert not anything_ready(connection, NOW, [Lane.URGENT, Lane.BULK], Wish(9))
    assert anything_ready(connection, NOW, [Lane.BULK, Lane.NORMAL], Wish(9))
    assert not anything_ready(connection, NOW, [], Wish(9))


def lanes(connection):
    put(
        connection,
        *[row(f"{'unb'[lane]}{n}", lane=lane, not_before=after(-n)) for lane in (2, 0, 1) for n in (1, 2)],
    )


@pytest.mark.parametrize(
    ("wish", "order"),
    [
        (Wish(9), ["u2", "u1", "n2", "n1", "b2", "b1"]),
        (Wish(9, lowest_first=True), ["b2", "b1", "n2", "n1", "u2", "u1"]),
        (Wish(3), ["u2", "u1", "n2"]),
        (Wish(2), ["u2", "u1"]),
        (Wish(1), ["u2"]),
        (Wish(1, lowest_first=True), ["b2"]),
        (Wish(0), []),
        (Wish(9, lanes=(Lane.BULK, Lane.URGENT)), ["b2", "b1", "u2", "u1"]),
    ],
)
def test_the_lanes_order(connection, wish, order):
    lanes(connection)
    assert taken(connection, wish) == order


def test_what_is_claimed_is_leased_and_counted_and_the_rest_is_not(connection):
    put(connection, row("a", called_at=after(-9), attempts=2), row("b"), row("c"))
    (first, second) = claim(connection, now=NOW, lease=LEASE, wish=Wish(9), choose=lambda _: ["b", "a"])
    assert (first["id"], second["id"]) == ("b", "a")
    assert first == look(connection, "b")
    found = look(connection, "a")
    assert (found["state"], found["lease"], found["lease_until"], found["called_at"], found["attempts"]) == (
        "sending",
        "mine",
        after(150),
        None,
        3,
    )
    assert found["changed_at"] == NOW
    assert look(connection, "c")["state"] == "ready"


def test_what_moved_between_the_look_and_the_claim_is_left(connection):
    put(connection, row("a"), row("b"))

    def cancelled(rows):
        connection.execute(messages.update().where(messages.c.id == "a").values(state="cancelled"))
        return every(rows)

    assert taken(connection, Wish(9), choose=cancelled) == ["b"]
    assert look(connection, "a")["state"] == "cancelled"


def test_the_choice_is_made_among_facts_and_not_whole_rows(connection):
    put(connection, row("a", to_canonical="z", recipients=3, batch_limit=7, content_bytes=5))
    seen = []
    taken(connection, Wish(9), choose=lambda rows: seen.extend(rows) or [])
    facts = {"id": "a", "recipients": 3, "content_bytes": 5, "batch_limit": 7, "to_canonical": "z"}
    assert seen == [facts]


# --- a flood of urgent mail to one address ----------------------------------------------------------------


def crowd(connection, number, email="one@x.example", first=0, lane=0):
    put(
        connection,
        *[
            row(f"{email[0]}{n}", lane=lane, to_canonical=email, not_before=after(first + n - 99))
            for n in range(number)
        ],
    )


@pytest.mark.parametrize(
    ("many", "lane", "order"),
    [
        (FAIR_SHARE, 0, "first"),
        (FAIR_SHARE + 1, 0, "last"),
        (FAIR_SHARE + 1, 1, "first"),
    ],
)
def test_more_than_a_fair_share_to_one_address_comes_after_the_others(connection, many, lane, order):
    crowd(connection, many, lane=lane)
    put(connection, row("other", lane=lane, to_canonical="x"), row("nobody", lane=lane, to_canonical=None))
    flood, others = [f"o{n}" for n in range(many)], ["nobody", "other"]
    assert taken(connection, Wish(99)) == (flood + others if order == "first" else others + flood)


def test_a_flood_that_fills_a_call_lets_the_others_go_first(connection):
    crowd(connection, 10)
    put(connection, *[row(f"x{n}", lane=0, to_canonical=f"x{n}") for n in range(3)])
    assert taken(connection, Wish(8)) == ["x0", "x1", "x2", "o0", "o1", "o2", "o3", "o4"]


def test_behind_one_flood_another_is_found(connection):
    crowd(connection, 8)
    crowd(connection, 8, "two@x.example", first=20)
    put(connection, row("x", lane=0, to_canonical="x"))
    assert taken(connection, Wish(8))[:1] == ["x"]


def test_messages_to_nobody_yet_are_no_crowd(connection):
    put(connection, *[row(f"n{n}", lane=0, to_canonical=None, not_before=after(n - 99)) for n in range(9)])
    put(connection, row("x", lane=0, to_canonical="x"))
    assert taken(connection, Wish(99)) == [*(f"n{n}" for n in range(9)), "x"]


# --- the call ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"lease": "theirs"}, False),
        ({"state": "ready"}, False),
        ({"lease_until": NOW}, False),
        ({"lease_until": after(1)}, True),
    ],
)
def test_a_call_begins_for_what_its_lease_still_holds(connection, changes, ours):
    put(connection, row("m", **({"state": "sending", "lease": "mine", "lease_until": after(9)} | changes)))
    assert begin_call(connection, LEASE, NOW) == ({"m"} if ours else set())
    found = look(connection, "m")
    moment = NOW if ours else None
    assert (found["called_at"], found["last_call_at"]) == (moment, moment)
    assert (found["lease_until"] == after(150)) is ours


@pytest.mark.parametrize(("lease", "known"), [("mine", True), ("theirs", False)])
def test_a_call_that_the_ledger_had_lost_is_written_down_by_who_holds_it(connection, lease, known):
    put(connection, row("m", lease=lease), row("n", lease="mine"), row("o", lease="mine"))
    call_again_known(connection, {"m": after(-5), "n": after(-6)}, LEASE)
    found = look(connection, "m")
    moment = after(-5) if known else None
    assert (found["called_at"], found["last_call_at"]) == (moment, moment)
    assert look(connection, "n")["called_at"] == after(-6)
    assert look(connection, "o")["called_at"] is None


# --- preparing, and asking --------------------------------------------------------------------------------


def prepared(connection, *, limit=9, now=NOW):
    return every(claim_for_rendering(connection, now=now, lease=LEASE, limit=limit))


def test_what_waited_longest_is_prepared_first_and_of_these_the_highest_lane(connection):
    put(
        connection,
        row("late", state="accepted", lane=0, not_before=after(-1)),
        row("bulk", state="accepted", lane=2, not_before=after(-2)),
        row("urgent", state="accepted", lane=0, not_before=after(-2)),
        row("soon", state="accepted", not_before=after(1)),
        row("ready", not_before=after(-9)),
    )
    assert prepared(connection, limit=2) == ["urgent", "bulk"]
    found = look(connection, "urgent")
    assert (found["state"], found["lease"], found["lease_until"], found["attempts"], found["changed_at"]) == (
        "rendering",
        "mine",
        after(150),
        1,
        NOW,
    )
    assert prepared(connection) == ["late"]
    assert prepared(connection) == []


@pytest.mark.parametrize(
    ("attempts", "together"),
    [([0, 0, 0], ["m0", "m1", "m2"]), ([0, 1, 0], ["m0"]), ([1, 0, 0], ["m0"]), ([2, 1, 1], ["m0"])],
)
def test_one_that_was_tried_before_is_prepared_alone(connection, attempts, together):
    rows = [
        row(f"m{n}", state="accepted", attempts=a, not_before=after(n - 9)) for n, a in enumerate(attempts)
    ]
    put(connection, *rows)
    assert prepared(connection) == together


@pytest.mark.parametrize(
    ("changes", "released"),
    [({}, True), ({"lease": "theirs"}, False), ({"state": "ready"}, False), ({"id": "other"}, False)],
)
def test_what_was_not_looked_at_is_given_back_with_its_attempt(connection, changes, released):
    held = {"state": "rendering", "lease": "mine", "lease_until": after(9), "attempts": 2}
    own = row("m", **held) | changes
    put(connection, own)
    release_unrendered(connection, ["m"], lease="mine", now=after(5))
    found = look(connection, own["id"])
    names = ("state", "lease", "lease_until", "attempts", "changed_at")
    after_ = ("accepted", None, None, 1, after(5)) if released else tuple(own[name] for name in names)
    assert tuple(found[name] for name in names) == after_


def test_what_is_unknown_is_asked_about_by_one_at_a_time(connection):
    put(
        connection,
        *[row(f"m{n}", state="unknown", not_before=after(-n), lookups=n) for n in range(3)],
        row("soon", state="unknown", not_before=after(1)),
        row("ready", not_before=after(-9)),
    )
    found = claim_unknown(connection, now=NOW, lease=LEASE, limit=2)
    assert sorted(every(found)) == ["m1", "m2"]
    one = look(connection, "m2")
    assert (one["not_before"], one["lease"], one["lookups"], one["state"]) == (
        after(150),
        "mine",
        3,
        "unknown",
    )
    assert every(claim_unknown(connection, now=NOW, lease=LEASE, limit=2)) == ["m0"]
    assert claim_unknown(connection, now=NOW, lease=LEASE, limit=2) == []


# --- what a dispatcher claims -----------------------------------------------------------------------------


class Scene:
    """A dispatcher's claims, its worker's lock for large calls, and the ledger."""

    def __init__(self, ledger):
        self.ledger, self.lock, self.clock = ledger, ProcessLock(), Clock()
        self.settings = settings()
        self.claims = Claims(self.settings, ledger, self.lock, self.clock)

    def put(self, *rows):
        with self.ledger.write() as connection:
            put(connection, *rows)

    def plan(self, lane=Lane.NORMAL):
        return self.claims.plan(lane)

    def claim(self, **cleared):
        admission = Admission(Permit("call"), Clearance(**cleared))
        return self.claims.claim(admission, self.plan())

    def take(self, **cleared):
        return every(self.claim(**cleared).rows)


@pytest.fixture
def scene(ledger):
    return Scene(ledger)


def test_a_batch_is_leased_for_its_call(scene):
    scene.put(row("m"), row("urgent", lane=0))
    batch = scene.claim()
    assert every(batch.rows) == ["urgent", "m"]
    assert batch.lease == Lease("call", NOW + scene.settings.worker.lease)
    assert (batch.probe, batch.large) == (None, False)
    assert scene.lock.is_free()


def test_a_call_has_fifty_messages_or_as_many_as_it_may_carry(scene):
    scene.put(*[row(f"m{n:02}") for n in range(60)])
    assert len(scene.take(messages=3)) == 3
    assert len(scene.take()) == 50
    assert len(scene.take()) == 7


def test_a_try_takes_from_the_lowest_lane(scene):
    scene.put(row("n"), row("u", lane=0), row("b", lane=2))
    assert scene.take(messages=1, is_probe=True) == ["b"]
    assert scene.take(messages=1) == ["u"]


def held(scene, scope, *, by_hand=False, due=True):
    with scene.ledger.write() as connection:
        if by_hand:
            hold_by_hand(connection, scope, reason="r", now=NOW)
            return
        hold(connection, scope, reason="r", code="c", now=NOW)
        if due:
            connection.execute(holds.update().where(holds.c.scope == scope).values(probe_at=NOW))


@pytest.mark.parametrize(
    ("scope", "given", "stopped", "probe", "claimed"),
    [
        (EVERYTHING, {"by_hand": True}, True, None, None),
        (EVERYTHING, {"due": False}, True, None, None),
        (EVERYTHING, {}, False, EVERYTHING, ["a"]),
        (STRICT, {"by_hand": True}, False, None, ["u"]),
        (STRICT, {"due": False}, False, None, ["u"]),
        (STRICT, {}, False, STRICT, ["a"]),
        ("lane:normal", {"by_hand": True}, False, None, ["u"]),
    ],
)
def test_what_a_hold_leaves_to_be_claimed(scene, scope, given, stopped, probe, claimed):
    held(scene, scope, **given)
    scene.put(row("a"), row("b"), row("u", kind=URGENT, lane=2))
    plan = scene.plan()
    assert (plan.stopped, plan.probe) == (stopped, probe)
    if not stopped:
        batch = scene.claim()
        assert every(batch.rows) == claimed
        assert batch.probe == probe


@pytest.mark.parametrize(("scope", "stopped"), [(EVERYTHING, True), (URGENT, False)])
def test_a_due_probe_without_a_message_to_try_is_none(scene, scope, stopped):
    held(scene, scope)
    if scope == URGENT:
        scene.put(row("a"))
    plan = scene.plan()
    assert (plan.probe, plan.stopped) == (None, stopped)
    if not stopped:
        assert scene.take() == ["a"]


def test_a_probe_is_tried_only_by_a_lane_that_has_its_message(scene):
    held(scene, STRICT)
    scene.put(row("a"))
    assert scene.plan(Lane.NORMAL).probe == STRICT
    assert scene.plan(Lane.URGENT).probe is None


def test_whether_a_lane_has_something_that_may_be_taken(scene):
    plan = scene.plan()
    assert not scene.claims.waiting(Lane.NORMAL, plan)
    scene.put(row("soon", not_before=after(1)))
    assert not scene.claims.waiting(Lane.NORMAL, plan)
    scene.clock.advance(1)
    assert scene.claims.waiting(Lane.NORMAL, plan)
    assert not scene.claims.waiting(Lane.BULK, plan)
    held(scene, STRICT, by_hand=True)
    assert not scene.claims.waiting(Lane.NORMAL, scene.plan())


@pytest.mark.parametrize(("size", "waits"), [(LARGE_BODY, True), (LARGE_BODY + 1, False)])
def test_while_a_large_call_is_under_way_only_small_messages_wait_for_their_turn(scene, size, waits):
    scene.put(row("m", content_bytes=size))
    assert scene.claims.waiting(Lane.NORMAL, scene.plan())
    assert scene.lock.is_free(), "asking takes nothing"
    scene.lock.take()
    assert scene.claims.waiting(Lane.NORMAL, scene.plan()) is waits
    assert scene.take() == ["m"] * waits
    assert not scene.lock.is_free(), "who had it still has it"


@pytest.mark.parametrize(
    ("sizes", "large"),
    [
        ([LARGE_BODY], False),
        ([LARGE_BODY + 1], True),
        ([LARGE_BODY - 1000, 900], False),
        ([LARGE_BODY - 1000, 1001], True),
    ],
)
def test_a_batch_is_large_by_the_sum_of_its_messages(scene, sizes, large):
    scene.put(*[row(f"m{n}", content_bytes=size) for n, size in enumerate(sizes)])
    batch = scene.claim()
    assert (len(batch.rows), batch.large) == (len(sizes), large)
    assert scene.lock.is_free() is not large
    scene.claims.let_go(batch)
    assert scene.lock.is_free()


def test_while_a_large_call_is_under_way_a_batch_stays_small(scene):
    scene.put(
        row("a", content_bytes=LARGE_BODY - 1000), row("b", content_bytes=1001), row("c", content_bytes=10)
    )
    scene.lock.take()
    assert scene.take() == ["a", "c"]


def test_only_who_has_the_large_call_gives_it_back(scene):
    scene.lock.take()
    scene.claims.let_go(ClaimedBatch(LEASE, ()))
    assert not scene.lock.is_free()
    scene.claims.let_go(ClaimedBatch(LEASE, (), large=True))
    assert scene.lock.is_free()


def test_a_claim_that_fails_leaves_the_large_call_to_others(scene):
    plan = scene.plan()
    scene.ledger.close()
    scene.claims._ledger = None
    with pytest.raises(AttributeError):
        scene.claims.claim(Admission(Permit("call"), Clearance()), plan)
    assert scene.lock.is_free()


def test_no_message_is_claimed_twice(scene):
    scene.put(*[row(f"m{n}") for n in range(5)])
    found = [scene.take(messages=2) for _ in range(4)]
    assert [len(one) for one in found] == [2, 2, 1, 0]
    assert len({id_ for one in found for id_ in one}) == 5
    with scene.ledger.read() as connection:
        assert set(connection.execute(select(messages.c.state)).scalars()) == {str(State.SENDING)}

"""Copies of what was taken off a stream: for how long they are kept, how they are found, and how they go."""

from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as RedisGone

from mailworker.core.lane import Lane
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.refill_log import Keeping, KeptEntries, KeptFigures
from mailworker.queue.stream import GroupStream
from tests.rows import NOW, after

KEEPING = Keeping(timedelta(seconds=60), 10_000)


@pytest.fixture
def kept(redis):
    return KeptEntries(redis, "s", KEEPING)


def take(redis, *bodies, keeping=KEEPING):
    """Put these on the stream and have a worker take them off; gives their ids."""
    ids = [redis.xadd("s", {"v": "1", "body": body}) for body in bodies]
    stream = GroupStream(redis, "s", at_once=200)
    stream.keep(keeping)
    stream.acknowledge(stream.fresh())
    return ids


def bodies(kept):
    return [fields["body"] for _, fields in kept.entries()]


@pytest.mark.parametrize(
    ("lane", "seconds", "kept"),
    [
        (Lane.URGENT, 3600.0, 300.0),
        (Lane.URGENT, 301.0, 300.0),
        (Lane.URGENT, 299.0, 299.0),
        (Lane.URGENT, 0.0, 0.0),
        (Lane.NORMAL, 3600.0, 3600.0),
        (Lane.BULK, 299.0, 299.0),
    ],
)
def test_urgent_jobs_are_kept_for_five_minutes_at_most(lane, seconds, kept):
    assert Keeping(timedelta(seconds=seconds), 7).of_lane(lane) == Keeping(timedelta(seconds=kept), 7)


def test_the_period_is_as_it_was_configured(redis):
    assert KeptEntries(redis, "s", Keeping(timedelta(minutes=30, milliseconds=500), 1)).period == timedelta(
        seconds=1800.5
    )


@pytest.mark.parametrize(("seconds", "left"), [(59, ["a"]), (60, ["a"]), (61, [])])
def test_a_copy_is_kept_for_its_time(redis, kept, clock, seconds, left):
    take(redis, "a")
    clock.advance(seconds)
    kept.forget_old()
    assert bodies(kept) == left
    assert kept.figures().entries == len(left)


def test_a_time_of_half_a_second_is_half_a_second(redis, clock):
    keeping = Keeping(timedelta(seconds=0.5), 10_000)
    take(redis, "a", keeping=keeping)
    kept = KeptEntries(redis, "s", keeping)
    clock.advance(0.4)
    kept.forget_old()
    assert bodies(kept) == ["a"]
    clock.advance(0.2)
    kept.forget_old()
    assert bodies(kept) == []


def test_a_copy_has_what_the_entry_had_and_its_id(redis, kept):
    ids = take(redis, "a", "b")
    assert list(kept.entries()) == [
        (id_, {"v": "1", "body": body}) for id_, body in zip(ids, "ab", strict=True)
    ]
    assert kept.find(ids[1]) == {"v": "1", "body": "b"}
    assert kept.find("0-1") is None
    assert redis.xlen("s") == 0
    assert redis.xpending("s", "workers")["pending"] == 0


@pytest.mark.parametrize("number", [1, 19, 20, 21, 40, 41])
def test_all_copies_are_read_however_many_there_are(redis, kept, number):
    take(redis, *map(str, range(number)))
    assert bodies(kept) == [str(one) for one in range(number)]


def test_no_answer_of_redis_has_more_than_twenty_of_them(redis, kept, monkeypatch):
    take(redis, *map(str, range(50)))
    sizes, plain = [], redis.execute_command

    def counted(*command, **options):
        answer = plain(*command, **options)
        sizes.extend(len(one) for one in [answer] if isinstance(one, list))
        return answer

    monkeypatch.setattr(redis, "execute_command", counted)
    assert len(bodies(kept)) == 50
    assert sizes == [1, 20, 20, 10, 0], "each may have 20 MB"
    sizes.clear()
    assert kept.figures().entries == 50
    assert sizes == [1, 1]


def test_what_is_kept_while_the_copies_are_read_is_not_read(redis, kept):
    take(redis, *map(str, range(30)))
    seen = []
    for _, fields in kept.entries():
        seen.append(fields["body"])
        take(redis, "later")
    assert seen == [str(one) for one in range(30)]


def test_those_that_are_meant_are_deleted_and_their_bytes_with_them(redis, kept):
    take(redis, *"abcab")
    before = kept.figures().bytes
    assert before == 5 * len("v1body_")
    assert kept.forget(lambda fields: fields["body"] == "a") == 2
    assert bodies(kept) == ["b", "c", "b"]
    assert (kept.figures().entries, kept.figures().bytes) == (3, 3 * len("v1body_"))
    assert kept.forget(lambda fields: fields["body"] == "a") == 0


def test_one_that_went_by_itself_meanwhile_is_not_counted_as_deleted(redis, kept):
    take(redis, *"ab")

    def meant(_fields):
        redis.xtrim("s:kept", maxlen=0)
        return True

    assert kept.forget(meant) == 0


def test_copies_are_put_back_as_they_came_and_stay(redis, kept):
    take(redis, *"ab")
    assert kept.put_back() == 2
    assert [fields for _, fields in redis.xrange("s")] == [{"v": "1", "body": "a"}, {"v": "1", "body": "b"}]
    assert bodies(kept) == ["a", "b"]


def test_nothing_kept_has_no_figures(redis, kept):
    assert kept.figures() == KeptFigures(0, 0, None, None)
    assert (kept.put_back(), list(kept.entries())) == (0, [])


def test_figures_are_of_the_first_and_the_last(redis, kept, clock):
    take(redis, "a")
    clock.advance(7)
    take(redis, "bb", "ccc")
    assert kept.figures() == KeptFigures(3, 3 * len("v1body") + 6, NOW, after(7))


def test_what_never_was_on_the_stream_is_kept_as_if_it_had_been(redis, kept, clock):
    kept.add([{"v": "1", "body": "a"}, {"v": "1", "body": "b"}])
    assert bodies(kept) == ["a", "b"]
    ((id_, _), _) = kept.entries()
    assert id_ == f"{int(NOW.timestamp() * 1000)}-0"
    assert kept.figures() == KeptFigures(2, 2 * len("v1body_"), NOW, NOW)
    clock.advance(61)
    kept.add([{"v": "1", "body": "c"}])
    assert bodies(kept) == ["c"], "what is too old goes with what comes"


@pytest.mark.parametrize(
    ("keeping", "given"), [(KEEPING, []), (Keeping(timedelta(seconds=0), 10_000), [{"body": "a"}])]
)
def test_where_nothing_is_to_be_kept_redis_is_not_asked(keeping, given):
    KeptEntries(None, "s", keeping).add(given)


@pytest.mark.parametrize(("most", "left"), [(7, ["b"]), (6, []), (14, ["a", "b"]), (13, ["b"])])
def test_the_oldest_go_where_they_are_too_much(redis, most, left):
    for entry in "ab":
        take(redis, entry, keeping=Keeping(timedelta(seconds=60), most))
    assert bodies(KeptEntries(redis, "s", Keeping(timedelta(seconds=60), most))) == left


@pytest.mark.parametrize(("most", "left"), [(7, ["b"]), (6, [])])
def test_what_came_another_way_is_kept_within_the_same_bytes(redis, most, left):
    kept = KeptEntries(redis, "s", Keeping(timedelta(seconds=60), most))
    kept.add([{"v": "1", "body": "a"}])
    kept.add([{"v": "1", "body": "b"}])
    assert bodies(kept) == left


@pytest.mark.parametrize(
    "ask",
    [
        lambda kept: kept.acknowledge("workers", ["1-1"]),
        lambda kept: kept.add([{"v": "1"}]),
        lambda kept: kept.figures(),
        lambda kept: list(kept.entries()),
        lambda kept: kept.put_back(),
        lambda kept: kept.forget(bool),
    ],
)
def test_a_redis_that_is_away_says_so(redis, kept, monkeypatch, ask):
    def gone(*_, **__):
        raise RedisGone

    monkeypatch.setattr(redis, "execute_command", gone)
    monkeypatch.setattr(redis, "pipeline", gone)
    with pytest.raises(StreamUnavailable):
        ask(kept)

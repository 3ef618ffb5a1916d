"""Whoever floods one address makes that address wait alone, and not one entry is lost or doubled by it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.errors import TransientError
from mailworker.intake.entry_recipients import recipients_of
from mailworker.queue.drain import drain
from mailworker.queue.fair_stream import FAIR_SHARE, FairStream
from mailworker.queue.quarantine import quarantined
from mailworker.queue.stream import READ_BYTES, GroupStream
from tests.rows import NOW
from tests.unit.test_stream_dead_letters import NATURES, Killed
from tests.unit.test_stream_dead_letters import Scene as AnyScene

VICTIM = "victim@client.example"


class Scene(AnyScene):
    """The same, with a stream that is fair between recipients."""

    def __init__(self, monkeypatch, looks_at=20, at_once=7):
        super().__init__(monkeypatch)
        self.looks_at, self.at_once = looks_at, at_once
        self.stream = self.another_reader()

    def another_reader(self):
        return FairStream(
            self.redis,
            "jobs",
            looks_at=self.looks_at,
            at_once=self.at_once,
            recipients_of=recipients_of,
        )

    def reset(self, name, to=VICTIM, nature="good", **fields):
        return self.add(name, nature, job=json.dumps({"to": to}), **fields)


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


def test_an_innocent_behind_a_flood_is_written_first(scene):
    for number in range(100):
        scene.reset(f"flood{number}")
    scene.reset("innocent", "innocent@client.example")
    drain(scene.stream, scene.sink, NOW)
    assert scene.sink.kept == ["innocent"]
    scene.read_until_quiet(2)
    assert scene.sink.kept == ["innocent", *(f"flood{number}" for number in range(100))], "in their order"
    assert scene.stream.waiting() == 0


def test_who_has_entries_set_aside_gets_no_later_one_before_them(scene):
    for number in range(20):
        scene.reset(f"flood{number}")
    drain(scene.stream, scene.sink, NOW)
    scene.reset("later")
    scene.reset("innocent", "innocent@client.example")
    scene.read_until_quiet(2)
    assert scene.sink.kept[-1] == "later"
    assert scene.sink.kept.index("innocent") < scene.sink.kept.index("flood19")


def test_an_innocent_who_comes_meanwhile_waits_for_one_write_at_the_most(scene):
    for number in range(100):
        scene.reset(f"flood{number}")
    drain(scene.stream, scene.sink, NOW)
    before = len(scene.sink.kept)
    scene.reset("innocent", {"email": "innocent@client.example"})
    drain(scene.stream, scene.sink, NOW)
    assert (before, scene.sink.kept[before:]) == (scene.at_once, ["innocent"])


def test_a_flood_is_one_however_its_address_is_written(scene):
    spellings = [VICTIM, "Victim@CLIENT.example", {"email": VICTIM}, [{"email": " victim@client.example"}]]
    for number in range(8 * len(spellings)):
        scene.reset(f"flood{number}", spellings[number % len(spellings)])
    scene.reset("innocent", ["innocent@client.example"])
    drain(scene.stream, scene.sink, NOW)
    assert scene.sink.kept == ["innocent"]


def test_a_few_to_one_address_are_no_flood(scene):
    for number in range(FAIR_SHARE):
        scene.reset(f"own{number}")
    scene.reset("other", "other@client.example")
    drain(scene.stream, scene.sink, NOW)
    assert scene.sink.kept == [*(f"own{number}" for number in range(FAIR_SHARE)), "other"]


def test_redis_remembers_no_address(scene):
    for number in range(30):
        scene.reset(f"flood{number}")
    drain(scene.stream, scene.sink, NOW)
    remembered = scene.redis.smembers("jobs:aside")
    assert remembered
    assert "victim" not in str(remembered)
    assert scene.redis.ttl("jobs:aside") > 0
    scene.read_until_quiet(2)
    assert not scene.redis.exists("jobs:aside"), "once none of them waits"


def test_one_reader_at_a_time_works_on_a_flood_and_the_others_are_free(scene):
    for number in range(30):
        scene.reset(f"flood{number}")
    assert len(scene.stream.fresh()) == scene.at_once
    assert scene.another_reader().fresh() == []
    scene.reset("innocent", "innocent@client.example")
    assert [fields["name"] for _, fields in scene.another_reader().fresh()] == ["innocent"]


@pytest.mark.parametrize(("floods", "first"), [(39, "innocent"), (40, "flood0")])
def test_a_flood_without_end_gets_its_turn_after_forty_looks(scene, floods, first):
    size = scene.looks_at
    for number in range(floods * size):
        scene.reset(f"flood{number}")
    scene.reset("innocent", "innocent@client.example")
    assert scene.stream.fresh()[0][1]["name"] == first


def test_whose_reader_died_first_comes_first_whoever_it_read_for(scene):
    for number in range(9):
        scene.reset(f"flood{number}")
    aside = [entry for entry, _ in scene.stream.fresh()]
    scene.clock.advance(2)
    scene.reset("innocent", "innocent@client.example")
    ((innocent, _),) = scene.stream.fresh()
    scene.clock.advance(31)
    assert [one.id for one in scene.stream.abandoned()] == [*aside, innocent]


def test_a_flood_of_large_jobs_is_read_up_to_the_bytes(scene):
    for number in range(8):
        scene.reset(f"small{number}")
    for number in range(7):
        scene.reset(f"large{number}", file="x" * (READ_BYTES // 2 - 1_000))
    read = []
    while found := scene.stream.fresh():
        assert sum(len(str(fields)) for _, fields in found) < 2 * READ_BYTES
        read += [fields["name"] for _, fields in found]
        scene.stream.acknowledge(found)
    assert len(read) == 15


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 3), NATURES), max_size=40),
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_every_entry_comes_out_once_and_each_recipients_in_order(entries, looks_at, at_once, old):
    with pytest.MonkeyPatch.context() as monkeypatch:
        scene = Scene(monkeypatch, looks_at, at_once)
        for number, (recipient, nature) in enumerate(entries):
            scene.reset(f"{number}", f"p{recipient % (old + 1)}@client.example", nature)
        scene.read_until_quiet(120)
        good = [str(n) for n, (_, nature) in enumerate(entries) if nature in {"good", "passing"}]
        assert sorted(scene.sink.kept) == sorted(good)
        assert len(quarantined(scene.redis, limit=100)) == sum(
            n in {"deadly", "unkeepable"} for _, n in entries
        )
        assert scene.redis.xlen("jobs") == 0


@settings(max_examples=50)
@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 12), st.integers(1, 9))
def test_each_recipients_entries_come_in_order_once_they_were_set_aside(entries, looks_at, at_once):
    with pytest.MonkeyPatch.context() as monkeypatch:
        scene = Scene(monkeypatch, looks_at, at_once)
        for number, recipient in enumerate(entries):
            scene.reset(f"{number}", f"p{recipient}@client.example")
        scene.read_until_quiet(3)
        for recipient in range(4):
            mine = [n for n in map(int, scene.sink.kept) if entries[n] == recipient]
            assert mine == sorted(mine)


def test_whose_reader_died_is_read_alone_and_an_old_worker_takes_what_a_new_one_set_aside(scene):
    scene.reset("deadly", nature="deadly")
    for number in range(9):
        scene.reset(f"flood{number}")
    with pytest.raises(Killed):
        drain(scene.stream, scene.sink, NOW)
    scene.clock.advance(31)
    scene.stream = GroupStream(scene.redis, "jobs", at_once=200)  # an earlier version's
    scene.read_until_quiet()
    assert sorted(scene.sink.kept) == [f"flood{number}" for number in range(9)]
    assert len(quarantined(scene.redis, limit=100)) == 1


def test_a_passing_fault_leaves_all_of_a_flood_there(scene):
    class Down:
        def write(self, entries):
            raise TransientError("the ledger does not answer")

    for number in range(30):
        scene.reset(f"flood{number}")
    with pytest.raises(TransientError):
        drain(scene.stream, Down(), NOW)
    scene.clock.advance(6)
    scene.read_until_quiet(3)
    assert sorted(scene.sink.kept) == sorted(f"flood{number}" for number in range(30))


ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(st.characters(), max_size=12) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["email", "to", ""]), inner),
    max_leaves=8,
)


@given(ANYTHING)
def test_whatever_an_entry_holds_its_recipients_can_be_asked_for(to):
    for job in (json.dumps({"to": to}), json.dumps(to), str(to), "[" * 100_000):
        assert all(isinstance(name, str) for name in recipients_of(("1-0", {"job": job})))
    assert recipients_of(("1-0", {})) == set()


def test_setting_aside_counts_as_no_delivery_and_a_deadly_entry_of_a_flood_dies_as_often_as_any(scene):
    deaths, plain = [], scene.sink._meet

    def meet(nature, name):
        deaths.extend([name] * (nature == "deadly"))
        plain(nature, name)

    scene.sink._meet = meet
    for number in range(9):
        scene.reset(f"flood{number}", nature="deadly" if number == 8 else "good")
    scene.reset("alone", "a@client.example", nature="deadly")
    with pytest.raises(Killed):
        drain(scene.stream, scene.sink, NOW)
    aside = scene.redis.xpending_range("jobs", "workers", "-", "+", 99, consumername="aside")
    assert [one["times_delivered"] for one in aside] == [1] * 9
    scene.read_until_quiet()
    assert (deaths.count("alone"), deaths.count("flood8")) == (4, 4)

"""One bad stream entry harms itself alone, whatever is bad about it, on a stream of any make."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.errors import TransientError
from mailworker.queue import envelope, stream
from mailworker.queue.drain import drain
from mailworker.queue.quarantine import MOST_DELIVERIES, give_back, quarantined, throw_away
from mailworker.queue.stream import READ_BYTES, GroupStream
from tests.redis_clock import SimulatedClock, simulated_redis
from tests.rows import NOW


class Killed(BaseException):
    """The reader's process ends here, as by SIGKILL."""


class ScriptedSink:
    """Writes as each entry's `nature` has it: good, guilty, unkeepable, deadly, or passing `n` times."""

    def __init__(self):
        self.kept, self.rejected, self.patience = [], [], {}
        self.in_quarantine = []

    def write(self, entries):
        for _, fields in entries:
            self._meet(fields["nature"], fields["name"])
        self.kept += [fields["name"] for _, fields in entries]
        return len(entries)

    def _meet(self, nature, name):
        if nature == "deadly":
            raise Killed
        if nature in {"guilty", "unkeepable"}:
            raise ValueError("marie@c.example")
        if nature == "passing":
            self.patience.setdefault(name, 2)
            if self.patience[name]:
                self.patience[name] -= 1
                raise TransientError("not now")

    def reject(self, entry, fault):
        id_, fields = entry
        if fields.get("nature") == "unkeepable":
            raise ValueError("no database takes this")
        if "is in quarantine" in fault:
            self.in_quarantine.append(id_)
        self.rejected.append((fields.get("name"), fault))
        return 1


class Scene:
    """A stream, its readers, and a clock that the test moves."""

    def __init__(self, monkeypatch):
        self.clock = SimulatedClock().install(monkeypatch)
        self.redis = simulated_redis()
        self.stream = GroupStream(self.redis, "jobs", at_once=200)
        self.sink = ScriptedSink()
        self.alarms = []

    def add(self, name, nature="good", version="1", **fields):
        return self.redis.xadd("jobs", {"v": version, "name": name, "nature": nature} | fields)

    def read_until_quiet(self, rounds=60):
        """Readers come, and die where they must, until nothing is left for them; some time between."""
        for left in (self.redis.xlen("jobs") for _ in range(rounds)):
            try:
                while done := drain(self.stream, self.sink, NOW):
                    self.alarms += done.quarantined
            except (Killed, TransientError):
                pass
            self.clock.advance(31)
            if not left:
                break


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


NATURES = st.sampled_from(["good", "good", "good", "guilty", "unkeepable", "deadly", "passing"])


@settings(max_examples=40)
@given(st.lists(NATURES, max_size=12))
def test_every_entry_gets_what_it_deserves(natures):
    with pytest.MonkeyPatch.context() as monkeypatch:
        scene = Scene(monkeypatch)
        ids = [scene.add(f"{number}", nature) for number, nature in enumerate(natures)]
        scene.read_until_quiet()
        names = {
            kind: [str(n) for n, nature in enumerate(natures) if nature in kind.split()]
            for kind in ("good passing", "guilty", "unkeepable deadly")
        }
        assert sorted(scene.sink.kept) == sorted(names["good passing"]), "each once"
        assert sorted(name for name, _ in scene.sink.rejected if name) == sorted(names["guilty"])
        in_quarantine = [fields["name"] for _, fields in scene.redis.xrange("mailworker:quarantine")]
        assert sorted(in_quarantine) == sorted(names["unkeepable deadly"])
        assert sum("is in quarantine" in fault for _, fault in scene.sink.rejected) == len(in_quarantine)
        assert scene.redis.xlen("jobs") == 0
        out = sorted(
            id_ for id_, nature in zip(ids, natures, strict=True) if nature in {"unkeepable", "deadly"}
        )
        assert sorted(scene.sink.in_quarantine) == out
        assert sorted(alarm.split()[2] for alarm in scene.alarms) == out, "each is told, once"


def test_a_guilty_entry_is_named_by_place_and_never_by_its_words(scene):
    scene.add("a", "guilty")
    drain(scene.stream, scene.sink, NOW)
    ((name, fault),) = scene.sink.rejected
    assert name == "a"
    assert fault.startswith("entry: could not be taken: ValueError at test_stream_dead_letters.py:")
    assert "marie" not in fault


def test_a_quarantine_is_told_where_the_ledger_takes_no_note_of_it(scene):
    class Away(ScriptedSink):
        def reject(self, entry, fault):
            raise TransientError("the ledger does not answer")

    entry_id = scene.add("b", "deadly")
    scene.sink = Away()
    scene.read_until_quiet()
    (alarm,) = scene.alarms
    assert entry_id in alarm
    assert "the ledger took no note of it: TransientError" in alarm


def test_an_outage_puts_nothing_into_quarantine(scene):
    class Down:
        def write(self, entries):
            raise TransientError("the ledger does not answer")

    scene.add("a")
    scene.add("b")
    for _ in range(3 * MOST_DELIVERIES):
        with pytest.raises(TransientError):
            drain(scene.stream, Down(), NOW)
        scene.clock.advance(6)
    scene.read_until_quiet(2)
    assert sorted(scene.sink.kept) == ["a", "b"]
    assert quarantined(scene.redis, limit=9) == []


def test_one_entry_that_must_wait_lets_the_others_pass(scene):
    class Picky(ScriptedSink):
        def _meet(self, nature, name):
            if name == "wait":
                raise TransientError("not now")

    sink = scene.sink = Picky()
    for name in ("a", "wait", "b"):
        scene.add(name)
    scene.read_until_quiet(8)
    assert sorted(sink.kept) == ["a", "b"]
    assert scene.stream.waiting() == 1
    assert quarantined(scene.redis, limit=9) == []


def test_a_newer_version_stays_for_a_newer_worker(scene):
    scene.add("tomorrow", version="2")
    scene.add("today")
    scene.read_until_quiet(2 * MOST_DELIVERIES)
    assert scene.sink.kept == ["today"]
    ((_, fields),) = scene.redis.xrange("jobs")
    assert fields["name"] == "tomorrow"
    assert quarantined(scene.redis, limit=9) == []


@pytest.mark.parametrize("version", ["99", "2", "2.1", "v2", "1.1", "3-beta", "1000000"])
def test_any_later_version_is_left_whole(scene, version):
    scene.add("tomorrow", version=version)
    scene.read_until_quiet(2 * MOST_DELIVERIES)
    ((_, fields),) = scene.redis.xrange("jobs")
    assert (fields["name"], fields["v"], scene.sink.kept) == ("tomorrow", version, [])


def test_many_of_a_newer_version_keep_nobody_waiting(scene):
    """They are looked at once, whatever their number, and those that come after them are taken at once."""
    for number in range(200):
        scene.add(f"tomorrow-{number}", version="2")
    scene.read_until_quiet(2 * MOST_DELIVERIES)
    scene.add("today")
    asked = scene.stream.abandoned()
    assert asked == [], "nobody takes them for a dead reader's"
    scene.read_until_quiet(1)
    assert (scene.sink.kept, scene.stream.waiting()) == (["today"], 200)


def test_a_newer_worker_takes_what_an_older_one_left(scene, monkeypatch):
    scene.add("tomorrow", version="2")
    scene.read_until_quiet(2 * MOST_DELIVERIES)
    monkeypatch.setattr(envelope, "VERSION", "2")
    monkeypatch.setattr(stream, "VERSION", "2")
    scene.read_until_quiet(2 * MOST_DELIVERIES)
    assert (scene.sink.kept, scene.stream.waiting()) == (["tomorrow"], 0)


def test_reading_ends_at_a_number_of_bytes(scene):
    for number in range(5):
        scene.add(f"{number}", file="x" * (READ_BYTES // 2))
    taken = []
    while done := drain(scene.stream, scene.sink, NOW):
        taken += done.results
    assert taken == [2, 2, 1]


def test_quarantine_is_left_by_a_person_alone(scene):
    scene.add("a", "deadly", weight="x" * 1000)
    scene.read_until_quiet()
    (found,) = quarantined(scene.redis, limit=9)
    assert (found.stream, found.since) == ("jobs", NOW)
    assert 1000 < found.bytes < 1100
    give_back(scene.redis, found.id)
    ((_, fields),) = scene.redis.xrange("jobs")
    assert fields == {"v": "1", "name": "a", "nature": "deadly", "weight": "x" * 1000}
    scene.read_until_quiet()
    (again,) = quarantined(scene.redis, limit=9)
    throw_away(scene.redis, again.id)
    assert quarantined(scene.redis, limit=9) == []
    for unknown in (give_back, throw_away):
        with pytest.raises(Exception, match="no entry in quarantine has it"):
            unknown(scene.redis, again.id)


def test_the_oldest_entry(scene):
    assert scene.stream.oldest() is None
    scene.add("a")
    first = scene.stream.oldest()
    scene.clock.advance(60)
    scene.add("b")
    assert scene.stream.oldest() == first


def test_the_doctor_names_what_is_in_quarantine(scene):
    from mailworker.cli.doctor_checks.redis_streams import stream_faults  # noqa: PLC0415

    assert not any("quarantine" in fault for fault in stream_faults(scene.redis, NOW))
    scene.add("a", "deadly")
    scene.read_until_quiet()
    (fault,) = stream_faults(scene.redis, NOW)
    assert fault.startswith("1 stream entry is in quarantine")

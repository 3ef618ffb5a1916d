"""The bucket of calls, on a clock of the test's own: strict, paced, fair, closed when in doubt."""

import heapq
import itertools
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisGone

from mailworker.cli.doctor_checks.redis import pause_faults
from mailworker.limits import Bucket, CallLane, Permit
from mailworker.limits.rate_limit_by_lane import BucketUnavailable
from tests.redis_clock import simulated_redis

PACE = 61 / 200

LANES = list(CallLane)
URGENT, NORMAL, BULK, CONTACTS = LANES


@pytest.fixture
def bucket(redis):
    return Bucket(redis, 200)


class PlainTokenBucket:
    """What most people write: so many tokens, refilled at so many a minute. For the test of the test."""

    def __init__(self, redis, limit):
        self.redis, self.limit = redis, limit

    def try_take(self, lane, call_id):
        seconds, micros = self.redis.time()
        now = seconds + micros / 1e6
        tokens, at = self.redis.hmget("plain", "tokens", "at")
        tokens = self.limit if tokens is None else float(tokens) + (now - float(at)) * self.limit / 60
        tokens = min(tokens, self.limit)
        granted = tokens >= 1
        self.redis.hset("plain", mapping={"tokens": tokens - granted, "at": now})
        return 0.0 if granted else (1 - tokens) * 60 / self.limit + 0.001


def press(bucket, clock, seconds, lane=URGENT):
    """Ask for tokens as fast as the bucket says it is worth it; the moments of those granted."""
    until, granted = clock.seconds + seconds, []
    while clock.seconds < until:
        wait = bucket.try_take(lane, f"{clock.seconds}-{len(granted)}")
        if wait == 0.0:
            granted.append(clock.seconds)
        else:
            clock.advance(min(wait, until - clock.seconds))
    return granted


def most_in_any_minute(moments):
    """The largest number of calls in any window of 60 seconds, its ends included."""
    return max((sum(m <= other <= m + 60 for other in moments) for m in moments), default=0)


def live_through(bucket, redis, clock, plan):
    granted = []
    for what, seconds, lane in plan:
        if what == "press":
            granted += press(bucket, clock, seconds, lane)
        elif what == "rest":
            clock.advance(seconds)
        else:
            redis.flushall()
    return granted


plans = st.lists(
    st.tuples(
        st.sampled_from(["press", "press", "press", "rest", "flush"]),
        st.one_of(st.floats(0.001, 4), st.floats(20, 70), st.sampled_from([3.05, 60, 61])),
        st.sampled_from(LANES),
    ),
    min_size=2,
    max_size=12,
)
#: A rest, its burst, and the log's loss in the middle of the same minute.
FORGETFUL = [
    ("press", 4, URGENT),
    ("rest", 100, URGENT),
    ("press", 10, URGENT),
    ("flush", 0, URGENT),
    ("press", 70, URGENT),
]
patiently = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("back", [5, 15, 3600])
def test_a_clock_that_steps_back_closes_nothing_for_so_long(bucket, clock, back):
    press(bucket, clock, 30)
    clock.advance(-back)

    after = press(bucket, clock, 60)

    assert 190 <= len(after) <= 198


def test_a_pause_ends_where_the_clock_steps_back_an_hour(bucket, clock):
    press(bucket, clock, 30)
    bucket.pause()
    clock.advance(-3600)

    after = press(bucket, clock, 60)

    assert 190 <= len(after) <= 198


@pytest.mark.parametrize("refused", [URGENT, NORMAL])
def test_a_lane_that_was_refused_before_a_clock_stepped_back_waits_in_nobodys_way(bucket, clock, refused):
    """It went away then, and its mail left with another's call: nobody is there to come back."""
    press(bucket, clock, 30, BULK)
    assert bucket.try_take(refused, "gone") > 0
    clock.advance(-7200)

    after = press(bucket, clock, 60, BULK)

    assert 190 <= len(after) <= 198


@pytest.mark.parametrize("limit", [1, 10])
def test_never_more_than_the_limit_in_any_minute(clock, limit):
    """Whatever the arrivals, rests, lanes, and losses of Redis's data."""

    @given(plans)
    @example(FORGETFUL)
    @patiently
    def never(plan):
        redis = simulated_redis()
        assert most_in_any_minute(live_through(Bucket(redis, limit), redis, clock, plan)) <= limit

    never()


def test_of_the_test_a_plain_bucket_is_found_out(clock):
    @given(plans)
    @settings(patiently, phases=[Phase.generate], max_examples=100)
    def never(plan):
        redis = simulated_redis()
        assert most_in_any_minute(live_through(PlainTokenBucket(redis, 7), redis, clock, plan)) <= 7

    with pytest.raises(AssertionError):
        never()


WORST = [  # an hour's rest, full pressure, the loss of everything right after a call, pressure again
    ("press", 2, URGENT),
    ("rest", 3600, URGENT),
    ("press", 20, BULK),
    ("flush", 0, URGENT),
    ("press", 25, URGENT),
    ("flush", 0, URGENT),
    ("press", 80, NORMAL),
]


def test_mailjets_own_limit_through_the_worst(bucket, redis, clock):
    moments = live_through(bucket, redis, clock, WORST)
    assert 190 <= most_in_any_minute(moments) <= 200


def test_of_the_test_a_plain_bucket_lets_almost_twice_the_limit_through(redis, clock):
    moments = live_through(PlainTokenBucket(redis, 200), redis, clock, WORST)
    assert most_in_any_minute(moments) > 390


def test_96_percent_of_the_limit_are_sustained(bucket, clock):
    press(bucket, clock, 1)
    assert len(press(bucket, clock, 180)) >= 0.96 * 3 * 200


def test_a_new_redis_starts_closed(bucket, clock):
    assert bucket.try_take(URGENT, "a") == pytest.approx(PACE, abs=0.02)
    clock.advance(PACE + 0.02)
    assert bucket.try_take(URGENT, "a") == 0.0


def test_the_log_holds_the_limit_and_not_one_more(bucket, clock):
    bucket.try_take(URGENT, "to begin with")
    clock.advance(70)
    moments = press(bucket, clock, 61.4)
    assert len(moments) == 200, "both of the burst, and one for each pace but the last"


def test_a_lower_limit_holds_at_once(redis, clock):
    press(Bucket(redis, 200), clock, 30)
    assert press(Bucket(redis, 50), clock, 30) == [], "the log remembers more than 50 calls in this minute"


class Crowd:
    """Waiters of several lanes, each asking as `Bucket.take` does, woken in the order of their naps."""

    def __init__(self, bucket, clock):
        self.bucket, self.clock = bucket, clock
        self.wakes, self.number = [], 0
        self.granted = []

    def join(self, lane, *, for_ever=True):
        self.number += 1
        heapq.heappush(self.wakes, (self.clock.seconds, self.number, lane, for_ever))

    def live(self, seconds):
        until = self.clock.seconds + seconds
        while self.wakes and self.wakes[0][0] <= until:
            moment, number, lane, for_ever = heapq.heappop(self.wakes)
            self.clock.seconds = max(self.clock.seconds, moment)
            wait = self.bucket.try_take(lane, f"{number}-{len(self.granted)}")
            if wait == 0.0:
                self.granted.append((self.clock.seconds, lane))
            if wait or for_ever:
                nap = min(wait, 0.25) or 0.001
                heapq.heappush(self.wakes, (self.clock.seconds + nap, number, lane, for_ever))
        self.clock.seconds = until


def test_an_urgent_call_takes_the_next_slot(bucket, clock):
    crowd = Crowd(bucket, clock)
    for _ in range(3):
        crowd.join(BULK)
    waits = []
    for turn in range(20):
        crowd.live(1 + turn * PACE / 17)  # at every phase of the pace
        asked, before = clock.seconds, len(crowd.granted)
        crowd.join(URGENT, for_ever=False)
        crowd.live(0.8)
        first_moment, first_lane = crowd.granted[before]
        assert first_lane is URGENT, "no bulk call went between"
        waits.append(first_moment - asked)
    assert max(waits) <= PACE + 0.25 + 0.01


def test_nobody_starves(bucket, clock):
    crowd = Crowd(bucket, clock)
    for lane in (URGENT, URGENT, NORMAL, BULK, CONTACTS):
        crowd.join(lane)
    crowd.live(60)
    for lane in LANES:
        moments = [moment for moment, of in crowd.granted if of is lane]
        assert len(moments) >= 4, lane
        assert max(b - a for a, b in itertools.pairwise(moments)) < 21, lane
    urgent = sum(of is URGENT for _, of in crowd.granted)
    assert urgent > 0.8 * len(crowd.granted)


def test_who_went_away_has_no_seniority_later(bucket, clock):
    """A bulk worker that found nothing more to do must not overtake a reset an hour later."""
    clock.advance(1)
    bucket.try_take(BULK, "a")
    clock.advance(3600)
    press(bucket, clock, 2, URGENT)
    crowd = Crowd(bucket, clock)
    crowd.join(BULK)
    crowd.join(URGENT, for_ever=False)
    crowd.live(1)
    assert crowd.granted[0][1] is URGENT


def test_who_went_away_is_not_waited_for(bucket, clock):
    press(bucket, clock, 1)
    assert bucket.try_take(URGENT, "gone") > 0
    clock.advance(PACE + 0.26)
    assert bucket.try_take(BULK, "b") == 0.0


@pytest.mark.parametrize(("away", "senior"), [(9.9, True), (10.1, False)])
def test_seniority_outlives_an_absence_of_ten_seconds(bucket, clock, away, senior):
    wait = bucket.try_take(BULK, "a")
    clock.advance(wait + 0.25 + away)
    press(bucket, clock, 0.01, URGENT)
    assert bucket.try_take(BULK, "b") > 0
    assert bucket.try_take(URGENT, "c") > 0
    clock.advance(PACE + 0.01)
    assert (bucket.try_take(BULK, "b") == 0.0) is senior


def test_who_was_told_to_wait_long_is_waited_for_until_then(bucket, clock):
    clock.advance(2)
    press(bucket, clock, 1)
    pause = bucket.pause()
    assert (bucket.try_take(URGENT, "a"), bucket.try_take(BULK, "b")) == (pause, pause)
    clock.advance(pause + 0.1)
    assert bucket.try_take(BULK, "b") > 0
    assert bucket.try_take(URGENT, "a") == 0.0


def test_a_429_stops_everybody_and_longer_each_time(bucket, clock):
    press(bucket, clock, 2)
    pauses = []
    for _ in range(6):
        pauses.append(bucket.pause())
        assert all(bucket.try_take(lane, "x") > 0 for lane in LANES)
        assert press(bucket, clock, pauses[-1] - 0.01) == []
        clock.advance(0.5)
        assert bucket.try_take(URGENT, "y") == 0.0
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_workers_that_hear_the_same_429_pause_once(bucket, clock):
    assert bucket.pause() == 5
    clock.advance(2)
    assert bucket.pause() == pytest.approx(3)


def test_mailjets_own_word_for_how_long(bucket):
    assert bucket.pause(30) == 30


def test_strikes_are_forgotten(bucket, clock):
    bucket.pause()
    clock.advance(5 + 121)
    assert bucket.pause() == 5


def test_a_token_given_back_is_there_again(bucket, clock):
    press(bucket, clock, 10)
    clock.advance(PACE)
    assert bucket.try_take(URGENT, "mine") == 0.0
    assert bucket.try_take(URGENT, "other") > 0
    bucket.give_back(Permit("mine"))
    assert bucket.try_take(URGENT, "other") == 0.0


def test_giving_back_what_was_never_taken_gives_nothing(bucket, clock):
    press(bucket, clock, 10)
    for _ in range(50):
        bucket.give_back(Permit("never"))
    assert len(press(bucket, clock, 3)) <= 11


def test_giving_back_late_gives_no_second_burst(bucket, clock):
    clock.advance(10)
    taken = [name for name in "abcd" if bucket.try_take(URGENT, name) == 0.0]
    clock.advance(30)
    for name in taken:
        bucket.give_back(Permit(name))
    assert len(press(bucket, clock, 0.01)) <= 2


class Gone:
    """A Redis that does not answer."""

    def register_script(self, _text):
        def script(**_):
            raise RedisGone("refused")

        return script


@pytest.mark.parametrize(
    "use",
    [
        lambda bucket: bucket.try_take(URGENT, "x"),
        lambda bucket: bucket.take(URGENT, patience=5),
        lambda bucket: bucket.pause(),
        lambda bucket: bucket.give_back(Permit("x")),
    ],
    ids=["try_take", "take", "pause", "give_back"],
)
def test_without_redis_nobody_calls(use):
    with pytest.raises(BucketUnavailable, match="ConnectionError"):
        use(Bucket(Gone(), 200))


def test_take_waits_gives_up_and_does_not_wait_for_what_is_needless(redis, clock, monkeypatch):
    bucket = Bucket(redis, 200)
    naps = []
    # The module's own `time`: the whole process's would stop the clock of every event loop in another thread, too.
    time = SimpleNamespace(
        sleep=lambda seconds: (naps.append(seconds), clock.advance(seconds)), monotonic=lambda: clock.seconds
    )
    monkeypatch.setattr("mailworker.limits.rate_limit_by_lane.time", time)
    permit = bucket.take(BULK, patience=2)
    assert permit is not None
    assert sum(naps) == pytest.approx(PACE, abs=0.3)
    bucket.pause(30)
    assert bucket.take(BULK, patience=2) is None
    assert bucket.take(BULK, patience=60, worth_waiting=lambda: False) is None
    assert max(naps) <= 0.25, "a sleeper looks up four times a second"
    assert bucket.take(BULK, patience=60).call_id != permit.call_id
    assert bucket.keys == ("{mailworker:calls}:log", "{mailworker:calls}:pace")


def test_the_doctor_says_for_how_long_nobody_calls_after_a_429(bucket, clock):
    assert (bucket.paused(), list(pause_faults(bucket))) == (0.0, [])
    bucket.pause()
    clock.advance(2)
    assert bucket.paused() == pytest.approx(3, abs=0.1)
    (said,) = pause_faults(bucket)
    assert said.startswith("Mailjet answers HTTP 429, too many calls, and nobody calls for the next 3 s")
    assert "give both a share in mailjet.calls_per_minute" in said
    clock.advance(4)
    assert bucket.paused() == 0.0

"""The clock that all workers share."""

from datetime import UTC, datetime, timedelta

from redis.exceptions import ConnectionError as RedisGone

from mailworker.core.clock import utc_now
from mailworker.limits.redis_clock import RedisClock

NEXT_YEAR = datetime(2027, 6, 1, 12, 0, tzinfo=UTC)


class RedisAt:
    """A Redis whose host's clock shows this."""

    def __init__(self, moment):
        self.moment = moment
        self.asked = 0

    def time(self):
        self.asked += 1
        if self.moment is None:
            raise RedisGone
        return int(self.moment.timestamp()), 250_000


def test_it_tells_the_time_of_redis_whatever_this_host_believes():
    clock = RedisClock(lambda: RedisAt(NEXT_YEAR))

    assert timedelta(0) <= clock() - NEXT_YEAR < timedelta(seconds=30)


def test_it_asks_once_and_counts_on_by_itself():
    redis = RedisAt(NEXT_YEAR)
    clock = RedisClock(lambda: redis)

    moments = [clock() for _ in range(100)]

    assert redis.asked == 1
    assert moments == sorted(moments)


def test_without_redis_it_goes_on_from_the_last_agreement(monkeypatch):
    monkeypatch.setattr("mailworker.limits.redis_clock._AGREED_FOR", -1.0)
    redis = RedisAt(NEXT_YEAR)
    clock = RedisClock(lambda: redis)
    before = clock()
    redis.moment = None

    after = clock()

    assert redis.asked == 2
    assert timedelta(0) <= after - before < timedelta(seconds=30)


def test_without_any_agreement_it_tells_this_hosts_time():
    clock = RedisClock(lambda: RedisAt(None))

    assert abs(clock() - utc_now()) < timedelta(seconds=30)

"""Redis: does it answer, would it keep what it was given, is it the one to write to?"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.sentinel import MasterNotFoundError

from mailworker.cli.doctor_checks.cures import SHARE
from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.age_in_words import age
from mailworker.limits.breaker_state import Breaker
from mailworker.limits.rate_limit_by_lane import Bucket
from mailworker.queue.redis_errors import what_redis_means
from mailworker.queue.redis_rights import demand_rights

#: Leases and times of sending are compared over machines.
MOST_SKEW = timedelta(seconds=5)
#: Streams are read with XAUTOCLAIM's answer of three parts, and scripts with their effects replicated.
OLDEST = (7, 0)
_ALMOST_FULL = 0.9
_TRIED = "mailworker:doctor"


def unreachable(redis: "Redis") -> Iterator[str]:
    """Whether Redis answers. Its URL is not shown: it may carry a password."""
    try:
        redis.ping()
    except AuthenticationError:
        yield "Redis refuses our password: correct the one in worker.redis_url (REDIS_URL)."
    except MasterNotFoundError:
        yield (
            "No sentinel names a primary: is the service in worker.redis_url called as in `sentinel "
            "monitor`, do the sentinels run, and does ?sentinel_password=... stand behind it where they ask "
            "for a password?"
        )
    except RedisError as fault:
        if any(word in str(fault).upper() for word in ("CERTIFICATE", "SSL", "TLS")):
            yield _tls_sentence(str(fault))
        else:
            yield f"Redis does not answer ({type(fault).__name__}): start it, or correct worker.redis_url."


def _tls_sentence(words: str) -> str:
    if "hostname" in words.lower() or "not valid for" in words.lower():
        return "Redis's certificate is for another name: write in worker.redis_url the name that it carries."
    if "expired" in words.lower():
        return "Redis's certificate has expired: renew it there; what waits in Redis is kept."
    if "certificate" in words.lower():
        return (
            "Redis's certificate is not trusted: add ?ssl_ca_certs=/path/to/ca.pem to worker.redis_url, "
            "or install its CA on this host."
        )
    return (
        "The TLS handshake with Redis failed: use redis:// where it speaks no TLS, rediss:// where it does."
    )


def takes_writes(redis: "Redis") -> bool:
    """Whether Redis takes a write now: full, or a replica, it refuses beat's sign and workers' answers.

    Tried, for INFO tells neither what an ACL forbids nor how many replicas are missing.
    """
    try:
        redis.set(_TRIED, "1", px=1)
    except ResponseError:
        return False
    return True


def rights_faults(redis: "Redis") -> Iterator[str]:
    """Whether an ACL forbids our user what is needed; where it does, nobody hears of workers and beat."""
    try:
        demand_rights(redis)
        redis.set(_TRIED, "1", px=1)
    except NoPermissionError as fault:
        yield what_redis_means(fault)
    except ResponseError:  # full, or a replica
        return


def state_faults(redis: "Redis") -> Iterator[str]:
    """Whether this Redis can be written to and is new enough."""
    try:
        info: Mapping[str, Any] = dict(redis.info())
    except ResponseError:
        yield Note(
            "Redis forbids INFO, so nobody can tell here whether it is full, old or a replica: make sure."
        )
        return
    if info.get("redis_mode") == "cluster" or info.get("cluster_enabled") == 1:
        yield (
            "This Redis is a cluster, which mailworker does not support: use one primary, with sentinels "
            "where it has to fail over (docs/operations.md)."
        )
    version = str(info.get("valkey_version") or info.get("redis_version") or "0")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        yield f"Redis is version {version}: install 7.0 or later, or Valkey."
    if info.get("role") == "slave":
        yield (
            "This Redis is a read-only replica, so no job can be enqueued: point worker.redis_url to the "
            "primary, or promote this one (REPLICAOF NO ONE)."
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used >= most * _ALMOST_FULL:
        yield (
            f"Redis is {used / most:.0%} full, and refuses new jobs when it is full: raise maxmemory, "
            "and see below which jobs wait."
        )
    elif "err" in {info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")}:
        yield "Redis could not write to its disk: free space where its `dir` is."


def forgetful(redis: "Redis") -> Iterator[str]:
    """Whether Redis would lose or throw away jobs that were accepted from clients."""
    try:
        found: dict[Any, Any] = {}
        for name in ("appendonly", "appendfsync", "maxmemory-policy"):
            found |= redis.config_get(name)
    except ResponseError:
        yield Note(
            "Redis forbids CONFIG, so nobody can tell here whether it has AOF and noeviction: make sure."
        )
        return
    if found.get("appendonly") != "yes":
        yield "Redis keeps nothing over a restart: set `appendonly yes`."
    elif found.get("appendfsync") != "always":
        yield "Redis may lose the last second at a crash: set `appendfsync always`."
    if found.get("maxmemory-policy") != "noeviction":
        yield "Redis throws jobs away when it is full: set `maxmemory-policy noeviction`."


def failover_faults(redis: "Redis") -> Iterator[str]:
    """Whether a fail-over could lose jobs that were accepted from clients."""
    try:
        replicas = int(redis.info("replication").get("connected_slaves", 0))
        fewest: Any = redis.config_get("min-replicas-to-write") if replicas else {}
    except ResponseError:
        return
    if replicas and not int(fewest.get("min-replicas-to-write", 0)):
        yield Note(
            "Redis takes jobs while no replica follows, and a fail-over then loses them: set "
            "`min-replicas-to-write 1`, and MailClient(replicas=1) where none may be lost (docs/outages.md)."
        )


def breaker_faults(breaker: Breaker) -> Iterator[str]:
    """Whether Mailjet answers, and in time, as the workers see it."""
    if seconds := breaker.open_seconds():
        how_long, why = age(timedelta(seconds=seconds)), breaker.state().reason
        yield f"Mailjet has been out of order for {how_long}; all mail waits, and goes on by itself: {why}"
    elif mails := breaker.slowed_to():
        yield Note(
            f"Mailjet takes {breaker.state().latency:.1f} s to answer, so that at most {mails} mails a "
            "minute leave; raise `mailjet.unanswered_messages` if you need more (docs/outages.md)."
        )


def pause_faults(bucket: Bucket) -> Iterator[str]:
    """Whether Mailjet finds that calls come too fast: each 429 makes all wait, up to a minute."""
    if seconds := bucket.paused():
        yield (
            f"Mailjet answers HTTP 429, too many calls, and nobody calls for the next {seconds:.0f} s; "
            f"mail waits, and goes on by itself. {SHARE}"
        )


def time_of(redis: "Redis") -> datetime:
    """What Redis's clock shows."""
    answer: Any = redis.time()
    return datetime.fromtimestamp(answer[0] + answer[1] / 1_000_000, UTC)


def clock_skew(redis: "Redis", clock: Callable[[], datetime]) -> Iterator[str]:
    """Whether this host's clock and Redis's agree; the answer's own way is not their fault."""
    before = clock()
    there = time_of(redis)
    after = clock()
    skew = max(before - there, there - after)
    if skew > MOST_SKEW:
        apart = f"{skew.total_seconds():.0f} s apart"
        yield f"This host's clock and Redis's are {apart}: run an NTP client on both."

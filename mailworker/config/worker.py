"""The `worker:` section: where things are, and how long they may take."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WrapValidator

from mailworker.config.duration import Duration, Timeout
from mailworker.config.section import Section
from mailworker.core.redis_url import parse_redis_url
from mailworker.core.unset_text import UnsetText
from mailworker.errors import BadInput


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"no time zone is called {value!r}: write one like Europe/Paris") from None


def _redis_url(value: str) -> str:
    try:
        parse_redis_url(value)
    except BadInput as fault:
        raise ValueError(str(fault).removeprefix("redis_url: ")) from None
    return value


def _when_used(value: Any, check: Callable[[Any], str]) -> str:
    """A URL whose environment variable is not set is missed by who connects there, and by nobody else."""
    if isinstance(value, UnsetText):
        value.may_wait = True
        return value
    return check(value)


Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]


#: Longer than any task may run (110 s), so that no living worker is taken for a dead one.
LEASE = timedelta(seconds=150)


class WorkerSettings(Section):
    """What the workers need to know about their surroundings.

    Durations are written as 90s, 15m, 1h or 3d.
    """

    # These two may carry passwords.
    redis_url: Annotated[str, AfterValidator(_redis_url), WrapValidator(_when_used)] = Field(
        "redis://127.0.0.1:6379/0", repr=False
    )
    database_url: Annotated[str, WrapValidator(_when_used)] = Field("sqlite:///var/mailworker.db", repr=False)
    timezone: Zone = ZoneInfo("Europe/Paris")
    language: Literal["fr", "en"] = "fr"
    #: Tried in this order for a reader in whose language a kind has no block, before the kind's own.
    fallback_languages: tuple[str, ...] = ()
    environment: Literal["production", "staging"] = "production"
    #: Outside production only these may get mail: addresses, or whole domains as "@example.com".
    safelist: tuple[str, ...] = ()
    #: How many workers may die with one message before it fails for good; what never left costs no attempt.
    max_attempts: int = Field(12, ge=1)
    #: The first pause after a failed attempt; it doubles up to `retry_cap`, with full jitter.
    retry_base: Duration = timedelta(seconds=15)
    retry_cap: Duration = timedelta(hours=1)
    #: How long a worker may hold messages in one call. Longer than any task may run (110 s), so that no
    #: living worker's messages are taken for a dead one's.
    lease: Timeout = LEASE
    connect_timeout: Timeout = timedelta(seconds=5)
    read_timeout: Timeout = timedelta(seconds=30)
    #: When to ask Mailjet about a message of unknown outcome, each counted from the call.
    lookups_after: tuple[Duration, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
    )
    #: How long Redis keeps jobs, events and the ids of calls that the ledger has, so that a ledger that lost
    #: its last commits is filled again: `mailworker ledger refill`. 0s: not at all.
    keep_jobs: Duration = timedelta(minutes=30)
    #: The most that it keeps of each lane, and of the events, in bytes.
    keep_jobs_bytes: int = Field(16_000_000, ge=0)
    #: How often Redis is asked to write its append-only file anew, which holds what was erased until then.
    #: 0s: never.
    rewrite_redis_log: Duration = timedelta(days=1)
    #: Final messages older than this leave the ledger.
    retention_days: int = Field(365, ge=1)

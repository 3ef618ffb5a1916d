"""Adding a caller's jobs to their streams, and what is known of them where Redis does not say yes."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError

from mailworker.errors import TransientError, UnknownOutcome
from mailworker.queue import envelope
from mailworker.queue.celery_queues import Channel
from mailworker.queue.wake import raise_flag

TRIES = 2


class NotEnqueued(TransientError):
    """Redis could not be reached: nothing was enqueued; send again later."""


class MaybeEnqueued(UnknownOutcome):
    """Redis did not answer: the job may be enqueued. Send again with the same idempotency_key."""


def add_jobs(
    redis: "Redis", entries: Sequence[tuple[Channel, envelope.Entry]], *, replicas: int
) -> tuple[list[Channel], bool]:
    """Add the entries; the channels whose workers need waking, and whether too few replicas have them.

    Tried again once, for a connection that Redis closed while it was idle. Adding an entry twice is
    harmless: its id makes it one message.
    """
    may_be_there = False
    channels = list(dict.fromkeys(channel for channel, _ in entries))
    for _ in range(TRIES):
        try:
            with redis.pipeline(transaction=False) as pipe:
                for channel, entry in entries:
                    pipe.xadd(channel.stream, entry)
                for channel in channels:
                    raise_flag(pipe, channel)
                if replicas:
                    pipe.execute_command("WAIT", replicas, envelope.REPLICAS_MS)  # type: ignore[no-untyped-call]
                answers = pipe.execute(raise_on_error=False)
        except (AuthenticationError, BusyLoadingError) as fault:
            raise NotEnqueued(f"Redis lets nobody in: {fault}") from fault
        except RedisError as fault:
            cause = fault
            may_be_there = may_be_there or "onnecting to" not in str(fault)
        else:
            _refused(answers[: len(entries)])
            flags = answers[len(entries) :]
            # A flag that could not be raised keeps no worker asleep.
            asleep = [channel for channel, first in zip(channels, flags, strict=False) if first]
            return asleep, bool(replicas) and not _is_enough(flags[-1], replicas)
    raise (MaybeEnqueued if may_be_there else NotEnqueued) from cause


def _refused(answers: Sequence[Any]) -> None:
    """Raise where Redis refused jobs: all of them, or some."""
    faults = [answer for answer in answers if isinstance(answer, Exception)]
    if not faults:
        return
    if len(faults) < len(answers):
        raise MaybeEnqueued(
            f"Redis took some of the jobs, not all ({faults[0]}); send all again, with the same keys."
        ) from faults[0]
    raise NotEnqueued(f"Redis refuses the job: {faults[0]}") from faults[0]


def _is_enough(answer: Any, replicas: int) -> bool:
    return isinstance(answer, int) and answer >= replicas

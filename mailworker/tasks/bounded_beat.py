"""Beat, but for what nobody takes, and for a clock that is set back.

A queue without a worker must not fill Redis in some days. And what ran last in the future, by a clock that is
an hour behind now, would be due when that hour is over: nothing would be swept or tried again until then.
"""

from datetime import timedelta
from typing import Any

from celery.beat import PersistentScheduler

#: Beat adds nothing to a queue with so many tasks: whoever comes back finds wake-ups enough.
MOST_WAITING = 1_000
#: A clock that is so far behind the last run was set back.
_STEP = timedelta(seconds=5)


class BoundedScheduler(PersistentScheduler):
    """Celery's own scheduler, which leaves out a task whose queue is long; it is due again soon."""

    def tick(self, *given: Any, **more: Any) -> Any:
        """Send what is due, and give the seconds until the next; Celery's own but for a clock set back."""
        entries = self.schedule.values()
        ahead = [one for one in entries if one.last_run_at and one.last_run_at > one.default_now() + _STEP]
        for entry in ahead:
            entry.last_run_at = entry.default_now()
        if ahead:
            self._heap = None  # it is by the same clock, and is made anew
        return super().tick(*given, **more)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **more: Any) -> Any:  # noqa: FBT001, FBT002 - Celery's signature
        """Send the task, unless its queue is long."""
        try:
            return self._send(entry, producer, advance, more)
        except Exception:
            # After a refusal (Redis is full, or a replica) kombu leaves a channel that has no connection.
            self.__dict__.pop("producer", None)
            if connection := self.__dict__.pop("connection", None):
                connection.collect()
            raise

    def _send(self, entry: Any, producer: Any, advance: bool, more: dict[str, Any]) -> Any:  # noqa: FBT001
        queue = self.app.amqp.router.route({}, entry.task)["queue"]
        channel: Any = (producer or self.producer).channel
        if channel.queue_declare(queue.name).message_count < MOST_WAITING:
            return super().apply_async(entry, producer=producer, advance=advance, **more)
        if advance:
            self.reserve(entry)
        return None

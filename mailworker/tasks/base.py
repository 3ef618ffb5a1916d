"""What all tasks share: the process's house, and requests that show nothing personal."""

import os
from typing import Any

from celery import Task
from celery.exceptions import TaskPredicate
from celery.worker.request import Request

from mailworker.container import Container
from mailworker.core.fault_place import place_of
from mailworker.errors import MailworkerError, UnexpectedError
from mailworker.observability.logs import get_log
from mailworker.observability.redaction import redact_value

log = get_log("mailworker.tasks")

_containers: dict[int, Container] = {}


def current_container() -> Container:
    """This process's house. A forked child gets one of its own: connections do not survive a fork."""
    pid = os.getpid()
    if pid not in _containers:
        _containers.clear()
        _containers[pid] = container = Container.from_environment()
        for warning in container.settings.warnings:
            log.warning(warning)
    return _containers[pid]


class DiscreetRequest(Request):
    """A request whose arguments no event, log line or page of Flower's shows.

    Callers write their arguments' representation into the message, addresses and links included; what leaves
    the worker are the few arguments that name no person.
    """

    # What celery.worker.request sets, and its type stubs leave out.
    _request_dict: dict[str, Any]
    _payload: tuple[Any, dict[str, Any], Any]

    SHOWN = ("kind", "lane", "idempotency_key", "invoice_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = self._request_dict.get("kwargs") or self._payload[1]
        shown = {name: redact_value(given[name]) for name in self.SHOWN if name in given}
        self._argsrepr = self._request_dict["argsrepr"] = "(...)"
        self._kwargsrepr = self._request_dict["kwargsrepr"] = repr(shown)

    def info(self, safe: bool = False) -> Any:  # noqa: FBT001, FBT002 - Celery's signature
        """What `celery inspect`, and Flower through it, may know of a task."""
        return {**super().info(safe=safe)} | {"args": self._argsrepr, "kwargs": self._kwargsrepr}


class DiscreetTask(Task):  # type: ignore[type-arg] # generic in its stubs only
    """The base of every task of ours."""

    Request = "mailworker.tasks.base:DiscreetRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run. What nobody foresaw leaves as its type and place: its words may quote what was asked for.

        An error of ours leaves without its cause, whose words are somebody else's.
        """
        try:
            return self.run(*args, **kwargs)
        except TaskPredicate:  # Celery's own: retry, ignore, reject
            raise
        except MailworkerError as fault:
            raise fault from None
        except Exception as fault:  # noqa: BLE001 - told by its place
            raise UnexpectedError(f"A mistake of ours: {place_of(fault)}.") from None

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Enqueue without writing the arguments' representation into the message."""
        kwargs.setdefault("argsrepr", "(...)")
        kwargs.setdefault("kwargsrepr", "{...}")
        return super().apply_async(*args, **kwargs)


class HousekeepingTask(DiscreetTask):
    """What beat starts every few seconds: no events, or Flower would show little else."""

    send_events = False

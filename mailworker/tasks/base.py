"""What all tasks share: the process's container, and requests that show nothing personal."""

import inspect
import os
import re
from typing import Any

from celery import Task
from celery.exceptions import InvalidTaskError, TaskPredicate
from celery.worker.request import Request

from mailworker.container import Container
from mailworker.core.exception_location import place_of
from mailworker.core.json_check import json_faults
from mailworker.errors import BadInput, MailworkerError, TransientError, UnexpectedError
from mailworker.observability.logs import get_log
from mailworker.observability.redaction import redact_value
from mailworker.tasks.report_host_store import StoreWatch

log = get_log("mailworker.tasks")

#: A task's result names so many message ids at the most: two full calls.
SHOWN_IDS = 100
#: What kinds, lanes, keys and ids are made of.
_NAME_OR_KEY = re.compile(r"[\w.:/@+-]{1,200}")
#: A task's hard and its soft one.
_TIME_LIMITS = 2

_containers: dict[int, Container] = {}
_watches: dict[int, StoreWatch] = {}


def current_container() -> Container:
    """This process's container. A forked child gets one of its own: connections do not survive a fork."""
    pid = os.getpid()
    if pid not in _containers:
        _containers.clear()
        _watches.clear()
        _containers[pid] = container = Container.from_environment()
        for warning in container.settings.warnings:
            log.warning(warning)
        _watches[pid] = StoreWatch()
    _watches[pid].look(_containers[pid])
    return _containers[pid]


def _shown(value: Any) -> str:
    """A name, key or id as Flower may show it; what has other characters may be somebody's words."""
    looks_right = isinstance(value, str) and _NAME_OR_KEY.fullmatch(value)
    return str(redact_value(value)) if looks_right else "(...)"


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
        """Raises InvalidTaskError for whatever is no task of Celery's: all else would end the worker."""
        try:
            super().__init__(*args, **kwargs)
            given = self._payload[1]
            shown = {name: _shown(given[name]) for name in self.SHOWN if name in given}
            self._argsrepr = self._request_dict["argsrepr"] = "(...)"
            self._kwargsrepr = self._request_dict["kwargsrepr"] = repr(shown)
            self._demand_sound_headers()
        except InvalidTaskError:
            raise
        except Exception as fault:  # noqa: BLE001 - named by its location
            raise InvalidTaskError(place_of(fault)) from None

    def _demand_sound_headers(self) -> None:
        """Keep from the pool what it cannot take: it pickles them, and reads the time limits.

        The arguments are in the body, too, which the child reads. Here they would be pickled a second time,
        and where they are nested too deeply, that alone would end the worker, and the next one.
        """
        self._request_dict["args"], self._request_dict["kwargs"] = (), {}
        limits = self.time_limits
        if len(limits) != _TIME_LIMITS or any(not isinstance(one, int | float | None) for one in limits):
            raise InvalidTaskError("The time limits are none.")
        if json_faults(self._request_dict, "headers"):
            raise InvalidTaskError("The headers are no plain JSON.")

    def info(self, safe: bool = False) -> Any:  # noqa: FBT001, FBT002 - Celery's signature
        """What `celery inspect`, and Flower through it, may know of a task."""
        return {**super().info(safe=safe)} | {"args": self._argsrepr, "kwargs": self._kwargsrepr}


class DiscreetTask(Task):  # type: ignore[type-arg] # generic in its stubs only
    """The base of every task of ours."""

    Request = "mailworker.tasks.base:DiscreetRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run. What nobody foresaw leaves as its type and location: its words may quote the caller's.

        An error of ours leaves without its cause, whose words are somebody else's.
        """
        try:
            self._demand_known_arguments(args, kwargs)
            return self.run(*args, **kwargs)
        except TaskPredicate:  # Celery's own: retry, ignore, reject
            raise
        except MailworkerError as fault:
            raise fault from None
        except Exception as fault:  # noqa: BLE001 - named by its location
            raise UnexpectedError(f"A mistake of ours: {place_of(fault)}.") from None

    def _demand_known_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        known = inspect.signature(self.run)
        try:
            known.bind(*args, **kwargs)
        except TypeError:
            names = ", ".join(known.parameters) or "none"
            raise BadInput(f"arguments: {self.name} cannot be called with these; it takes {names}.") from None

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Enqueue without writing the arguments' representation into the message."""
        kwargs.setdefault("argsrepr", "(...)")
        kwargs.setdefault("kwargsrepr", "{...}")
        return super().apply_async(*args, **kwargs)


class HousekeepingTask(DiscreetTask):
    """What beat starts every few seconds: no events, or Flower would show little else."""

    send_events = False


class ShownTask(DiscreetTask):
    """Its result is kept nowhere; who looks at Flower sees it: counts, kinds and ids, never a person."""

    resultrepr_maxsize = 8192


class CommandTask(DiscreetTask):
    """A task that a person waits for: what does not work now is reported, never repeated."""

    ignore_result = False
    throws = (BadInput, TransientError)

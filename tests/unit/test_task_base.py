"""What leaves a task that failed: words of ours, or a type and a place."""

import json
import traceback

import pytest
from celery import Task
from celery.exceptions import InvalidTaskError, Retry
from celery.worker.consumer import Consumer
from kombu import Message
from redis.exceptions import RedisError

from mailworker.errors import BadInput, TransientError, UnexpectedError
from mailworker.tasks import base, health, unreadable_messages
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetRequest, DiscreetTask, _shown
from mailworker.tasks.beat_schedule import SCHEDULE
from mailworker.tasks.unreadable_messages import CarefulConsumer
from tests.doubles import box
from tests.unit.task_scene import Log

#: Put together here, so that no line of this file that a traceback quotes has it.
CANARY = "marie" + "@client.example"


@app.task(base=DiscreetTask, name="test.stumble")
def stumble(fault):
    """Fails as it is told."""
    if isinstance(fault, TransientError):
        raise fault from ValueError(CANARY)
    raise fault


def test_what_nobody_foresaw_is_a_type_and_a_place():
    with pytest.raises(UnexpectedError) as caught:
        stumble(UnicodeEncodeError("utf-8", CANARY, 0, 1, "no"))
    told = "".join(traceback.format_exception(caught.value))
    assert str(caught.value).startswith("A mistake of ours: UnicodeEncodeError at test_task_base.py:")
    assert CANARY not in told


def test_our_errors_keep_their_words_and_lose_their_causes():
    with pytest.raises(TransientError, match="not now") as caught:
        stumble(TransientError("not now"))
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(BadInput, match="to: is missing"):
        stumble(BadInput("to: is missing."))


def test_celerys_own_signals_pass():
    with pytest.raises(Retry):
        stumble(Retry())


def test_results_of_failures_hold_no_words_of_others():
    result = stumble.apply(args=[KeyError(CANARY)])
    assert isinstance(result.result, UnexpectedError)
    assert CANARY not in f"{result.result!r}{result.traceback}"


def test_arguments_that_a_task_does_not_take_are_its_callers_mistake():
    with pytest.raises(
        BadInput, match=r"test\.stumble cannot be called with these; it takes fault"
    ) as caught:
        stumble(**{CANARY: 1})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("api_crmCommunicationCustomerInvoice", "api_crmCommunicationCustomerInvoice"),
        ("invoice:F-2026/001", "invoice:F-2026/001"),
        (f"reset:{CANARY}", "reset:***@***"),
        ("Marie Client", "(...)"),
        ({"Marie": 1}, "(...)"),
        (["Marie"], "(...)"),
        (None, "(...)"),
    ],
)
def test_what_flower_shows_of_an_argument_is_a_name_or_nothing(given, shown):
    assert _shown(given) == shown


@pytest.mark.parametrize("entry", SCHEDULE.values(), ids=SCHEDULE)
def test_what_beat_starts_tells_flower_nothing(entry):
    app.loader.import_default_modules()
    assert app.tasks[entry["task"]].send_events is False


def test_a_task_that_takes_nothing_says_so():
    with pytest.raises(BadInput, match=r"mailworker\.health cannot be called with these; it takes none\.$"):
        health.health(1)


# --- requests, as a worker takes them ---------------------------------------------------------------------


def request(name="mailworker.send_email", task=stumble, kwargs=None, **headers):
    """A task's message as its caller wrote it, with its arguments' representation in it."""
    made = app.amqp.as_task_v2("t1", name, (CANARY,), kwargs or {})
    message = Message(
        channel=None,
        body=json.dumps(made.body),
        content_type="application/json",
        content_encoding="utf-8",
        headers=made.headers | {"argsrepr": CANARY, "kwargsrepr": CANARY} | headers,
        properties=made.properties | {"delivery_info": {}},
        delivery_info={},
    )
    return DiscreetRequest(message, app=app, task=task)


def test_a_request_shows_the_few_arguments_that_name_no_person():
    taken = request(
        kwargs={"kind": "invoice", "to": CANARY, "idempotency_key": "invoice:7", "lane": "urgent"}
    )
    shown = {"kind": "invoice", "lane": "urgent", "idempotency_key": "invoice:7"}
    told = taken.info()
    assert (told["args"], told["kwargs"]) == ("(...)", repr(shown))
    assert (taken.argsrepr, taken.kwargsrepr) == ("(...)", repr(shown))
    assert (taken._request_dict["argsrepr"], taken._request_dict["kwargsrepr"]) == ("(...)", repr(shown))
    assert CANARY not in f"{told}{taken._request_dict}{taken!r}"
    assert taken._payload[0] == [CANARY], "the child reads its arguments in the body"
    assert told["id"] == "t1"


@pytest.mark.parametrize("limits", [[None, None], [110, None], [110.5, 60]])
def test_time_limits_of_celerys_are_taken(limits):
    assert request(timelimit=limits).time_limits == limits


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"timelimit": [None]}, "time limits"),
        ({"timelimit": [None, None, None]}, "time limits"),
        ({"timelimit": ["1", None]}, "time limits"),
        ({"timelimit": [None, {}]}, "time limits"),
        ({"timelimit": 7}, "TypeError"),
        ({"note": 1e999}, "no plain JSON"),
        ({"note": json.loads("[" * 200 + "]" * 200)}, "no plain JSON"),
    ],
)
def test_a_request_that_would_end_the_worker_is_refused(headers, why):
    with pytest.raises(InvalidTaskError, match=why):
        request(**headers)


def test_a_task_is_enqueued_without_its_arguments_in_words(monkeypatch):
    sent = []
    monkeypatch.setattr(Task, "apply_async", lambda _self, *args, **how: sent.append((args, how)))
    stumble.apply_async([CANARY], {"to": CANARY}, queue="q")
    assert sent == [(([CANARY], {"to": CANARY}), {"queue": "q", "argsrepr": "(...)", "kwargsrepr": "{...}"})]


# --- one container for each process -----------------------------------------------------------------------


@pytest.fixture
def processes(monkeypatch):
    """Containers that are built, and which of them were looked at, by the process that asks."""
    built, looks = [], []

    def build():
        built.append(box(settings=box(warnings=("worker.x is no key",)), number=len(built)))
        return built[-1]

    monkeypatch.setattr(base, "_containers", {})
    monkeypatch.setattr(base, "_watches", {})
    monkeypatch.setattr(base.Container, "from_environment", build)
    monkeypatch.setattr(base, "StoreWatch", lambda: box(look=lambda one: looks.append(one.number)))
    monkeypatch.setattr(base, "log", log := Log())
    return box(built=built, looks=looks, log=log)


def test_a_process_builds_its_container_once_and_says_what_the_configuration_warns_of(processes):
    assert base.current_container() is base.current_container()
    assert (len(processes.built), processes.looks) == (1, [0, 0])
    assert processes.log.at("warning") == ["worker.x is no key"]


def test_a_forked_child_builds_its_own_and_lets_go_of_its_parents(processes, monkeypatch):
    base.current_container()
    monkeypatch.setattr(base.os, "getpid", lambda: -1)
    assert base.current_container().number == 1
    assert processes.looks == [0, 1]
    assert list(base._containers) == list(base._watches) == [-1]


# --- messages that are no task ----------------------------------------------------------------------------


class Refusable:
    """A message of a broker's; remembers that it was refused."""

    def __init__(self, acknowledged=False):
        self.acknowledged, self.refused = acknowledged, 0

    def reject_log_error(self, _logger, errors):
        assert errors == (OSError, RedisError)
        self.refused += 1


def consumer(monkeypatch, fault):
    def take(_message):
        if fault:
            raise fault

    monkeypatch.setattr(Consumer, "create_task_handler", lambda *_args, **_more: take)
    return CarefulConsumer.__new__(CarefulConsumer).create_task_handler()


@pytest.mark.parametrize(
    ("fault", "acknowledged", "refused"),
    [(None, False, 0), (KeyError(CANARY), False, 1), (KeyError(CANARY), True, 0)],
)
def test_a_message_that_celery_stumbles_over_harms_itself_alone(monkeypatch, fault, acknowledged, refused):
    monkeypatch.setattr(unreadable_messages, "_log", log := Log())
    message = Refusable(acknowledged)
    consumer(monkeypatch, fault)(message)
    assert message.refused == refused
    assert len(log.lines) == int(fault is not None)
    assert CANARY not in str(log.lines)


@pytest.mark.parametrize("fault", [ConnectionResetError(), RedisError()])
def test_a_lost_connection_is_celerys_own_affair(monkeypatch, fault):
    message = Refusable()
    with pytest.raises(type(fault)):
        consumer(monkeypatch, fault)(message)
    assert message.refused == 0

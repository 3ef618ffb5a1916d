"""What leaves a task that failed: words of ours, or a type and a place."""

import traceback

import pytest
from celery.exceptions import Retry

from mailworker.errors import BadInput, TransientError, UnexpectedError
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, _shown
from mailworker.tasks.beat_schedule import SCHEDULE

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

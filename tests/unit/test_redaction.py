"""No address, no link's secret and no password stands in a log line."""

import json
import logging

import pytest
from celery.worker.consumer.consumer import MESSAGE_DECODE_ERROR, UNKNOWN_TASK_ERROR
from hypothesis import given
from hypothesis import strategies as st

from mailworker.errors import TransientError
from mailworker.observability.logs import configure_logs, get_log
from mailworker.observability.redaction import one_line, redact, redact_event, redact_value
from mailworker.observability.tracebacks import place_exception
from mailworker.tasks.unreadable_messages import without_message_bodies


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to zoe@client.example now", "to ***@*** now"),
        ("zoé.b+x@sub.client.example", "***@***"),
        ("see https://crm.example/reset?t=hush!", "see https://crm.example/***"),
        ("https://crm.example?t=hush", "https://crm.example/***"),
        ("HTTPS://crm.example/hush", "HTTPS://crm.example/***"),
        ("https://crm.example", "https://crm.example"),
        ("zoe@client.example://crm.example", "***@***://crm.example"),
        ("redis://:hush@10.0.0.1:6379/0", "redis://***@10.0.0.1:6379/0"),
        ("postgresql+psycopg://u:hush@db/x", "postgresql+psycopg://***@db/x"),
        ("redis://:pa/ss@10.0.0.1/0", "redis://***@10.0.0.1/0"),
        ("postgresql://u:p@ss@db/x", "postgresql://***@db/x"),
        ("'mailto:zoe@client.example'", "'mailto:***@***'"),
        ("<zoe@client.example>, <https://h.example/a?b>", "<***@***>, <https://h.example/***>"),
        ("celery@worker1 is ready", "celery@worker1 is ready"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_redaction(text, shown):
    assert redact(text) == shown


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-_", min_size=1, max_size=12).map(lambda s: f"hush{s}")


@given(LOCAL, st.text(max_size=20), st.text(max_size=20))
def test_no_address_gets_through(local, before, after):
    assert f"{local}@client.example" not in redact(f"{before} {local}@client.example {after}")


ADVERSARIAL = [
    "a",
    "@",
    ".",
    "a@",
    "a.",
    "@a.",
    "http",
    "http://",
    "://",
    "a://b@",
    "ftp://a:b",
    "é",
    "+",
    " @",
    "\u202e",
    "\n",
]


@pytest.mark.timeout(60)  # what takes the square of a million steps ends here, and nothing else does
@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_time_grows_with_the_text_alone(piece):
    for text in (piece * (1_000_000 // len(piece)), piece * 300_000 + "x@y.fr"):
        one_line(redact(text, longest=len(text)))


@given(
    st.lists(st.sampled_from([*ADVERSARIAL, "hush@client.example", "https://h.example/hush"]), max_size=40)
)
def test_whatever_stands_beside_it(pieces):
    assert "hush" not in redact(" ".join(pieces))


@given(st.integers(0, 60))
def test_a_cut_leaves_no_half_of_an_address(longest):
    assert "hush" not in redact("Could not be delivered to hush.hush@client.example, sorry.", longest=longest)
    assert "hush" not in redact("See https://h.example/hush.", longest=longest)


@pytest.mark.parametrize(
    ("longest", "left"),
    [
        (0, "..."),
        (3, "..."),
        (4, "one ..."),
        (5, "one ..."),
        (7, "one ..."),
        (8, "one two ..."),
        (13, "one two three"),
    ],
)
def test_a_cut_ends_at_a_word(longest, left):
    assert redact("one two three", longest=longest) == left


@given(st.text(max_size=50))
def test_a_value_is_one_line(text):
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert not set("\x1b\u202e\u2066\u200f\x9b") & set(shown)


def test_lists_and_objects_are_looked_through():
    deep = {
        "a": [{"to": "hush@client.example", "hush@client.example": ("https://h.example/hush", 7)}],
        "b": ValueError("hush@b.example"),
    }
    shown = redact_value(deep)
    assert "hush" not in repr(shown)
    assert shown["a"][0]["to"] == "***@***"
    assert "hush" not in repr(redact_value([[[[[[[[["hush@b.example"]]]]]]]]]))


@pytest.mark.parametrize(
    "put", [lambda value: {"in": value}, lambda value: [value]], ids=["objects", "lists"]
)
def test_what_is_nested_is_shown_six_levels_deep(put):
    shown = "bottom"
    for _ in range(6):
        shown = put(shown)
    assert redact_value(shown) == shown
    assert "bottom" not in repr(redact_value(put(shown)))


def test_every_field_of_an_event():
    event = redact_event(None, "info", {"event": "to a@b.fr", "n": 7, "url": "https://h/x"})
    assert event == {"event": "to ***@***", "n": 7, "url": "https://h/***"}


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_line_as_it_is_written(capsys, log_format):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logs({"LOG_FORMAT": log_format}, without_message_bodies)
        get_log("test-" + log_format).info(
            "sent to hush@client.example", link="https://h.example/hush", messages=3
        )
        logging.getLogger("library").warning("mail %s", "hush@client.example")
        try:
            raise ValueError("hush, hush@client.example")  # noqa: TRY301
        except ValueError as cause:
            logging.getLogger("library").exception("failed")
            try:
                raise TransientError("not now") from cause  # noqa: TRY301
            except TransientError:
                get_log("test-" + log_format).exception("failed")
        get_log("test-" + log_format).info("one\nERROR all is lost \x1b[2K", more=["hush@client.example"])
        consumer = logging.getLogger("celery.worker.consumer.consumer")
        told = (KeyError("mailworker.send_mail"), "[{'to': 'Marie Hush'}]", "{}", "{}")
        consumer.error(UNKNOWN_TASK_ERROR, *told)
        consumer.critical(MESSAGE_DECODE_ERROR, ValueError("hush"), "json", "utf-8", "{}", "Marie hush")
    finally:
        root.handlers[:], root.level = before
    lines = capsys.readouterr().err
    assert "hush" not in lines.lower()
    assert not any(line.startswith("ERROR") for line in lines.splitlines())
    assert "\x1b" not in lines
    assert "no worker knows a task mailworker.send_mail" in lines
    assert "TransientError: not now" in lines
    assert "ValueError" in lines
    assert "h.example/***" in lines
    if log_format == "json":
        first = json.loads(lines.splitlines()[0])
        assert (first["event"], first["messages"], first["level"]) == ("sent to ***@***", 3, "info")


def failing(depth):
    """An error with so many before it, each the next one's cause."""
    if not depth:
        return TransientError("The CRM of zoe@client.example does not answer.")
    error = LookupError(f"zoe@client.example {depth}")
    error.__cause__ = failing(depth - 1)
    return error


def ends(error):
    """Of each error in the log the last line: its type, and our own words for it."""
    text = place_exception(None, "", {"exc_info": error})["exception"]
    return [part.strip().splitlines()[-1] for part in text.split("Traceback (most recent call last):\n")[1:]]


def test_an_exception_is_placed_with_what_came_before_it():
    ours = "TransientError: The CRM of ***@*** does not answer."
    assert ends(failing(0)) == [ours]
    assert ends(failing(2)) == [ours, "LookupError", "LookupError"]
    assert ends(failing(9)) == ["LookupError"] * 5, "and no more"
    during = failing(1)
    during.__cause__, during.__context__, during.__suppress_context__ = None, failing(0), False
    assert ends(during) == [ours, "LookupError"]
    during.__suppress_context__ = True
    assert ends(during) == ["LookupError"]
    assert place_exception(None, "", {"event": "x", "exc_info": None}) == {"event": "x"}

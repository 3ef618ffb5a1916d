"""No address, no link's secret and no password stands in a log line."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.observability.logs import configure_logs, get_log
from mailworker.observability.redaction import redact, redact_event


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to zoe@client.example now", "to ***@*** now"),
        ("zoé.b+x@sub.client.example", "***@***"),
        ("see https://crm.example/reset?t=hush!", "see https://crm.example/***"),
        ("https://crm.example?t=hush", "https://crm.example/***"),
        ("HTTPS://crm.example/hush", "HTTPS://crm.example/***"),
        ("https://crm.example", "https://crm.example"),
        ("redis://:hush@10.0.0.1:6379/0", "redis:***@***:6379/0"),
        ("postgresql+psycopg://u:hush@db/x", "postgresql+psycopg://***@db/x"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_redaction(text, shown):
    assert redact(text) == shown


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-_", min_size=1, max_size=12).map(lambda s: f"hush{s}")


@given(LOCAL, st.text(max_size=20), st.text(max_size=20))
def test_no_address_gets_through(local, before, after):
    assert f"{local}@client.example" not in redact(f"{before} {local}@client.example {after}")


def test_every_field_of_an_event():
    event = redact_event(None, "info", {"event": "to a@b.fr", "n": 7, "url": "https://h/x"})
    assert event == {"event": "to ***@***", "n": 7, "url": "https://h/***"}


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_line_as_it_is_written(capsys, log_format):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logs({"LOG_FORMAT": log_format})
        get_log("test-" + log_format).info(
            "sent to hush@client.example", link="https://h.example/hush", messages=3
        )
        logging.getLogger("library").warning("mail %s", "hush@client.example")
        try:
            raise ValueError("hush@client.example")  # noqa: TRY301
        except ValueError:
            logging.getLogger("library").exception("failed")
    finally:
        root.handlers[:], root.level = before
    lines = capsys.readouterr().err
    assert "hush" not in lines
    assert "h.example/***" in lines
    if log_format == "json":
        first = json.loads(lines.splitlines()[0])
        assert (first["event"], first["messages"], first["level"]) == ("sent to ***@***", 3, "info")

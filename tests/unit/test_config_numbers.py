"""Numbers in YAML are what a person wrote, and never another number in secret."""

import pytest

from mailworker.config.settings import load_settings, parse_settings
from mailworker.config.yaml_document import read_document
from mailworker.errors import ConfigError
from tests.doubles import CONFIG

NUMBERS = pytest.mark.parametrize(
    ("written", "read"),
    [("12", 12), ("-3", -3), ("1_000", 1000), ("0", 0), ("1.50", 1.5), ("20:00", "20:00"), ("0700", "0700"), ("010", "010"), ("0x1F", "0x1F"), ("1:30:00", "1:30:00"), (".5", 0.5), ("3.", 3.0)],
)  # fmt: skip


@NUMBERS
def test_a_number_is_what_stands_there(written, read):
    document = read_document(f"worker:\n  x: {written}\n", "x", {}, {"worker"})
    assert document.data == {"worker": {"x": read}}


@NUMBERS
def test_the_environment_writes_numbers_as_a_person_does(written, read):
    document = read_document("worker:\n  x: ${X}\n", "x", {"X": written}, {"worker"})
    assert document.data == {"worker": {"x": read}}


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("reminders: {quiet_hours: {start: 0700, end: 08:00}}", 'write it as "20:00"'),
        ("reminders: {quiet_hours: {start: 20, end: 08:00}}", 'write it as "20:00"'),
        ("balances: {schedule: 1:30}", "is not a schedule"),
        ("worker: {retry_cap: 1:30}", "is not a duration"),
    ],
)
def test_hours_and_durations_that_read_otherwise_are_refused(section, sentence):
    text = CONFIG.replace("worker:\n  max_attempts: 4\n", "") + section + "\n"
    with pytest.raises(ConfigError, match=sentence):
        parse_settings(text, environ={})


def test_hours_without_quotes_are_hours():
    settings = parse_settings(CONFIG + "reminders: {quiet_hours: {start: 20:30, end: 07:15}}\n", environ={})
    quiet = settings.reminders.quiet_hours
    assert (str(quiet.start), str(quiet.end)) == ("20:30:00", "07:15:00")


def test_a_template_id_with_a_leading_zero_is_no_other_number():
    with pytest.raises(ConfigError, match="template_id"):
        parse_settings(CONFIG.replace("template_id: 1,", "template_id: 010,"), environ={})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("balances: {expired_within_days: 0x10}", "must be a whole number: write 16."),
        ("balances: {expired_within_days: soon}", "must be a whole number."),
        ("reminders: {end_after_days: 1:00}", "must be a whole number."),
        (
            "reminders: {steps: [1, x]}",
            "write its days from the due date as a whole number, or {days: 7, ...}.",
        ),
        (
            "reminders: {steps: [1, 7:30]}",
            "write its days from the due date as a whole number, or {days: 7, ...}.",
        ),
        ("balances: 7", "must have keys of its own, as `key: value`."),
    ],
)
def test_a_number_that_is_none_is_refused_with_the_right_spelling(line, says, tmp_path):
    file = tmp_path / "crm_config.yaml"
    file.write_text(f"mailjet: {{api_key: k, api_secret: s}}\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_settings(file, {})
    assert says in str(refused.value)

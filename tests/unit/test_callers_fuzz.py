"""Whatever a caller gives about contacts, customers, campaigns or times is taken, or refused with sentences."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.builtin_kinds import KINDS
from mailworker.errors import BadInput
from mailworker.rules.campaign_rules import FIELDS as CAMPAIGN_FIELDS
from mailworker.rules.campaign_rules import check_campaign, send_time
from mailworker.rules.contact_input import (
    CONTACT_FIELDS,
    CUSTOMER_FIELDS,
    check_contact,
    check_customer,
    check_email,
)
from tests.unit.test_json_check import ANYTHING

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
MOMENTS = (
    st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
    | st.text(max_size=12)
)


def objects(fields, good):
    """An object that is right in these parts, and has anything in others."""
    return st.dictionaries(st.sampled_from(sorted(fields)), ANYTHING | MOMENTS, max_size=4).map(
        lambda odd: good | odd
    )


def refused(check, *arguments, **named):
    sentences = ()
    try:
        check(*arguments, **named)
    except BadInput as fault:
        sentences = fault.faults
    assert all(sentence.endswith((".", "?")) for sentence in sentences), sentences


@given(ANYTHING | objects(CONTACT_FIELDS, {"email": "ana@client.example"}))
def test_contacts(raw):
    refused(check_contact, raw, asked_at=NOW)


@given(
    ANYTHING | objects(CUSTOMER_FIELDS, {"customer_id": "7", "contacts": [{"email": "ana@client.example"}]})
)
def test_customers(raw):
    refused(check_customer, raw, asked_at=NOW)


@given(ANYTHING)
def test_addresses(raw):
    refused(check_email, raw)


@given(ANYTHING | objects(CAMPAIGN_FIELDS, {"name": "n", "everybody": True, "subject": "s", "html": "<p>"}))
def test_campaigns(raw):
    refused(
        check_campaign, raw, KINDS, ["city"], {"from_email": "a@b.fr", "from_name": "A", "locale": "fr_FR"}
    )


@given(MOMENTS | ANYTHING)
def test_times(text):
    refused(send_time, text, ZoneInfo("Europe/Paris"), NOW)

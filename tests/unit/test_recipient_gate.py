"""Who may be written to, for what: the truth table."""

import itertools

import pytest

from mailworker.core.kind import Kind
from mailworker.rules.campaign_rules import contact_in_key, key_of, key_of_test, purpose_of
from mailworker.rules.recipient_gate import HARD_REASONS, Objection, Purpose, Standing, refusal
from mailworker.rules.suppression_reasons import REASONS

CONTACT = frozenset({"", "billing"})
PURPOSES = list(Purpose)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_who_said_nothing_against_it_gets_it(purpose):
    assert refusal(Standing(consents=True, lists=CONTACT), purpose, needs_consent=True) is None


@pytest.mark.parametrize(("reason", "purpose"), [*itertools.product(REASONS, PURPOSES)])
def test_the_suppression_list(reason, purpose):
    found = refusal(Standing(suppressed=reason, lists=CONTACT), purpose)
    stopped = reason in HARD_REASONS or purpose is not Purpose.SERVICE
    assert (found is not None) is stopped
    assert not stopped or (found.objection, found.why) == (
        Objection.SUPPRESSED,
        f"the address is on the suppression list: {reason}",
    )


@pytest.mark.parametrize(
    ("standing", "objection"),
    [
        (Standing(unsubscribed=True, lists=CONTACT), Objection.UNSUBSCRIBED),
        (Standing(left_out=True, lists=CONTACT), Objection.EXCLUDED),
        (Standing(consents=False, lists=CONTACT), Objection.EXCLUDED),
    ],
)
def test_who_said_no_gets_service_mail_only(standing, objection):
    assert refusal(standing, Purpose.SERVICE) is None
    for purpose in (Purpose.MARKETING, Purpose.CAMPAIGN, Purpose.TEST):
        assert refusal(standing, purpose).objection is objection


@pytest.mark.parametrize(
    ("purpose", "needs_consent", "stopped"),
    [
        (Purpose.SERVICE, True, False),
        (Purpose.MARKETING, False, False),
        (Purpose.MARKETING, True, True),  # nobody knows of a consent
        (Purpose.CAMPAIGN, False, True),  # no contact of the CRM
        (Purpose.TEST, True, False),  # a colleague who looks at it
    ],
)
def test_an_address_of_which_nothing_is_known(purpose, needs_consent, stopped):
    assert (refusal(Standing(), purpose, needs_consent=needs_consent) is not None) is stopped


@pytest.mark.parametrize(
    ("key", "service", "purpose"),
    [
        ("reset:1", True, Purpose.SERVICE),
        ("news:1", False, Purpose.MARKETING),
        (key_of("abc", "7"), False, Purpose.CAMPAIGN),
        (key_of("abc", "7"), True, Purpose.CAMPAIGN),  # the kind was made service mail meanwhile
        (key_of_test("abc", "u"), False, Purpose.TEST),
        ("campaign:", False, Purpose.MARKETING),
    ],
)
def test_what_a_message_is_for(key, service, purpose):
    assert purpose_of({"idempotency_key": key}, Kind("k", (), service=service)) is purpose


def test_a_campaigns_key_names_its_contact():
    assert contact_in_key(key_of("abc", "a:b@example.com")) == ("abc", "a:b@example.com")
    assert contact_in_key("campaign-test:abc:u") is None

"""Kinds that reminders and balances name must exist, and a scan must be able to fill them in."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mailworker.balances.alert_mail import expired_variables, low_variables
from mailworker.config.settings import parse_settings
from mailworker.errors import ConfigError
from mailworker.reminders.reminder_variables import ReminderFacts, variables
from tests.scan_world import MONDAY, balance, invoice

BLOCK = "from_email: a@example.com, from_name: A, template_id: 1, subject: S"
HEAD = f"""mailjet:
  api_key: k
  api_secret: s
  api_crmCommunicationFinalNotice: {{{BLOCK}, variables: [customer_name, invoice_number]}}
  api_crmCommunicationOutage: {{{BLOCK}, variables: [outage_url, {{name: extra, required: false}}]}}
"""


def faults_of(text):
    with pytest.raises(ConfigError) as caught:
        parse_settings(HEAD + text, "crm_config.yaml", {})
    return list(caught.value.faults)


def test_a_step_may_have_a_kind_of_its_own():
    text = "reminders:\n  steps: [1, {days: 30, kind: api_crmCommunicationFinalNotice}]\n"
    assert parse_settings(HEAD + text, environ={}).reminders.steps[1].kind.endswith("FinalNotice")


def test_a_kind_may_ask_for_all_that_a_scan_prints():
    """As docs/reminders.md and docs/balances.md promise."""
    invoice_ = variables([invoice(7, due=MONDAY.date())], ReminderFacts(0), language="fr")
    zone = ZoneInfo("Europe/Paris")
    printed = {
        "reminders: {kind: %s}": set(invoice_),
        "balances: {low_kind: %s}": set(low_variables(balance(7), Decimal(2), language="fr")),
        "balances: {expired_kind: %s}": set(expired_variables(balance(7), MONDAY, language="fr", zone=zone)),
    }
    for line, names in printed.items():
        mine = f"  api_crmCommunicationMine: {{{BLOCK}, variables: {sorted(names)}}}\n"
        assert parse_settings(f"{HEAD}{mine}{line % 'api_crmCommunicationMine'}\n", environ={}).warnings == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "reminders:\n  steps:\n    - 1\n    - {days: 30, kind: api_crmCommunicationFinalNotise}\n",
            (
                "crm_config.yaml:9: reminders.steps.1.kind: there is no kind 'api_crmCommunicationFinalNotise'; "
                "did you mean 'api_crmCommunicationFinalNotice'?"
            ),
        ),
        (
            "reminders: {kind: weird}\n",
            "crm_config.yaml:6: reminders.kind: there is no kind 'weird'; add it under mailjet.",
        ),
        (
            "balances: {low_kind: api_crmCommunicationOutage}\n",
            (
                "crm_config.yaml:6: balances.low_kind: api_crmCommunicationOutage needs outage_url, which a scan "
                "cannot know."
            ),
        ),
        (
            "reminders: {kind: api_crmCommunicationCustomerInvoice}\n",
            (
                "crm_config.yaml:6: reminders.kind: api_crmCommunicationCustomerInvoice needs invoice_date, which a "
                "scan cannot know."
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, told):
    assert faults_of(text) == [told]


def test_it_is_told_together_with_all_other_faults():
    told = faults_of(
        "reminders: {kind: weird, schedule: daily}\nbalances: {schedule: 0 6 30 2 *}\nworker: {x: 1}\n"
    )
    assert len(told) == 4

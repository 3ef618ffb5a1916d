"""What the doctor says to do about a call to Mailjet that failed, or could not be tried at all."""

import pytest

from mailworker.cli.doctor_checks.cures import for_mailjet
from mailworker.errors import ConfigError, Misconfigured, TransientError, UnknownOutcome, Unreachable
from mailworker.mailjet.gateway import OURS

MAILJETS = "That is Mailjet's side"


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (ConfigError("mailjet.ca_bundle: cannot be read; name a PEM file."), "Then restart the workers"),
        (Misconfigured("mailjet.ca_bundle: cannot be read.", code=OURS), "Workers take a mended file up"),
        (Misconfigured("HTTP 401", code="401"), "Set MAILJET_API_KEY"),
        (Misconfigured("blocked", code="403"), "Open the account"),
        (Unreachable("its certificate is not trusted"), "mailjet.ca_bundle"),
        (Unreachable("its name was not resolved"), "DNS, firewall and proxy"),
        (UnknownOutcome("HTTP 503"), MAILJETS),
        (TransientError("HTTP 500"), MAILJETS),
        (TransientError("HTTP 200, not what it did"), "a proxy or a login page"),
    ],
)
def test_each_fault_has_its_own_cure(fault, cure):
    assert cure in for_mailjet(fault)

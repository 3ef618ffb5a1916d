"""What the doctor says to do about a call to Mailjet that failed, or could not be tried at all."""

from types import SimpleNamespace

import pytest
from redis.sentinel import MasterNotFoundError

from mailworker.cli.doctor_checks.cures import LEDGER, cured, for_mailjet
from mailworker.cli.doctor_checks.redis import unreachable
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


def test_a_standby_that_is_not_promoted_is_promoted_by_its_cure():
    assert "SELECT pg_promote()" in cured("The ledger does not answer: session is read-only", LEDGER)


def test_sentinels_that_name_no_primary():
    def asked():
        raise MasterNotFoundError("No master found for 'mail'")

    (fault,) = unreachable(SimpleNamespace(ping=asked))
    assert fault.startswith("No sentinel names a primary:")
    assert "?sentinel_password=" in fault

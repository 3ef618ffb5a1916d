"""What the doctor says to do about a call to Mailjet that failed, or could not be tried at all."""

from types import SimpleNamespace

import pytest
from redis.sentinel import MasterNotFoundError

from mailworker.cli.doctor_checks.cures import CRM, LEDGER, STORE, cured, for_mailjet
from mailworker.cli.doctor_checks.redis import unreachable
from mailworker.core.database_faults import in_our_words
from mailworker.errors import (
    ConfigError,
    Misconfigured,
    Throttled,
    TransientError,
    UnknownOutcome,
    Unreachable,
)
from mailworker.limits import NoCallFree
from mailworker.limits.rate_limit_by_lane import BucketUnavailable
from mailworker.mailjet.gateway import OURS

WAITS = "mail waits, nothing is lost."
MAILJETS = "That is Mailjet's side, see status.mailjet.com; mail waits and leaves by itself afterwards."
SUPPORT = "Open the account at app.mailjet.com: it says what is blocked; Mailjet's support lifts it."


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (ConfigError("mailjet.ca_bundle: cannot be read; name a PEM file."), f"Then restart the workers; {WAITS}"),
        (
            Misconfigured("mailjet.ca_bundle: cannot be read.", code=OURS),
            f"Workers take a mended file up by themselves, and changed settings when they are restarted; {WAITS}",
        ),
        (
            Misconfigured("HTTP 401", code="401"),
            "Set MAILJET_API_KEY and MAILJET_API_SECRET anew, and restart; a probe then ends the hold.",
        ),
        (Misconfigured("blocked", code="403"), SUPPORT),
        (Misconfigured("HTTP 403: look at api_url", code="403"), "Mail waits, nothing is lost."),
        (
            NoCallFree(retry_after=60),
            "Mail takes every call that mailjet.calls_per_minute allows; Mailjet was not asked.",
        ),
        (
            Throttled("HTTP 429", retry_after=60),
            "Somebody else calls with the same key: give both a share in mailjet.calls_per_minute (docs/several-hosts.md).",
        ),
        (BucketUnavailable(), "Start Redis, or correct worker.redis_url; Mailjet was not asked."),
        (
            Unreachable("its certificate is not trusted"),
            f"Name the company's own authority in mailjet.ca_bundle; {WAITS}",
        ),
        (
            Unreachable("its certificate has expired"),
            f"Look at this host's clock, and at the certificate of what stands between (mailjet.proxy); {WAITS}",
        ),
        (
            Unreachable("its certificate is for another name"),
            f"Look at this host's DNS, firewall and proxy (mailjet.proxy); {WAITS}",
        ),
        (
            Unreachable("its name was not resolved"),
            f"Look at this host's DNS, firewall and proxy (mailjet.proxy); {WAITS}",
        ),
        (UnknownOutcome("HTTP 503"), MAILJETS),
        (TransientError("HTTP 500"), MAILJETS),
        (
            TransientError("HTTP 200, not what it did"),
            "Something between us and Mailjet answers in its place, a proxy or a login page: let it through.",
        ),
    ],
)  # fmt: skip
def test_each_fault_has_its_own_cure(fault, cure):
    assert for_mailjet(fault) == cure


LOST = "free some of it, mail waits and nothing is lost."
LOGIN = "correct user and password in worker.database_url (DATABASE_URL)."


@pytest.mark.parametrize(
    ("words", "cures", "cure"),
    [
        ("File is not a database.", LEDGER, "worker.database_url (DATABASE_URL) names a file of somebody else's: name another."),
        ("unable to open database file", LEDGER, "worker.database_url (DATABASE_URL) names a folder, or what this user may not use."),
        ("Permission denied", LEDGER, "make this user the database's owner: ALTER DATABASE ... OWNER TO ...."),
        ("database is read-only", LEDGER, "promote the standby there (SELECT pg_promote()), or start the primary; mail waits."),
        ('database "x" does not exist', LEDGER, "create it (createdb), or correct worker.database_url (DATABASE_URL)."),
        ("password failed", LEDGER, LOGIN),
        ("authentication failed", LEDGER, LOGIN),
        ("certificate verify failed", LEDGER, "name its CA in ?sslrootcert=..., or renew the certificate if that has expired."),
        ("no certificate", LEDGER, "add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to worker.database_url."),
        ("too many connections", LEDGER, "raise max_connections, or put a pooler before it."),
        (
            "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute",
            LEDGER,
            "raise max_connections, or put a pooler before it.",
        ),
        ("no more connections allowed (max_client_conn)", LEDGER, "raise max_connections, or put a pooler before it."),
        ("Unknown database 'roles'", LEDGER, "create it (createdb), or correct worker.database_url (DATABASE_URL)."),
        ("disk I/O error", LEDGER, f"its disk is full: {LOST}"),
        ("database or disk is full", LEDGER, f"its disk is full: {LOST}"),
        ("No space left", LEDGER, f"its disk is full: {LOST}"),
        ("refused", LEDGER, "start PostgreSQL, or correct worker.database_url (DATABASE_URL); mail waits, nothing is lost."),
        ("No space left on device", STORE, "free some room there; invoices wait, nothing is lost."),
        ("EndpointConnectionError", STORE, "correct AWS_ENDPOINT_URL_S3; invoices wait, nothing is lost."),
        ("x", STORE, "correct invoice.store, or the rights of that place."),
        ("x does not exist", CRM, "correct crm.sql.url."),
        ("password", CRM, "correct user and password in crm.sql.url."),
        ("Access denied for user", CRM, "correct user and password in crm.sql.url."),
        ("It cannot be reached.", CRM, "start it, or correct its URL in the section crm; mail goes on, scans wait."),
    ],
)  # fmt: skip
def test_each_error_of_a_server_or_a_disk_has_its_own_cure(words, cures, cure):
    if cures is LEDGER:
        words = in_our_words(Exception(words))
    assert cured(words, cures) == f"{words.rstrip('.')}: {cure}"


def test_an_error_without_words_is_quoted_by_its_name():
    assert in_our_words(ConnectionError()) == "it failed (“ConnectionError”)"


@pytest.mark.parametrize("cures", [LEDGER, STORE])
def test_a_file_system_that_became_read_only_is_mounted_anew(cures):
    said = "The ledger /srv/ledger.db cannot be written (Read-only file system): correct worker.database_url."
    assert "mount it writable again" in cured(said, cures)


def test_a_standby_that_is_not_promoted_is_promoted_by_its_cure():
    assert "SELECT pg_promote()" in cured(in_our_words(Exception("session is read-only")), LEDGER)


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ('root certificate file "/root/.postgresql/root.crt" does not exist', "?sslrootcert="),
        ("SSL error: certificate verify failed", "or renew the certificate if that has expired"),
        (
            'server certificate for "db.example" does not match host name "localhost"',
            "the name that the certificate carries",
        ),
        ("server does not support SSL, but SSL was required", "set ssl = on in postgresql.conf"),
        ('database "mail" does not exist', "createdb"),
        ("cannot be written (Permission denied)", "mail waits"),
    ],
)
def test_what_the_ledger_says_has_its_own_cure(words, cure):
    """The words of libpq 15, before a server with each of these certificates, and of a file of SQLite's."""
    said = words if words.startswith("cannot be written") else in_our_words(Exception(words))
    assert cure in cured(said, LEDGER).partition(words)[2]


def test_sentinels_that_name_no_primary():
    def asked():
        raise MasterNotFoundError("No master found for 'mail'")

    (fault,) = unreachable(SimpleNamespace(ping=asked))
    assert fault.startswith("No sentinel names a primary:")
    assert "?sentinel_password=" in fault

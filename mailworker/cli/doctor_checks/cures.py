"""What a person does about Mailjet, a server or a disk that refuses, by its error."""

from collections.abc import Mapping

from mailworker.errors import ConfigError, MailworkerError, Misconfigured, Throttled, Unreachable
from mailworker.limits.rate_limit_by_lane import BucketUnavailable, NoCallFree
from mailworker.mailjet.gateway import OURS

_REMOUNT = "mount it writable again, and see `dmesg` for why it was not; mail waits, nothing is lost"
_DISK_IS_FULL = "its disk is full: free some of it, mail waits and nothing is lost"
#: By the words of `core.database_faults`, looked for in this order; the last holds for all else.
LEDGER: Mapping[str, str] = {
    "read-only file system": _REMOUNT,
    "cannot be written": "mail waits, nothing is lost",
    "program has locked": "`fuser` names it: end that; mail waits",
    "transaction holds it": "end that; whose it is: SELECT * FROM pg_stat_activity "
    "WHERE pid IN (SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity); mail waits, nothing is lost",
    "or read-only, and takes no mail": "where it is the primary: ALTER DATABASE ... RESET "
    "default_transaction_read_only, which providers set when its disk is full",
    "is damaged": "restore it from the backup (docs/backup.md), then `mailworker ledger refill`",
    "column is missing": "run `mailworker ledger migrate`, or restore the backup",
    "none of sqlite's": "worker.database_url (DATABASE_URL) names a file of somebody else's: name another",
    "cannot be opened": "worker.database_url (DATABASE_URL) names a folder, or what this user may not use",
    "may not write": "let this user write to its folder; mail waits, nothing is lost",
    "lacks a right": "make this user the database's owner: ALTER DATABASE ... OWNER TO ...",
    "is a standby (": "promote the standby there (SELECT pg_promote()), or start the primary; mail waits",
    "its authority is not here": "name the server's CA there: ?sslrootcert=/path/to/ca.pem",
    "is for another name": "write in worker.database_url the name that the certificate carries",
    "is not trusted": "name its CA in ?sslrootcert=..., or renew the certificate if that has expired",
    "speaks no tls": "set ssl = on in postgresql.conf, or take sslmode out of worker.database_url",
    "no database of this name": "create it (createdb), or correct worker.database_url (DATABASE_URL)",
    "refuses this user": "correct user and password in worker.database_url (DATABASE_URL)",
    "its certificate, or ours": "add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to worker.database_url",
    "no connection left": "raise max_connections, or put a pooler before it",
    "disk is full": _DISK_IS_FULL,
    "": "start PostgreSQL, or correct worker.database_url (DATABASE_URL); mail waits, nothing is lost",
}
_S3_KEYS = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; invoices wait, nothing is lost"
_S3_RIGHTS = "let its key put, get, list and delete objects there; invoices wait, nothing is lost"
_S3_SIDE = "that is the store's side, or the way there; invoices wait and go by themselves afterwards"
STORE: Mapping[str, str] = {
    "read-only file system": _REMOUNT,
    "no space": "free some room there; invoices wait, nothing is lost",
    "endpointconnectionerror": "correct AWS_ENDPOINT_URL_S3; invoices wait, nothing is lost",
    "no such bucket": "make it, or correct invoice.store; invoices wait, nothing is lost",
    "nocredentialserror": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "invalidaccesskeyid": _S3_KEYS,
    "signaturedoesnotmatch": _S3_KEYS,
    "requesttimetooskewed": "run an NTP client on this host; invoices wait, nothing is lost",
    "authorizationheadermalformed": "set AWS_DEFAULT_REGION to the bucket's; invoices wait, nothing is lost",
    "accessdenied": _S3_RIGHTS,
    "permissionerror": _S3_RIGHTS,
    "timeouterror": _S3_SIDE,
    "slowdown": _S3_SIDE,
    "serviceunavailable": _S3_SIDE,
    "internalerror": _S3_SIDE,
    "": "correct invoice.store, or the rights of that place",
}
CRM: Mapping[str, str] = {
    "does not exist": "correct crm.sql.url",
    "password": "correct user and password in crm.sql.url",
    "access denied": "correct user and password in crm.sql.url",
    "did not answer in time": "look at its load; what needs it is tried again by itself",
    "omnicrm answered 5": "its own log says why; what needs it is tried again by itself",
    "": "start it, or correct its URL in the section crm; mail goes on, scans wait",
}

_THE_WAY = "Look at this host's DNS, firewall and proxy (mailjet.proxy)"
_RENEW_KEYS = "Set MAILJET_API_KEY and MAILJET_API_SECRET anew, and restart; a probe then ends the hold."
_OF_OURS = (
    "Workers take a mended file up by themselves, and changed settings when they are restarted; "
    "mail waits, nothing is lost."
)
_ASK_SUPPORT = "Open the account at app.mailjet.com: it says what is blocked; Mailjet's support lifts it."
SHARE = (
    "Somebody else calls with the same key: give both a share in mailjet.calls_per_minute "
    "(docs/several-hosts.md)."
)
_OURS: Mapping[type[MailworkerError], str] = {
    ConfigError: "Then restart the workers; mail waits, nothing is lost.",
    NoCallFree: "Mail takes every call that mailjet.calls_per_minute allows; Mailjet was not asked.",
    Throttled: SHARE,
    BucketUnavailable: "Start Redis, or correct worker.redis_url; Mailjet was not asked.",
}
_CLOCK = "Look at this host's clock, and at the certificate of what stands between (mailjet.proxy)"
_CERTIFICATES: Mapping[str, str] = {
    "is not trusted": "Name the company's own authority in mailjet.ca_bundle",
    "has expired": _CLOCK,
    "is not valid yet": _CLOCK,
}


def for_mailjet(fault: MailworkerError) -> str:
    """What a person does about a call to Mailjet that failed, or could not be tried."""
    for kind, cure in _OURS.items():
        if isinstance(fault, kind):
            return cure
    if isinstance(fault, Misconfigured):
        cured_already = "Mail waits, nothing is lost." if "api_url" in str(fault) else _ASK_SUPPORT
        return {OURS: _OF_OURS, "401": _RENEW_KEYS}.get(fault.code, cured_already)
    if isinstance(fault, Unreachable):
        cure = next((cure for sign, cure in _CERTIFICATES.items() if sign in str(fault)), _THE_WAY)
        return f"{cure}; mail waits, nothing is lost."
    if "HTTP 200" in str(fault):
        return (
            "Something between us and Mailjet answers in its place, a proxy or a login page: let it through."
        )
    return "That is Mailjet's side, see status.mailjet.com; mail waits and leaves by itself afterwards."


def cured(words: str, cures: Mapping[str, str]) -> str:
    """The sentence with its cure at its end, of LEDGER, STORE or CRM."""
    cure = next(cure for sign, cure in cures.items() if sign in words.lower())
    return f"{words.rstrip('.')}: {cure}."

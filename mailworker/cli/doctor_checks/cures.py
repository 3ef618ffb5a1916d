"""What a person does about a server or a disk that refuses, by what it says."""

from collections.abc import Mapping

_DISK_IS_FULL = "its disk is full: free some of it, mail waits and nothing is lost"
#: In the order in which they are looked for; the last holds for all else.
_LEDGER: Mapping[str, str] = {
    "does not exist": "create it (createdb), or correct worker.database_url (DATABASE_URL)",
    "password": "correct user and password in worker.database_url (DATABASE_URL)",
    "authentication": "correct user and password in worker.database_url (DATABASE_URL)",
    "certificate": "add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to worker.database_url",
    "too many": "raise max_connections, or put a pooler before it",
    "disk i/o": _DISK_IS_FULL,
    "is full": _DISK_IS_FULL,
    "no space": _DISK_IS_FULL,
    "": "start PostgreSQL, or correct worker.database_url (DATABASE_URL); mail waits, nothing is lost",
}
_STORE: Mapping[str, str] = {
    "no space": "free some room there; invoices wait, nothing is lost",
    "": "correct invoice.store, or the rights of that place",
}
_CRM: Mapping[str, str] = {
    "does not exist": "correct crm.sql.url",
    "password": "correct user and password in crm.sql.url",
    "access denied": "correct user and password in crm.sql.url",
    "": "start it, or correct its URL in the section crm; mail goes on, scans wait",
}


def for_ledger(words: str) -> str:
    """The sentence with its cure at its end."""
    return _cured(words, _LEDGER)


def for_store(words: str) -> str:
    """The sentence with its cure at its end."""
    return _cured(words, _STORE)


def for_crm(words: str) -> str:
    """The sentence with its cure at its end."""
    return _cured(words, _CRM)


def _cured(words: str, cures: Mapping[str, str]) -> str:
    cure = next(cure for sign, cure in cures.items() if sign in words.lower())
    return f"{words.rstrip('.')}: {cure}."

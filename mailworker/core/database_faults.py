"""What a database refuses, in our words; its own stand behind them as a quotation."""

from collections.abc import Mapping

#: PostgreSQL's word for a server that only answers questions, as a former primary after a failover.
READ_ONLY = "25006"
#: Its words for a ledger that no job could enter: no right to it, no such table or column, damage.
_RIGHT, _TABLE, _COLUMN, _DATA, _INDEX = "42501", "42P01", "42703", "XX001", "XX002"
OF_THE_LEDGER = {_RIGHT, _TABLE, _COLUMN, _DATA, _INDEX}

_LOGIN = "it refuses this user, or the password"
_DAMAGED = "it is damaged"
_DISK = "its disk is full"
_HELD = "somebody else's transaction holds it"
_INCOMPLETE = "a table or a column is missing"
#: By PostgreSQL's SQLSTATE (its manual, appendix A), which is the same in every language of a server.
_BY_STATE: Mapping[str, str] = {
    _RIGHT: "this user lacks a right",
    _TABLE: _INCOMPLETE,
    _COLUMN: _INCOMPLETE,
    _DATA: _DAMAGED,
    _INDEX: _DAMAGED,
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": "there is no database of this name",
    "53100": _DISK,
    "53300": "it has no connection left",
    "55P03": _HELD,
    "57014": "it ended the question",
    "57P01": "it was stopped",
    "57P03": "it is just starting or stopping",
}
#: Else by what SQLite, libpq or SQLAlchemy says, looked for in this order; the last holds for all else.
_BY_WORDS: Mapping[str, str] = {
    "is locked": "another program has locked it",
    "lock timeout": _HELD,
    "malformed": _DAMAGED,
    "not a database": "its file is none of SQLite's",
    "unable to open": "its file cannot be opened",
    "readonly": "this user may not write to its file",
    "read-only": "it is a standby",
    "permission denied": _BY_STATE[_RIGHT],
    "root certificate file": "the certificate of its authority is not here",
    "does not match host": "its certificate is for another name",
    "certificate verify": "its certificate is not trusted",
    "certificate": "its certificate, or ours, is refused",
    "not support ssl": "it speaks no TLS",
    "too many": _BY_STATE["53300"],
    "connection slots": _BY_STATE["53300"],
    "more connections": _BY_STATE["53300"],
    "unknown database": _BY_STATE["3D000"],
    'role "': _LOGIN,
    "password": _LOGIN,
    "access denied": _LOGIN,
    "authentication": _LOGIN,
    "does not exist": _BY_STATE["3D000"],
    "queuepool": "all connections of this process are in use",
    "disk i/o": _DISK,
    "is full": _DISK,
    "no space": _DISK,
    "refused": "nothing listens at its address",
    "no such file or directory": "nothing listens at its address",
    "time": "no answer in time",
    "resolve": "its host is not known",
    "name or service": "its host is not known",
    "starting up": _BY_STATE["57P03"],
    "shutting down": _BY_STATE["57P03"],
    "closed": "the connection was cut",
    "": "it failed",
}


def sqlstate(fault: Exception | None) -> str | None:
    """PostgreSQL's five letters for what went wrong, of an error of SQLAlchemy's."""
    return getattr(getattr(fault, "orig", None), "sqlstate", None)


def first_line(fault: Exception) -> str:
    """The database's words in an error of SQLAlchemy's, without the row that it may quote behind them."""
    said = getattr(fault, "orig", None) or fault
    return (str(said).strip() or type(said).__name__).splitlines()[0]


def in_our_words(fault: Exception) -> str:
    """What kind of fault an error of SQLAlchemy's is, and the database's words for it."""
    words = first_line(fault)
    kind = _BY_STATE.get(sqlstate(fault) or "") or next(
        kind for sign, kind in _BY_WORDS.items() if sign in words.lower()
    )
    return f"{kind} (“{words}”)"

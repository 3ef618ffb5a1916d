"""Whether a message is what it would be if it were written now; if not, it is reworded or replaced."""

from datetime import datetime
from typing import Any

from mailworker.errors import BadInput, Misconfigured
from mailworker.rules.pre_send.verdicts import Replace, Reword, Row, Wait, unreadable

#: The reason of a message that was written anew begins so.
_ANEW = "written anew, for this changed in the CRM: "

_WHOSE = ("to_email", "to_name", "customer_id", "language")


def compare(row: Row, fresh: Row | BadInput | Misconfigured, now: datetime) -> Wait | Reword | None:
    """What to do about a message that would be `fresh` if it were written now, or cannot be written now.

    A kind that has left the configuration gives None: dispatch itself reports it when it writes the mail out.
    """
    if isinstance(fresh, Misconfigured):
        return None
    if isinstance(fresh, BadInput):
        return unreadable(now)
    if not (names := changed(row, fresh)):
        return None
    return Reword(fresh, now, f"{_ANEW}{', '.join(names)}")


def replace(fresh: Row | BadInput | Misconfigured, keys: tuple[str, ...], now: datetime) -> Wait | Replace:
    """What to do about a message of which only these keys are still true."""
    if isinstance(fresh, BadInput | Misconfigured):
        return unreadable(now)
    return Replace(fresh, keys, f"Part of it is no longer true; {fresh['id']} says the rest.")


def changed(row: Row, fresh: Row) -> list[str]:
    """What would differ if a message were written now: names only."""
    before, now = row["variables"] or {}, fresh["variables"] or {}
    names = [name for name in _WHOSE if (row[name] or "") != (fresh[name] or "")]
    return names + [name for name in now if before.get(name, _empty_or_none(now[name])) != now[name]]


def reworded_at(row: Row) -> datetime | None:
    """When this message was written anew, where nothing has put it off since."""
    at: datetime = row["not_before"]
    return at if (row["reason"] or "").startswith(_ANEW) else None


def _empty_or_none(value: Any) -> Any:
    """The value in earlier mails of a variable that came later: none, unless it is empty now."""
    return value if value in ("", [], ()) else None

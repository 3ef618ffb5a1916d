"""Before a password reset or a verification leaves: was its link used, or has it expired meanwhile?

Asked only where the CRM answers the question `tokens`. A CRM that does not answer stops no reset: it leaves.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from mailworker.config.catalogue import PASSWORD_RESET, VERIFICATION
from mailworker.crm.records import Token
from mailworker.errors import MailworkerError
from mailworker.scans.recheck import Words

KINDS = frozenset({PASSWORD_RESET, VERIFICATION})


class TokenSource(Protocol):
    """The little that is asked of the CRM here."""

    def offers(self, question: Any) -> bool:
        """Whether this question is configured."""

    def token(self, token_id: str) -> Token | None:
        """A token as it stands at this moment."""


class TokenRecheck:
    """Ends mails whose link is of no more use, with the reason."""

    def __init__(self, crm: Callable[[], TokenSource], *, clock: Callable[[], datetime]) -> None:
        self._crm = crm
        self._clock = clock

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Words:
        """What to do about these messages; nothing said lets them leave."""
        wanted = {row["id"]: id_ for row in rows if row["kind"] in KINDS and (id_ := token_id(row))}
        if not wanted:
            return {}
        try:
            crm = self._crm()
            if not crm.offers("tokens"):
                return {}
            found = {id_: crm.token(token) for id_, token in wanted.items()}
        except MailworkerError:
            return {}
        now = self._clock()
        return {id_: why for id_, token in found.items() if (why := _why_not(token, now))}


def token_id(row: Mapping[str, Any]) -> str:
    """What follows the first colon of the caller's key, as `reset:4711`; empty without one."""
    return str(row["idempotency_key"]).partition(":")[2].partition("#")[0]


def _why_not(token: Token | None, now: datetime) -> str:
    if token is None:
        return ""
    if token.used:
        return "its link was used meanwhile"
    return "" if token.is_live(now) else "its link has expired"

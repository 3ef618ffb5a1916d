"""Before a password reset or a verification leaves: was its link used, or has it expired meanwhile?

Asked only where the CRM answers the question `tokens`. A CRM that does not answer stops no reset: it leaves.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from mailworker.config.builtin_kinds import PASSWORD_RESET, VERIFICATION
from mailworker.errors import BadInput, MailworkerError
from mailworker.rules.crm_facts import Token
from mailworker.rules.pre_send.used_link import check_token, token_id
from mailworker.rules.pre_send.verdicts import Row, Verdicts

KINDS = frozenset({PASSWORD_RESET, VERIFICATION})


class TokenSource(Protocol):
    """The little that is asked of the CRM here."""

    def offers(self, question: Any) -> bool:
        """Whether this question is configured."""

    def token(self, token_id: str) -> Token | None:
        """A token as it stands at this moment."""


class UsedLinkCheck:
    """Reads the tokens of mails that are about to leave."""

    def __init__(self, crm: Callable[[], TokenSource], *, clock: Callable[[], datetime]) -> None:
        self._crm = crm
        self._clock = clock

    def __call__(self, rows: Sequence[Row]) -> Verdicts:
        """The verdicts on these messages, by `rules.pre_send.used_link`; changes nothing."""
        ours = {row["id"]: token_id(row) for row in rows if row["kind"] in KINDS}
        wanted = {id_: token for id_, token in ours.items() if token}
        if not wanted:
            return {}
        try:
            crm = self._crm()
            if not crm.offers("tokens"):
                return {}
            found = {id_: _token(crm, token) for id_, token in wanted.items()}
        except MailworkerError:
            return {}
        now = self._clock()
        return {id_: verdict for id_, token in found.items() if (verdict := check_token(token, now))}


def _token(crm: TokenSource, token_id: str) -> Token | None:
    """None for one that the CRM cannot show; the others are looked at all the same."""
    try:
        return crm.token(token_id)
    except BadInput:
        return None

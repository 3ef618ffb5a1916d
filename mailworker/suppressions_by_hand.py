"""The suppression list as a person's tool: look, add, lift, and what is left to do at Mailjet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.plural import counted
from mailworker.errors import BadInput
from mailworker.ledger.contact_exclusion import forget_unsubscribe
from mailworker.ledger.recipient_standings import standings
from mailworker.ledger.suppressions import add_by_hand, history, latest, lift, listing_of, lists_of, opt_in
from mailworker.mailjet.contact_calls import ListAction, MailjetContact, list_ids, manage_contact
from mailworker.mailjet.contact_queries import contact_at, list_recipients_of
from mailworker.mailjet_list_access import ListAccess
from mailworker.rules.contact_input import contact_address
from mailworker.rules.recipient_gate import Purpose, refusal

Row = Mapping[str, Any]

#: What a person may list an address for.
BY_HAND = {"blocked": "no mail at all", "unsubscribed": "no campaigns and no marketing"}
#: What Mailjet goes on refusing by itself, and who can end it there.
_AT_MAILJET = {
    "hard_bounce": "Mailjet may go on refusing the address for some weeks (its word is preblocked): its "
    "support takes it off earlier.",
    "preblocked": "Mailjet itself refuses the address for some weeks: its support takes it off earlier.",
    "soft_bounces": "Mailjet may refuse the address for a while: then its support takes it off earlier.",
    "spam": "Mailjet itself stops mail to who complained through it: only its support takes that back, on "
    "the person's own word.",
}
_LONGEST_WHY = 500


@dataclass(frozen=True, slots=True)
class Lifted:
    """An address that was taken off the list. `advice` is what a person may still have to do at Mailjet."""

    reason: str
    resubscribed: int
    advice: tuple[str, ...] = ()


class Suppressions(ListAccess):
    """Everything that can be done with the list. Each method raises BadInput for what cannot be done."""

    def latest(self, *, reason: str = "", limit: int = 50) -> list[Row]:
        """The entries, the youngest first; those for one reason only."""
        with self._ledger.read() as connection:
            return latest(connection, reason=reason, limit=limit)

    def show(self, email: str) -> dict[str, Any]:
        """What is known of an address: its entry, what that stops, and what people did about it."""
        name = _address(email)
        with self._ledger.read() as connection:
            standing = standings(connection, [name])[name]
            entry, changes = listing_of(connection, name), history(connection, name)
        stopped = {
            purpose.value: objection.why
            for purpose in (Purpose.SERVICE, Purpose.CAMPAIGN)
            if (objection := refusal(standing, purpose)) is not None
        }
        off = sorted(standing.switched_off)
        return {"address": name, "entry": entry, "stopped": stopped, "switched_off": off, "changes": changes}

    def add(self, email: str, *, why: str, by: str, reason: str = "blocked") -> None:
        """List an address: `blocked` stops all mail to it, `unsubscribed` campaigns and marketing."""
        if reason not in BY_HAND:
            raise BadInput(f"reason: write one of {', '.join(BY_HAND)}.")
        with self._ledger.write() as connection:
            add_by_hand(
                connection, _address(email), reason=reason, why=_why(why), by=_by(by), now=self._clock()
            )

    def lift(self, email: str, *, why: str, by: str) -> Lifted:
        """Take an address off the list, here and, where we can, at Mailjet.

        What happened before counts no more, however late its event comes. Raises what Mailjet's absence
        raises; the address is lifted here then, and lifting it again goes on.
        """
        name, now = _address(email), self._clock()
        with self._ledger.write() as connection:
            reason = lift(connection, name, why=_why(why), by=_by(by), now=now)
            unsubscribed = forget_unsubscribe(connection, name, now=now)
            lists = lists_of(connection, name)
        if reason is None and not unsubscribed:
            raise BadInput(
                "address: is not on the suppression list; mailworker suppressions list shows who is."
            )
        resubscribed, elsewhere = self._resubscribe(name, {self._list_name(one) for one in lists})
        advice = [_AT_MAILJET[reason]] if reason in _AT_MAILJET else []
        if elsewhere:
            advice.append(
                f"It stays unsubscribed from {counted(elsewhere, 'list')} at Mailjet beside the CRM's: who "
                "looks after them can change that there."
            )
        return Lifted(reason or "unsubscribed", resubscribed, tuple(advice))

    def opt_in(self, email: str, *, why: str, by: str) -> int:
        """Send the kinds of mail again that an address's owner had switched off; gives how many.

        For the owner's own word only: what they click afterwards counts, what they clicked before no more.
        """
        with self._ledger.write() as connection:
            kinds = opt_in(connection, _address(email), why=_why(why), by=_by(by), now=self._clock())
        if not kinds:
            raise BadInput("address: its owner has switched no kind of mail off.")
        return kinds

    def _resubscribe(self, email: str, ours: set[str]) -> tuple[int, int]:
        """Put an address back on the lists of ours that it left; how many those were, and how many others."""
        found = contact_at(self._api, email)
        if found is None:
            return 0, 0
        joined = list_recipients_of(self._api, found.id)
        left = {one.list_id for one in joined if one.unsubscribed}
        if not left:
            return 0, 0
        numbers = list_ids(self._api)
        mine = left & {number for name, number in numbers.items() if name in ours}
        for list_id in mine:
            manage_contact(self._api, list_id, MailjetContact(email), action=ListAction.RESUBSCRIBE)
        return len(mine), len(left - mine)


def _address(email: str) -> str:
    try:
        return canonical_address(contact_address(email))
    except ValueError as fault:
        raise BadInput(f"address: is not an e-mail address: {fault}.") from None


def _why(text: str) -> str:
    if not 0 < len(text.strip()) <= _LONGEST_WHY:
        raise BadInput(f"why: say in 1 to {_LONGEST_WHY} characters why; colleagues read it.")
    return text.strip()


def _by(text: str) -> str:
    if not text.strip():
        raise BadInput("by: say who does this.")
    return text.strip()

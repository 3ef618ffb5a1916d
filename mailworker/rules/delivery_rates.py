"""How many mails of a kind became what, the rates that follow, and which of these are too high."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from mailworker.core.summable import Summable

#: What arrived shows itself by one of these: a mail that was opened or complained about was delivered before.
_ARRIVED = frozenset({"delivered", "opened", "clicked", "unsubscribed", "spam"})
_OPENED = frozenset({"opened", "clicked"})
_BOUNCED = frozenset({"bounced", "soft_bounced"})
#: Above these a rate is a reason to look; mailbox providers ask senders for complaints under 0.1 %.
_WORRYING = {"bounced": 0.05, "complained": 0.001, "blocked": 0.05}
#: Under so many mails a rate says nothing.
_ENOUGH = 20


@dataclass(frozen=True, slots=True)
class MailFigures(Summable):
    """Counts of messages. `sent` is what Mailjet accepted; the next ones are a part of it, by its events."""

    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    blocked: int = 0
    complained: int = 0
    unsubscribed: int = 0
    failed: int = 0
    suppressed: int = 0
    expired: int = 0
    cancelled: int = 0

    def rates(self, watched: int | None = None) -> dict[str, float | None]:
        """Shares of one; None where there is nothing to be a share of.

        `watched` are the delivered ones whose opening can be seen; all of them where it is left out.
        """
        seen = self.delivered if watched is None else watched
        return {
            "delivered": _share(self.delivered, self.sent),
            "bounced": _share(self.bounced, self.sent),
            "blocked": _share(self.blocked, self.sent),
            "opened": _share(self.opened, seen),
            "clicked": _share(self.clicked, seen),
            "complained": _share(self.complained, self.delivered),
            "unsubscribed": _share(self.unsubscribed, self.delivered),
        }

    def counts(self) -> dict[str, int]:
        """The counts by name, in their order."""
        return asdict(self)


COUNTS = tuple(one.name for one in fields(MailFigures))
_BY_STATE = ("failed", "suppressed", "expired", "cancelled")


def figures_of(tallies: Iterable[tuple[str, str, int]]) -> MailFigures:
    """From (state, delivery, count), as the ledger keeps them, to figures."""
    total = MailFigures()
    for state, delivery, count in tallies:
        total += _of_sent(delivery, count) if state == "sent" else _of_other(state, count)
    return total


def is_worrying(name: str, share: float, *, sent: int) -> bool:
    """Whether this rate, of so many mails sent, is a reason to look."""
    return sent >= _ENOUGH and share > _WORRYING.get(name, 1.0)


def _of_sent(delivery: str, count: int) -> MailFigures:
    return MailFigures(
        sent=count,
        delivered=count if delivery in _ARRIVED else 0,
        opened=count if delivery in _OPENED else 0,
        clicked=count if delivery == "clicked" else 0,
        bounced=count if delivery in _BOUNCED else 0,
        blocked=count if delivery == "blocked" else 0,
        complained=count if delivery == "spam" else 0,
        unsubscribed=count if delivery == "unsubscribed" else 0,
    )


def _of_other(state: str, count: int) -> MailFigures:
    return MailFigures(**{state: count}) if state in _BY_STATE else MailFigures()


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None

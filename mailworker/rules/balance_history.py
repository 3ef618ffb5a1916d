"""What a charging engine forgets and an alert must know: a balance's beginning, highest value and top-ups.

CGRateS tells the value of a balance at this moment and nothing of its past. Seen in its source
(engine/account.go): a top-up keeps a balance's UUID and its expiry, and raises its value; where no unexpired
balance was left a new one is made, with a new UUID. So a new UUID is a new period, and a value that rose
under the same UUID is a top-up.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

#: That one which does not change is still there is written down so often: what was long unseen is forgotten.
_NOTED_EVERY = timedelta(days=30)
#: The engine's clock may be ahead: what it dropped so shortly before its end by ours has expired there.
_CLOCKS_APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBalance:
    """A balance as it was last seen, in the engine's own unit, and what was noticed of its past.

    `at_start` is what it stood at where it was there before this installation's first scan had ended, None
    for later ones. `version` counts the changes, so that two who see a balance at once do not write over each
    other.
    """

    uuid: str
    account: str
    type: str
    name: str
    value: Decimal
    highest: Decimal
    first_seen: datetime
    last_seen: datetime
    expires_at: datetime | None = None
    topped_up_at: datetime | None = None
    level_after_top_up: Decimal | None = None
    at_start: Decimal | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """A balance as the engine has it at this moment.

    `scope` is for which use it may be taken, the heaviest first, and none behind a blocker.
    """

    uuid: str
    account: str
    type: str
    name: str
    value: Decimal
    expires_at: datetime | None = None
    scope: str = ""
    weight: Decimal = Decimal(0)
    blocker: bool = False
    disabled: bool = False

    @property
    def shown_expiry(self) -> datetime | None:
        """When it expires, where that is anybody's loss: what is disabled expires in silence."""
        return None if self.disabled else self.expires_at


def first_sight(reading: Reading, now: datetime, *, started: bool) -> SeenBalance:
    """A balance that was never seen. `started` is whether this installation's first scan has ended."""
    return SeenBalance(
        uuid=reading.uuid,
        account=reading.account,
        type=reading.type,
        name=reading.name,
        value=reading.value,
        highest=reading.value,
        first_seen=now,
        last_seen=now,
        expires_at=reading.shown_expiry,
        at_start=None if started else reading.value,
    )


def seen_again(before: SeenBalance, reading: Reading, now: datetime) -> SeenBalance:
    """The same balance now. The very same object where nothing changed of late: nothing is written then."""
    risen = reading.value > before.value
    now_it_is = (reading.value, reading.shown_expiry, reading.account, reading.name)
    it_was = (before.value, before.expires_at, before.account, before.name)
    if now_it_is == it_was and now - before.last_seen < _NOTED_EVERY:
        return before
    return replace(
        before,
        account=reading.account,
        name=reading.name,
        value=reading.value,
        highest=max(before.highest, reading.value),
        expires_at=reading.shown_expiry,
        last_seen=max(now, before.last_seen),
        topped_up_at=now if risen else before.topped_up_at,
        level_after_top_up=reading.value if risen else before.level_after_top_up,
        version=before.version + 1,
    )


def taken_away(before: SeenBalance, now: datetime) -> SeenBalance:
    """A balance that its account has no more: before its end somebody removed it, and it never expires.

    The very same object where it has no end, or reached it.
    """
    if before.expires_at is None or before.expires_at - now <= _CLOCKS_APART:
        return before
    return replace(before, expires_at=None, version=before.version + 1)

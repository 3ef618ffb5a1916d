"""Which balance alert is due, if any, and why not where none.

A balance is *armed* when its period begins, and again by a top-up that lifts it clearly over its threshold.
While armed it may be said to be low once. The key is made of facts that OmniCRM has too, so that its own
real-time alerts and our scan use the same one and the customer hears it once.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFacts:
    """What an alert must know of a balance. Amounts are in the balance's own unit.

    `allowance` is what a full balance holds, None where nothing bounds it. `period_start` is when the current
    period or purchase began. `topped_up_at` is the latest top-up since, and `level_after_top_up` what the
    balance then stood at.
    """

    balance_id: str
    customer_id: str
    balance_type: str
    amount: Decimal
    period_start: datetime
    plan: str = ""
    allowance: Decimal | None = None
    expires_at: datetime | None = None
    topped_up_at: datetime | None = None
    level_after_top_up: Decimal | None = None
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Low is less than `below`; only a top-up to `rearm_at` arms again. Percent of the allowance, or amounts.

    `balance_type` and `plan` narrow it down; empty means all. Letter case does not matter.
    """

    below: Decimal
    rearm_at: Decimal
    percent: bool = False
    balance_type: str = ""
    plan: str = ""

    def level(self, share: Decimal, facts: BalanceFacts) -> Decimal | None:
        """`share` in the balance's own unit; None for a percentage of no allowance."""
        if not self.percent:
            return share
        return None if facts.allowance is None else facts.allowance * share / 100


@dataclass(frozen=True, slots=True)
class BalanceRules:
    """What the operator configured."""

    thresholds: tuple[Threshold, ...] = ()
    announce_expired: bool = True
    expired_within: timedelta = timedelta(days=7)
    excluded_customers: frozenset[str] = frozenset()


class Alert(StrEnum):
    """What there is to say about a balance."""

    LOW = "low"
    EXPIRED = "expired"


class Quietly(StrEnum):
    """Why a balance gets no alert now. Operators count and read these words."""

    ENOUGH = "enough"
    NO_THRESHOLD = "no_threshold"
    NO_ALLOWANCE = "no_allowance"
    ALREADY_SAID = "already_said"
    EXCLUDED = "excluded"
    LONG_EXPIRED = "long_expired"
    EXPIRED_SILENTLY = "expired_silently"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Silent:
    """No alert now. `sentence` says why in plain words, with nothing personal in it."""

    why: Quietly
    sentence: str


@dataclass(frozen=True, slots=True)
class Say:
    """One alert, its idempotency key, and for a low balance the level that it fell below, in its own unit."""

    alert: Alert
    key: str
    threshold: Decimal | None = None


def balance_key(alert: Alert, balance_id: str, since: datetime) -> str:
    """The key of this alert: the same from a scan and from OmniCRM's own real-time alert.

    `since` is the expiry for EXPIRED, and `armed_since` for LOW; whole seconds of UTC count.
    """
    return f"balance-{alert}:{balance_id}:{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"


_KEY = re.compile(r"(balance-(low|expired):(.+):(\d{8}T\d{6}Z))(?:#(.+))?")


@dataclass(frozen=True, slots=True)
class AlertKey:
    """What an alert's idempotency key says.

    `key` is the alert's own; the message's has the `recipient` after it where one job tells several people.
    """

    key: str
    alert: Alert
    balance_id: str
    since: datetime
    recipient: str = ""


def read_balance_key(key: str) -> AlertKey | None:
    """What this idempotency key says, or None where it is no alert's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        since = datetime.strptime(match[4], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return AlertKey(match[1], Alert(match[2]), match[3], since, match[5] or "")


def decide(
    facts: BalanceFacts | None, rules: BalanceRules, now: datetime, said_low_at: datetime | None = None
) -> Say | Silent:
    """The one alert that this balance is due for at `now`, or why none. Asked again just before sending.

    `said_low_at` is when a low alert for this balance was last written down, by scan or in real time; None
    for never, and when asking again for an alert that is itself the one written down. `facts` is None where
    the CRM does not know the balance any more.
    """
    if facts is None:
        return Silent(Quietly.GONE, "The CRM does not know this balance any more.")
    if facts.customer_id in rules.excluded_customers:
        return Silent(Quietly.EXCLUDED, "The customer is excluded from balance alerts in the configuration.")
    if facts.expires_at is not None and facts.expires_at <= now:
        return _expired(facts, facts.expires_at, rules, now)
    return _low(facts, rules, said_low_at)


def threshold_for(facts: BalanceFacts, thresholds: Iterable[Threshold]) -> Threshold | None:
    """The most telling threshold that fits: type and plan, then plan, then type, then neither."""
    fitting = [line for line in thresholds if _fits(line.balance_type, facts.balance_type)]
    fitting = [line for line in fitting if _fits(line.plan, facts.plan)]
    return max(fitting, key=lambda line: (bool(line.plan), bool(line.balance_type)), default=None)


def armed_since(facts: BalanceFacts, threshold: Threshold) -> datetime:
    """Since when this balance may be said to be low, once.

    A top-up that leaves the balance under `rearm_at` arms nothing, so that a balance that hovers around its
    threshold does not nag. Where the CRM does not say how high a top-up went, it arms.
    """
    if facts.topped_up_at is None or facts.topped_up_at <= facts.period_start:
        return facts.period_start
    enough = threshold.level(threshold.rearm_at, facts)
    reached = facts.level_after_top_up
    hovers = enough is not None and reached is not None and reached < enough
    return facts.period_start if hovers else facts.topped_up_at


def _expired(facts: BalanceFacts, expired_at: datetime, rules: BalanceRules, now: datetime) -> Say | Silent:
    if not rules.announce_expired:
        return Silent(Quietly.EXPIRED_SILENTLY, "Expired balances are not announced here.")
    if now - expired_at > rules.expired_within:
        return Silent(Quietly.LONG_EXPIRED, f"It expired more than {rules.expired_within.days} days ago.")
    return Say(Alert.EXPIRED, balance_key(Alert.EXPIRED, facts.balance_id, expired_at))


def _low(facts: BalanceFacts, rules: BalanceRules, said_low_at: datetime | None) -> Say | Silent:
    threshold = threshold_for(facts, rules.thresholds)
    if threshold is None:
        return Silent(Quietly.NO_THRESHOLD, "No threshold is configured for this type and plan.")
    level = threshold.level(threshold.below, facts)
    if level is None:
        return Silent(
            Quietly.NO_ALLOWANCE, "The threshold is a percentage, but the balance has no allowance."
        )
    if facts.amount >= level:
        return Silent(Quietly.ENOUGH, f"It is not below {level.normalize():f}.")
    since = armed_since(facts, threshold)
    if said_low_at is not None and said_low_at >= since:
        return Silent(Quietly.ALREADY_SAID, f"It was said on {said_low_at:%Y-%m-%d}, and no top-up followed.")
    return Say(Alert.LOW, balance_key(Alert.LOW, facts.balance_id, since), level)


def _fits(wanted: str, actual: str) -> bool:
    return not wanted or wanted.casefold() == actual.casefold()

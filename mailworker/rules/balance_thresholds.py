"""Which balance alert is due, if any, and why not where none.

A balance is *armed* when its period begins, and again by a top-up that lifts it clearly over its threshold.
While armed it may be alerted as low once for each threshold. The key is made of facts that OmniCRM has too,
so that its own real-time alerts and our scan use the same one and the customer gets it once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from mailworker.core.plural import counted
from mailworker.rules.balance_key import Alert, balance_key
from mailworker.rules.crm_facts import BalanceFacts


@dataclass(frozen=True, slots=True)
class Threshold:
    """Low is less than `below`; only a top-up to `rearm_at` arms again. Percent of the allowance, or amounts.

    Several of the same type and plan are alerted one after the other, each once.

    `balance_type` and `plan` narrow it down; empty means all. Letter case does not matter.
    """

    below: Decimal
    rearm_at: Decimal
    percent: bool = False
    balance_type: str = ""
    plan: str = ""

    @property
    def below_text(self) -> str:
        """`below` as keys have it: 5% or 2.5."""
        return f"{self.below.normalize():f}{'%' if self.percent else ''}"

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


class NoAlertReason(StrEnum):
    """Why a balance gets no alert now. Operators count and read these words."""

    ENOUGH = "enough"
    NO_THRESHOLD = "no_threshold"
    NO_ALLOWANCE = "no_allowance"
    ALREADY_NOTIFIED = "already_said"
    EXCLUDED = "excluded"
    LONG_EXPIRED = "long_expired"
    EXPIRED_SILENTLY = "expired_silently"
    OLD_NEWS = "old_news"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class NoAlert:
    """No alert now. `sentence` is why in plain words, with nothing personal in it."""

    why: NoAlertReason
    sentence: str


@dataclass(frozen=True, slots=True)
class AlertDue:
    """One alert, its idempotency key, and for a low balance the level that it fell below, in its own unit.

    `implied` are the keys of higher thresholds that it fell below as well, with their levels: covered by this
    one, not after it.
    """

    alert: Alert
    key: str
    threshold: Decimal | None = None
    implied: Mapping[str, Decimal] = field(default_factory=dict)

    def under_key(self, key: str) -> "AlertDue":
        """The same, for a mail that was written under this key: its own, or an implied one's."""
        return self if key == self.key else replace(self, key=key, threshold=self.implied[key], implied={})


_NOTHING: Mapping[str, datetime] = MappingProxyType({})


def decide(
    facts: BalanceFacts | None,
    rules: BalanceRules,
    now: datetime,
    low_notified_at: datetime | None = None,
    notified_below: Mapping[str, datetime] = _NOTHING,
) -> AlertDue | NoAlert:
    """The one alert that this balance is due for at `now`, or why none. Asked again just before sending.

    `low_notified_at` is when a low alert for this balance was last written, by scan or in real time; None for
    never, and at the recheck of an alert that is itself the one written. `notified_below` has the same
    of each lower threshold. `facts` is None where the CRM does not know the balance any more.
    """
    if facts is None:
        return NoAlert(NoAlertReason.GONE, "The CRM does not know this balance any more.")
    if facts.customer_id in rules.excluded_customers:
        return NoAlert(
            NoAlertReason.EXCLUDED, "The customer is excluded from balance alerts in the configuration."
        )
    if facts.expires_at is not None and facts.expires_at <= now:
        return _expired(facts, facts.expires_at, rules, now)
    notified = dict(notified_below) | ({"": low_notified_at} if low_notified_at else {})
    return _low(facts, rules, notified)


def thresholds_for(facts: BalanceFacts, thresholds: Iterable[Threshold]) -> list[Threshold]:
    """The most specific thresholds that fit: of type and plan, then plan, then type, then neither."""
    fitting = [line for line in thresholds if _fits(line.balance_type, facts.balance_type)]
    fitting = [line for line in fitting if _fits(line.plan, facts.plan)]
    best = max((_specificity(line) for line in fitting), default=None)
    return [line for line in fitting if _specificity(line) == best]


def armed_since(facts: BalanceFacts, threshold: Threshold) -> datetime:
    """Since when this balance may be alerted as low, once.

    A top-up that leaves the balance under `rearm_at` arms nothing, so that a balance that hovers around its
    threshold does not nag. Where the CRM does not give how high a top-up went, it arms.
    """
    enough = threshold.level(threshold.rearm_at, facts)
    reached = facts.level_after_top_up
    hovers = enough is not None and reached is not None and reached < enough
    if facts.topped_up_at is None or hovers:
        return facts.period_start
    return max(facts.topped_up_at, facts.period_start)


def _expired(
    facts: BalanceFacts, expired_at: datetime, rules: BalanceRules, now: datetime
) -> AlertDue | NoAlert:
    if not rules.announce_expired:
        return NoAlert(NoAlertReason.EXPIRED_SILENTLY, "Expired balances are not announced here.")
    if now - expired_at > rules.expired_within:
        return NoAlert(
            NoAlertReason.LONG_EXPIRED,
            f"It expired more than {counted(rules.expired_within.days, 'day')} ago.",
        )
    return AlertDue(Alert.EXPIRED, balance_key(Alert.EXPIRED, facts.balance_id, expired_at))


def _low(facts: BalanceFacts, rules: BalanceRules, notified: Mapping[str, datetime]) -> AlertDue | NoAlert:
    lines = thresholds_for(facts, rules.thresholds)
    if not lines:
        return NoAlert(NoAlertReason.NO_THRESHOLD, "No threshold is configured for this type and plan.")
    levels = sorted(
        ((level, line) for line in lines if (level := line.level(line.below, facts)) is not None),
        key=lambda one: -one[0],
    )
    if not levels:
        return NoAlert(
            NoAlertReason.NO_ALLOWANCE, "The threshold is a percentage, but the balance has no allowance."
        )
    crossed = [one for one in levels if facts.amount < one[0]]
    if not crossed:
        return NoAlert(NoAlertReason.ENOUGH, f"It is not below {levels[0][0].normalize():f}.")
    level, line = crossed[-1]
    since = armed_since(facts, line)
    if since == facts.period_start and facts.amount_at_start is not None and facts.amount_at_start < level:
        return NoAlert(NoAlertReason.OLD_NEWS, "It was as low when this installation first looked at it.")
    notified_at = notified.get(_named(line, levels))
    if notified_at is not None and notified_at >= since:
        return NoAlert(
            NoAlertReason.ALREADY_NOTIFIED,
            f"An alert was written on {notified_at:%Y-%m-%d}, and no top-up followed.",
        )
    implied = {_low_key(facts, one, levels): higher for higher, one in crossed[:-1]}
    return AlertDue(Alert.LOW, _low_key(facts, line, levels), level, implied)


def _low_key(facts: BalanceFacts, line: Threshold, levels: list[tuple[Decimal, Threshold]]) -> str:
    return balance_key(Alert.LOW, facts.balance_id, armed_since(facts, line), _named(line, levels))


def _named(line: Threshold, levels: list[tuple[Decimal, Threshold]]) -> str:
    """This threshold in a key; of the highest nothing, so that OmniCRM's own key is the same."""
    return "" if line is levels[0][1] else line.below_text


def _specificity(line: Threshold) -> tuple[bool, bool]:
    return bool(line.plan), bool(line.balance_type)


def _fits(wanted: str, actual: str) -> bool:
    return not wanted or wanted.casefold() == actual.casefold()

"""Is a balance alert that is about to leave still true: still low, still expired, at a decent hour?"""

from collections.abc import Collection
from datetime import datetime

from mailworker.errors import BadInput
from mailworker.rules.balance_key import Alert, AlertKey
from mailworker.rules.balance_thresholds import AlertDue, BalanceRules, NoAlert, decide
from mailworker.rules.crm_facts import BalanceFacts
from mailworker.rules.pre_send.verdicts import Cancel, Wait, closed, unreadable
from mailworker.rules.quiet_hours import Hours, not_before


def check_alert(
    balance: BalanceFacts | BadInput | None,
    key: AlertKey,
    *,
    sent: Collection[str],
    rules: BalanceRules,
    hours: Hours,
    now: datetime,
) -> Cancel | Wait | AlertDue:
    """Whether an alert of our own scan may leave: its content then, or why not.

    `sent` are the keys of all alerts about this balance.
    """
    if isinstance(balance, BadInput):
        return unreadable(now)
    verdict = decide(balance, rules, now)
    if isinstance(verdict, NoAlert):
        return Cancel(verdict.sentence)
    if key.key not in {verdict.key, *verdict.implied}:
        return Cancel("The balance was topped up, renewed or expired meanwhile.")
    if key.key != verdict.key and verdict.key in sent:
        return Cancel("A lower threshold was crossed meanwhile, and is told instead.")
    opens = not_before(now, hours, balance.timezone if balance else "")
    return closed(opens, now) or verdict.under_key(key.key)


def check_omnicrm_alert(
    balance: BalanceFacts | BadInput | None, key: AlertKey, accepted_at: datetime, now: datetime
) -> Cancel | None:
    """Whether an alert that OmniCRM enqueued may leave.

    OmniCRM knows best what is low and when to alert; but what came later than its alert ends it.
    """
    if not isinstance(balance, BalanceFacts):
        return None
    if key.alert is Alert.EXPIRED:
        renewed = balance.expires_at is None or balance.expires_at > now
        return Cancel("The balance was renewed meanwhile.") if renewed else None
    later = [at for at in (balance.topped_up_at, balance.period_start) if at and at > accepted_at]
    return Cancel("The balance was topped up or renewed meanwhile.") if later else None

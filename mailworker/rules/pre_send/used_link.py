"""Is the link in a password reset or a verification that is about to leave still of use?"""

from datetime import datetime

from mailworker.rules.crm_facts import Token
from mailworker.rules.job.idempotency_key import callers_key
from mailworker.rules.pre_send.verdicts import Cancel, Row


def check_token(token: Token | None, now: datetime) -> Cancel | None:
    """Whether a mail with this token's link may leave; one that the CRM does not know stops nothing."""
    if token is None:
        return None
    if token.used:
        return Cancel("its link was used meanwhile")
    expired = token.expires_at is not None and token.expires_at <= now
    return Cancel("its link has expired") if expired else None


def token_id(row: Row) -> str:
    """What follows the first colon of the caller's key, as `reset:4711`; empty without one."""
    return callers_key(row).partition(":")[2]

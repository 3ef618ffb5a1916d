"""How long a message is put off whose record makes no sense, or when no mail may leave."""

from datetime import datetime, timedelta

from mailworker.rules.pre_send.verdicts import Wait

#: How long a message waits about whose record nobody can make sense: a person has to mend it first.
UNREADABLE = timedelta(hours=1)


def unreadable(now: datetime) -> Wait:
    """The CRM's record is there, but makes no sense."""
    return Wait(now + UNREADABLE, "the CRM's record of it cannot be read")


def closed(opens: datetime, now: datetime) -> Wait | None:
    """Wait where customers are written to only from `opens` on."""
    return Wait(opens, "quiet hours, or a day on which nothing leaves") if opens > now else None

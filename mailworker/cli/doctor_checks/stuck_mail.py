"""Mail that does not leave: holds, what waits too long, what failed, what nobody knows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.age_in_words import age
from mailworker.core.lane import Lane
from mailworker.core.plural import counted
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_counts import (
    failed_since,
    oldest_in_state,
    oldest_ready,
    rejected_since,
    tried_again,
    unknown_because,
    unknown_outcomes,
    waiting_by_lane,
)
from mailworker.reconcile.unknown_messages import REFUSED_TO_BE_ASKED
from mailworker.rules.claimable_while_held import EVERYTHING, Hold
from mailworker.rules.late_after import LATE, STUCK

_CURES = {
    "accepted": "is a worker up for the queue render? `mailworker messages list --state accepted`",
    "rendering": "is a worker up for the queue render? `mailworker messages list --state rendering`",
    "sending": "is beat up? Its sweep takes back what dead workers held",
}
LATELY = timedelta(hours=24)


def hold_faults(connection: Connection) -> list[str]:
    """What is held, why, and how it ends."""
    return [_held(hold) for hold in current_holds(connection)]


def _held(hold: Hold) -> str:
    what = "All mail is held" if hold.scope == EVERYTHING else f"{hold.scope} is held"
    again = (
        f"mend the cause; a probe goes out at {hold.probe_at:%H:%M:%S} UTC and ends the hold if it passes"
        if hold.probe_at
        else "it ends only by hand"
    )
    reason = hold.reason.rstrip(".")
    since, cure = f"{hold.since:%Y-%m-%d %H:%M} UTC", f"mailworker holds release '{hold.scope}'"
    return f"{what} since {since}: {reason}; {again}: {cure}."


def waiting_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """What should have left long ago."""
    counts, since = waiting_by_lane(connection, now), oldest_ready(connection, now)
    for lane in Lane:
        if lane in since and now - since[lane] > LATE[lane]:
            yield (
                f"The oldest ready message of the {lane.word} lane has waited {age(now - since[lane])} "
                f"({counts[lane][0]} are ready): are there holds, workers and tokens? See above, "
                f"and `mailworker messages list --state ready --lane {lane.word}`."
            )
    for word, moment in oldest_in_state(connection, now).items():
        if word in _CURES and now - moment > STUCK:
            yield f"A message has been {word} for {age(now - moment)}: {_CURES[word]}."
    for reason, count in tried_again(connection):
        yield (
            f"{counted(count, 'message was', 'messages were')} tried three times or more, and "
            f"{'waits' if count == 1 else 'wait'} to be tried again: "
            f"{(reason or 'without a reason').rstrip('.')}. Mend the cause; then mail goes by itself."
        )


def unknown_faults(connection: Connection, now: datetime, last_lookup: timedelta) -> Iterator[str]:
    """Messages of unknown outcome: a note while Mailjet is asked, a fault after that or where it refuses."""
    refused, why = unknown_because(connection, REFUSED_TO_BE_ASKED)
    if refused and why:
        known = f"Nobody knows whether {counted(refused, 'message was', 'messages were')} sent"
        yield f"{known}. {why.rstrip('.')}: mend that; mailworker asks again every five minutes."
    count, oldest = unknown_outcomes(connection, except_because=REFUSED_TO_BE_ASKED)
    if not count or oldest is None:
        return
    sentence = (
        f"Nobody knows whether {counted(count, 'message was', 'messages were')} sent, "
        f"the oldest for {age(now - oldest)}"
    )
    if now - oldest <= last_lookup:
        yield Note(f"{sentence}: Mailjet is being asked.")
    else:
        yield (
            f"{sentence}: look for their ids at Mailjet; if they are not there: "
            "mailworker messages replay --unknown ID --yes. Which: mailworker messages list --state unknown."
        )


def failed_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """What failed for good within a day, by its reason, and jobs that became no message."""
    for reason, count in failed_since(connection, now - LATELY):
        yield (
            f"{count} failed within 24 h: {(reason or 'without a reason').rstrip('.')}. Mend the cause, then "
            "look at `mailworker messages replay` and do it with --yes."
        )
    if refused := rejected_since(connection, now - LATELY):
        yield (
            f"{counted(refused, 'job or event was', 'jobs or events were')} refused within 24 h: "
            "mailworker messages list --rejected."
        )

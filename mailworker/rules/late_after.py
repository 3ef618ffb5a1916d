"""From which age on what waits is a fault: for the doctor, the page and, as a test compares, the alerts."""

from datetime import timedelta

from mailworker.core.lane import Lane

#: How long a message may have been able to go, by lane; a contact as long as a message of the normal one.
LATE = {Lane.URGENT: timedelta(minutes=1), Lane.NORMAL: timedelta(minutes=15), Lane.BULK: timedelta(hours=6)}
#: How long a message may stand in a state that it should leave by itself.
STUCK = timedelta(minutes=10)
#: A worker looks at its stream at once, and every five seconds.
STREAM_LATE = timedelta(seconds=60)

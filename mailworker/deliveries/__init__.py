"""What happens once Mailjet has a mail: events, each recorded once, however late and in whatever order."""

from mailworker.deliveries.event_stream import AWAKE_FLAG, AWAKE_MS, DRAIN_TASK, STREAM, EventStream, seal
from mailworker.deliveries.recorder import Deliveries, Recorded

__all__ = [
    "AWAKE_FLAG",
    "AWAKE_MS",
    "DRAIN_TASK",
    "STREAM",
    "Deliveries",
    "EventStream",
    "Recorded",
    "seal",
]

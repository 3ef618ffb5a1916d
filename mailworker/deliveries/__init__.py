"""What happens once Mailjet has a mail: events, each recorded once, however late and in whatever order."""

from mailworker.deliveries.recorder import Deliveries, Recorded
from mailworker.deliveries.stream import AWAKE_FLAG, AWAKE_MS, DRAIN_TASK, STREAM, EventStream, seal

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

"""What happens once Mailjet has a mail: events, each recorded once, however late and in whatever order."""

from mailworker.deliveries.event_stream import EventStream
from mailworker.deliveries.record_events import Deliveries, Recorded

__all__ = ["Deliveries", "EventStream", "Recorded"]

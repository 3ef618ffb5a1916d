"""The one bucket of calls to Mailjet that all workers and all endpoints share."""

from mailworker.limits.call_bucket import Bucket, CallLane, Permit

__all__ = ["Bucket", "CallLane", "Permit"]

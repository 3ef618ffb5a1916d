"""The one bucket of calls to Mailjet that all workers and all endpoints share."""

from mailworker.limits.rate_limit import Bucket, CallLane, Permit

__all__ = ["Bucket", "CallLane", "Permit"]

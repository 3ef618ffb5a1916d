"""The one bucket of calls to Mailjet that all workers and all endpoints share."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.limits.rate_limit import Bucket, CallLane, Permit

__all__ = ["Bucket", "CallLane", "Permit"]

__getattr__ = lazy_exports(
    __name__, {"Bucket": "rate_limit", "CallLane": "rate_limit", "Permit": "rate_limit"}
)

"""The one bucket of calls to Mailjet that all workers and all endpoints share."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.limits.rate_limit_by_lane import Bucket, CallLane, NoCallFree, Permit, require_call

__all__ = ["Bucket", "CallLane", "NoCallFree", "Permit", "require_call"]

__getattr__ = lazy_exports(__name__, dict.fromkeys(__all__, "rate_limit_by_lane"))

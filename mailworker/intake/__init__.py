"""The only way in: check the job, write its row under its key, choose its lane."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.intake.accept import Intake
    from mailworker.intake.job_stream import JobsDrained, JobStream

__all__ = ["Intake", "JobStream", "JobsDrained"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Intake": "accept",
        "JobStream": "job_stream",
        "JobsDrained": "job_stream",
    },
)

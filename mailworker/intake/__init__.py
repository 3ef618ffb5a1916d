"""The only way in: check the job, write its row under its key, choose its lane."""

from mailworker.intake.accept import Intake
from mailworker.intake.job_stream import JobsDrained, JobStream

__all__ = ["Intake", "JobStream", "JobsDrained"]

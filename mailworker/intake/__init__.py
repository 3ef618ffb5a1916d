"""The only way in: check the job, write its row under its key, choose its lane."""

from mailworker.intake.accept import Intake
from mailworker.intake.stream import Drained, JobStream

__all__ = ["Drained", "Intake", "JobStream"]

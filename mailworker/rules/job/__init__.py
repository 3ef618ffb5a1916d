"""Is this a job we can do? The same check at the client and again at the worker."""

from mailworker.rules.job.check import check_job
from mailworker.rules.job.fingerprint import fingerprint

__all__ = ["check_job", "fingerprint"]

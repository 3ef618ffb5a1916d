"""Is this the same content as before?"""

import hashlib
import json
from dataclasses import asdict

from mailworker.message import Job
from mailworker.rules.balances import read_balance_key

_CONTENT = (
    "kind",
    "to",
    "cc",
    "bcc",
    "variables",
    "language",
    "customer_id",
    "attachments",
    "invoice",
    "invoice_id",
)


def fingerprint(job: Job) -> str:
    """A digest of what the mail says and to whom.

    When it goes is left out: a job that is repeated in doubt may carry a later time. Of a balance's alert
    only the key counts, for OmniCRM and our scan put the same thing in their own words.
    """
    if read_balance_key(job.key):
        return hashlib.sha256(job.key.encode()).hexdigest()
    content = asdict(job)
    text = json.dumps([content[name] for name in _CONTENT], sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()

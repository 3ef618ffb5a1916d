"""Is this the same content as before?"""

import hashlib
import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from mailworker.core.message import Job
from mailworker.rules.balance_key import read_balance_key

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


#: What an optional variable is filled with where the caller left it out.
_NOTHING: tuple[Any, ...] = ("", [], ())
#: Fingerprints of these kinds have always counted these, left out or not.
_ONCE_FILLED = {
    "api_crmCommunicationUserWelcome": ("temp_password",),
    "api_crmCommunicationUserPasswordResetSuccess": ("ip_address",),
    "api_crmCommunicationEmailVerification": ("verification_code",),
}


def fingerprint(job: Job) -> str:
    """A digest of the mail's content and recipients.

    When it goes is left out: a job that is repeated in doubt may carry a later time. Of a balance's alert
    only the key counts, for OmniCRM and our scan put the same thing in their own words.
    """
    if read_balance_key(job.key):
        return hashlib.sha256(job.key.encode()).hexdigest()
    content = [_variables(job) if name == "variables" else getattr(job, name) for name in _CONTENT]
    if not job.attachments:
        return hashlib.sha256(_AS_TEXT.encode(content).encode()).hexdigest()
    digest = hashlib.sha256()
    for piece in _AS_TEXT.iterencode(content):  # the same text; of a large file, two copies less at a time
        digest.update(piece.encode())
    return digest.hexdigest()


def _variables(job: Job) -> dict[str, Any]:
    """Those that are filled: so a job is still the same after its kind got a new optional one."""
    filled = {name: value for name, value in job.variables.items() if value not in _NOTHING}
    return dict.fromkeys(_ONCE_FILLED.get(job.kind, ()), "") | filled


def _plain(value: Any) -> Any:
    """As `dataclasses.asdict` has it, without its deep copy: that took half of the time to write a row."""
    type_: Any = type(value)
    names = _names(type_)
    return {name: getattr(value, name) for name in names} if names else str(value)


@cache
def _names(type_: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(type_)) if is_dataclass(type_) else ()


_AS_TEXT = json.JSONEncoder(sort_keys=True, default=_plain, ensure_ascii=False)

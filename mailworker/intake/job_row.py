"""A job as a row of the ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.message import Address, AttachmentRef, Job
from mailworker.core.states import State
from mailworker.rules.fill_call import content_bytes
from mailworker.rules.job.fingerprint import fingerprint


def row_of(job: Job, files: Sequence[AttachmentRef], now: datetime) -> dict[str, Any]:
    """The row to insert. Its state is `accepted` where its invoice has to be prepared first, else `ready`."""
    recipients = 1 + len(job.cc) + len(job.bcc)
    return {
        "id": job.id,
        "idempotency_key": job.key,
        "recipient_key": job.recipient_key,
        "fingerprint": fingerprint(job),
        "kind": job.kind,
        "lane": int(job.lane),
        "language": job.language,
        "customer_id": job.customer_id,
        "to_email": job.to.email if job.to else None,
        "to_canonical": canonical_address(job.to.email) if job.to else None,
        "to_name": job.to.name if job.to else None,
        "cc": addresses_json(job.cc),
        "bcc": addresses_json(job.bcc),
        "variables": dict(job.variables),
        "invoice": dict(job.invoice) if job.invoice else None,
        "invoice_id": job.invoice_id,
        "attachments": files_json(files),
        "recipients": recipients,
        "content_bytes": content_bytes(job.variables, base64_bytes(files), recipients=recipients),
        "batch_limit": 50,
        "state": str(State.ACCEPTED if job.needs_preparing else State.READY),
        "not_before": job.send_at if job.send_at and job.send_at > now else now,
        "expires_at": job.expires_at,
        "attempts": 0,
        "lookups": 0,
        "step": None,
        "accepted_at": now,
        "changed_at": now,
    }


def base64_bytes(files: Sequence[AttachmentRef]) -> list[int]:
    """How long each file is in base64 (RFC 4648: four characters for every three bytes, begun or full)."""
    return [4 * -(-file.size // 3) for file in files]


def addresses_json(addresses: Sequence[Address]) -> list[dict[str, str]] | None:
    """Addresses as the ledger keeps them."""
    return [{"email": a.email, "name": a.name} for a in addresses] or None


def files_json(files: Sequence[AttachmentRef]) -> list[dict[str, Any]] | None:
    """References to attachments as the ledger keeps them."""
    names = ("key", "filename", "content_type", "size", "sha256")
    return [{name: getattr(file, name) for name in names} for file in files] or None

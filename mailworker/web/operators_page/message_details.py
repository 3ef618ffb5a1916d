"""What a message's own page shows: its facts, its variables with the secret ones masked, its timeline."""

import json
from typing import Any

from mailworker.core.lane import Lane
from mailworker.core.readable_size import readable_size
from mailworker.ledger.message_search import Story
from mailworker.rules.secret_variables import masked
from mailworker.web.operators_page.list_rows import (
    Row,
    row_view,
)
from mailworker.web.operators_page.page_format import (
    PageFormat,
    tone,
)

MASKED = "••••••"


def message_view(found: Story, words: PageFormat) -> dict[str, Any]:
    """A message's own page."""
    row = found.message
    variables = masked(words.kinds.get(row["kind"]), row["variables"], MASKED)
    return {
        **row_view(row, words),
        "name": row["to_name"] or "",
        "suppressed": found.suppressed,
        "facts": [(label, value) for label, value in _facts(row, words) if value],
        "copies": _addresses(row["cc"]) + _addresses(row["bcc"]),
        "files": files_of(row),
        "variables": [(name, _shown(value)) for name, value in variables.items()],
        "timeline": [
            {
                "at": words.moment(one["at"]),
                "what": one["what"],
                "tone": tone(one["what"]),
                "why": one["why"] or "",
            }
            for one in found.timeline
        ],
        "attempts_made": [
            {
                "at": words.moment(one["started_at"]),
                "took": f"{(one['finished_at'] - one['started_at']).total_seconds():.2f} s",
                "outcome": one["outcome"],
                "tone": tone(one["outcome"]),
                "code": one["code"] or "",
                "why": one["why"] or "",
                "call": one["call_id"],
            }
            for one in found.attempts
        ],
    }


def files_of(row: Row) -> list[tuple[str, str]]:
    """The names of its attachments, and how large they are."""
    return [(file["filename"], readable_size(file["size"])) for file in row["attachments"] or ()]


def _facts(row: Row, words: PageFormat) -> list[tuple[str, str]]:
    return [
        ("Kind", row["kind"]),
        ("Lane", Lane(row["lane"]).word),
        ("Language", row["language"]),
        ("Customer", row["customer_id"] or ""),
        ("Invoice", row["invoice_id"] or ""),
        ("Idempotency key", row["idempotency_key"]),
        ("Accepted", words.moment(row["accepted_at"])),
        ("Not before", words.moment(row["not_before"])),
        ("Expires", words.moment(row["expires_at"])),
        ("Attempts", str(row["attempts"])),
        ("Look-ups", str(row["lookups"] or "")),
        ("Mailjet MessageID", str(row["mailjet_id"] or "")),
        ("Mailjet MessageUUID", row["mailjet_uuid"] or ""),
    ]


def _addresses(kept: list[dict[str, str]] | None) -> list[str]:
    return [one["email"] for one in kept or ()]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

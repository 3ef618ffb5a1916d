"""Will the mail fit? The size of the whole message decides, as Mailjet counts it: after base64."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mailworker.errors import TooLarge
from mailworker.invoices.render_process.result import RenderedInvoice

#: JSON around one attachment: its keys, its type, its name.
_ENVELOPE = 200


def encoded_size(raw: int) -> int:
    """How many bytes this many bytes take in base64 (RFC 4648: four for every three, begun or full)."""
    return 4 * -(-raw // 3)


def message_size(pdf: int, others: int) -> int:
    """The size of a message with this PDF, `others` being what the rest of it weighs as it is sent."""
    return encoded_size(pdf) + _ENVELOPE + others


@dataclass(frozen=True, slots=True)
class Fitted:
    """The PDF to attach, or None where the mail goes out with its link alone.

    `note` is the reason, for the message's timeline; else empty.
    """

    attachment: RenderedInvoice | None
    note: str


def fit(
    full: RenderedInvoice,
    shrink: Callable[[], RenderedInvoice],
    *,
    others: int,
    limit: int,
    policy: Literal["link", "fail"],
) -> Fitted:
    """Make the attachment fit: as it is, else smaller, else by policy. TooLarge where the policy is to fail.

    `shrink` renders the same invoice small (`InvoiceRenderer.render(..., small=True)`), and is called only
    when needed. `others` and `limit` are bytes of the message as it is sent.
    """
    if message_size(len(full.pdf), others) <= limit:
        return Fitted(full, "")
    small = shrink()
    size = message_size(len(small.pdf), others)
    if size <= limit:
        return Fitted(small, f"The PDF was made smaller, from {len(full.pdf)} to {len(small.pdf)} bytes.")
    if policy == "fail":
        raise TooLarge(
            f"The message would have {size} bytes with its invoice; the most is {limit} "
            "(invoice.oversize: fail)."
        )
    return Fitted(
        None, f"The message would have {size} bytes, the most is {limit}: sent with the link instead."
    )

"""What a render gives."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RenderedInvoice:
    """A finished PDF. `filename` is plain ASCII; `sha256` names the very bytes, for the message's timeline."""

    pdf: bytes = field(repr=False)
    filename: str
    sha256: str

"""What a render gives."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RenderedInvoice:
    """A finished PDF.

    `filename` is plain ASCII; `sha256` names the very bytes, for the message's timeline; `warnings` are
    sentences for the operator about what the page does not show as it should.
    """

    pdf: bytes = field(repr=False)
    filename: str
    sha256: str
    warnings: tuple[str, ...] = ()

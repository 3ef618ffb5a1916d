"""The payment QR code: a SEPA transfer where there is an IBAN, else the link to pay."""

from decimal import Decimal
from io import BytesIO

import segno
from PIL import Image

#: The EPC's limits for a SEPA credit transfer in a QR code (EPC069-12, version 2.1).
_EPC_MAX = Decimal("999999999.99")
_EPC_NAME = 70
_EPC_TEXT = 140


def epc_payload(*, name: str, iban: str, bic: str, amount: Decimal, reference: str) -> str | None:
    """The text of EPC069-12 for a transfer in euros; None for what it cannot carry."""
    if not Decimal("0.01") <= amount <= _EPC_MAX:
        return None
    text = reference[:_EPC_TEXT]
    fields = ("BCD", "002", "1", "SCT", bic, name[:_EPC_NAME], iban, f"EUR{amount:.2f}", "", "", text)
    return "\n".join(fields)


def qr_picture(payload: str) -> bytes:
    """The code as a grey JPEG, level M as EPC069-12 asks.

    One module is one block of 8 by 8 pixels, which is JPEG's own unit: every block is flat, so nothing blurs,
    and WeasyPrint passes a JPEG through untouched (the same code as SVG takes it 30 ms to draw).
    The mask is fixed: readers take any, and trying all eight takes 10 ms.
    """
    code = segno.make(payload, error="m", micro=False, boost_error=False, mask=3)
    size = len(code.matrix)
    cells = bytes(0 if dark else 255 for row in code.matrix for dark in row)
    picture = Image.frombytes("L", (size, size), cells).resize((size * 8, size * 8), Image.Resampling.NEAREST)
    out = BytesIO()
    picture.save(out, "JPEG", quality=50)
    return out.getvalue()

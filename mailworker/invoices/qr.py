"""The payment QR code: a SEPA transfer where there is an IBAN, else the link to pay."""

from decimal import Decimal

import segno

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


def qr_path(payload: str) -> tuple[int, str]:
    """The code as one SVG path of dark runs, with its side in modules; level M as EPC069-12 asks."""
    matrix = segno.make(payload, error="m", micro=False, boost_error=False).matrix
    runs: list[str] = []
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if x > start:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
            x += 1
    return len(matrix), "".join(runs)

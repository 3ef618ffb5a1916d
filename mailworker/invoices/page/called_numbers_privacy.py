"""Which calls the detail prints, and how much of each called number.

Sources: arrêté du 31 décembre 2013 on invoices of electronic communications (a detailed invoice has the last
four digits of called numbers only where its holder asks for them); directive (EU) 2018/1972, annex VI, part A
(calls that are free for the caller, helplines among them, do not stand in itemised bills).
"""

import re
from dataclasses import replace

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.model import Invoice, Usage

_HIDDEN = 4
#: Numbers that are free to call in France: 0800 to 0805, emergency services, and the State's helplines.
_FREE = re.compile(
    r"(?:0|33|0033)80[0-5]\d{6}|1[578]|11[2459]|116\d{3}|19[167]|30(?:18|20|39|77)|3114|3919|3237"
)


def printed_usage(invoice: Invoice, settings: InvoiceSettings) -> tuple[Usage, ...]:
    """The usage rows as the page may show them; their sum stays the same."""
    if not is_private(invoice, settings):
        return invoice.usage
    shown = (row for row in invoice.usage if row.amount or not is_free(row.party))
    return tuple(replace(row, party=masked_number(row.party)) for row in shown)


def is_private(invoice: Invoice, settings: InvoiceSettings) -> bool:
    """Whether called numbers are hidden: as configured; else, but for businesses, unless asked for."""
    if settings.call_numbers != "auto":
        return settings.call_numbers == "masked"
    return not invoice.client.is_organisation and not invoice.full_call_numbers


def is_free(party: str) -> bool:
    """Whether a called number costs its caller nothing, wherever they call from."""
    return bool(_FREE.fullmatch(re.sub(r"\D", "", party)))


def masked_number(party: str) -> str:
    """A called number without its last four digits; names and short codes stay as they are."""
    digits = sum(letter.isdigit() for letter in party)
    if digits < 2 * _HIDDEN:
        return party
    kept, shown = digits - _HIDDEN, []
    for letter in party:
        if letter.isdigit():
            kept -= 1
        shown.append("x" if letter.isdigit() and kept < 0 else letter)
    return "".join(shown)

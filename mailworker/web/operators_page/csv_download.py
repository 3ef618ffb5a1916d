"""A list of messages as a file for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from mailworker.core.spreadsheet import cell
from mailworker.ledger.delivery_events import DeliveryNews
from mailworker.web.operators_page.list_rows import row_view
from mailworker.web.operators_page.page_format import PageFormat

Row = Mapping[str, Any]
#: Rows that one download has at most; `mailworker messages export` has no end.
MOST_ROWS = 10_000
FILE_NAME = "messages.csv"
_COLUMNS = (
    "id",
    "kind",
    "lane",
    "to",
    "state",
    "delivery",
    "reason",
    "attempts",
    "accepted",
    "changed",
    "told_at",
)


def as_csv(rows: Iterable[Row], words: PageFormat, news: Mapping[str, DeliveryNews]) -> str:
    """The rows of the list, a line each, times in the operator's zone; no variable is among them.

    It begins with a byte order mark, without which spreadsheets read accents wrongly.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        shown = row_view(row, words, news=news)
        if shown["told"]:
            shown["reason"] += f": {shown['told']}"
        writer.writerow(["" if shown[name] is None else cell(str(shown[name])) for name in _COLUMNS])
    return "\ufeff" + out.getvalue()

"""Messages as a spreadsheet's file."""

import csv
import io

from mailworker.web.operators_page.csv_download import as_csv
from mailworker.web.operators_page.views import PageFormat
from tests.rows import row
from tests.unit.test_mail_truth import SETTINGS


def test_a_formula_in_a_reason_is_text_and_accents_are_marked():
    given = row("m1") | {"reason": "=HYPERLINK(1)", "to_email": "zoé@client.example", "delivery": None}
    text = as_csv([given], PageFormat(SETTINGS))
    assert text[0] == "\ufeff"
    (line,) = csv.DictReader(io.StringIO(text[1:]))
    assert (line["reason"], line["to"], line["delivery"]) == ("'=HYPERLINK(1)", "zoé@client.example", "")

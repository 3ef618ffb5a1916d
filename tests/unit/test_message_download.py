"""Messages as a spreadsheet's file."""

import csv
import io

from mailworker.ledger.delivery_events import DeliveryNews
from mailworker.web.operators_page.csv_download import as_csv
from mailworker.web.operators_page.page_format import PageFormat
from tests.rows import NOW, row
from tests.unit.test_mail_truth import SETTINGS


def test_a_formula_in_a_reason_is_text_and_accents_are_marked():
    given = row("m1") | {"reason": "=HYPERLINK(1)", "to_email": "zoé@client.example", "delivery": None}
    text = as_csv([given], PageFormat(SETTINGS), {})
    assert text[0] == "\ufeff"
    (line,) = csv.DictReader(io.StringIO(text[1:]))
    assert (line["reason"], line["to"], line["delivery"]) == ("'=HYPERLINK(1)", "zoé@client.example", "")


def test_a_bounced_mail_says_so_in_mailjets_words_and_when():
    given = row("m1") | {"state": "sent", "reason": "accepted by Mailjet", "delivery": "bounced"}
    text = as_csv([given], PageFormat(SETTINGS), {"m1": DeliveryNews(NOW, "user unknown")})
    (line,) = csv.DictReader(io.StringIO(text[1:]))
    assert line["reason"] == "the recipient's server refused it for good: user unknown"
    assert line["told_at"] == "2026-11-30 10:00:00"

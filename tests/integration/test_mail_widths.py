"""Our templates in a browser: at no width does a mail scroll sideways, and none is as long as what Gmail cuts."""

import pytest

from mailworker.config.builtin_kinds import INVOICE_REMINDER, KINDS
from mailworker.crm.records import CrmInvoice
from mailworker.reminders.reminder_variables import ReminderFacts, variables
from mailworker.templates.shipped_templates import LANGUAGES
from tests.browser import BROWSER, in_frames
from tests.unit.test_mail_truth import Letter, invoice, sample_variables

pytestmark = pytest.mark.integration

WIDTHS = (320, 380, 600)
#: Gmail shows no more of a mail than this.
GMAIL = 102_000
_MEASURE = "one => [one.contentDocument.documentElement.scrollWidth, one.clientWidth]"


def pages():
    long = {
        "customer_name": "SOCIÉTÉ D’EXPLOITATION DES ÉTABLISSEMENTS VANDENBROUCKE-LEFÈVRE & FILS (S.A.S.U.)"
    }
    for language in LANGUAGES:
        for kind in KINDS:
            sample = sample_variables(kind, language)
            yield f"{kind} {language}", Letter(kind, sample, language).page
            extreme = {name: value for name, value in long.items() if name in sample}
            extreme |= (
                {"company_name": "Elektrizitätsversorgungsgesellschaft"} if "company_name" in sample else {}
            )
            extreme |= {"email": f"{'a' * 60}@{'b' * 60}.example"} if "email" in sample else {}
            extreme |= (
                {"ip_address": "2001:0db8:85a3:0000:0000:8a2e:0370:7334"} if "ip_address" in sample else {}
            )
            yield f"{kind} {language}, long", Letter(kind, sample | extreme, language).page
        several: list[CrmInvoice] = [invoice(invoice_id=str(n), number=f"FA-2026-{n:020}") for n in range(4)]
        given = variables(several, ReminderFacts(8, portal_url="https://portal.example"), language=language)
        yield f"several {language}", Letter(INVOICE_REMINDER, given, language).page


PAGES = dict(pages())


def test_no_mail_is_as_long_as_what_gmail_cuts():
    assert max(len(page.encode()) for page in PAGES.values()) < GMAIL / 4


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_no_mail_scrolls_sideways(tmp_path):
    told = in_frames(tmp_path, PAGES, WIDTHS, _MEASURE)
    assert [(name, there) for name, (there, wide) in told if there > wide] == []


#: Dates, amounts and quantities that stand on more than one line, though a line has room for them.
_BROKEN = """one => [...one.contentDocument.querySelectorAll("span[style='display:inline-block;']")].filter(it => {
  const words = one.contentDocument.createRange(); words.selectNodeContents(it);
  const lines = new Set([...words.getClientRects()].map(it => Math.round(it.top)));
  const text = one.contentDocument.createElement("span"); text.style.whiteSpace = "nowrap"; text.textContent = it.textContent;
  it.parentNode.insertBefore(text, it); const whole = text.getBoundingClientRect().width; text.remove();
  const style = one.contentWindow.getComputedStyle(it.parentNode);
  const room = it.parentNode.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return lines.size > 1 && whole < room;
}).map(it => it.textContent)"""


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_no_date_and_no_amount_breaks_where_a_line_has_room_for_it(tmp_path):
    named = {name: page for name, page in PAGES.items() if not name.endswith("long")}
    assert all("display:inline-block;" in page for name, page in named.items() if "Balance" in name)
    assert [(name, there) for name, there in in_frames(tmp_path, named, WIDTHS, _BROKEN) if there] == []

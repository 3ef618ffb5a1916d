"""Our templates in a browser: at no width does a mail scroll sideways, and none is as long as what Gmail cuts."""

import pytest

from mailworker.config.builtin_kinds import INVOICE_REMINDER, KINDS
from mailworker.crm.records import CrmInvoice
from mailworker.reminders.variables import ReminderFacts, variables
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

"""How long a scan of open invoices takes, and that the last hundred thousand cost what the first did."""

import resource
import time
from datetime import UTC, date, datetime

import pytest

from mailworker.config.crm import CrmSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.crm import open_source
from mailworker.crm.demo import Size, make_demo
from mailworker.rules.reminder_due import decide
from mailworker.scans.rules_from_settings import hours_of, ladder_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

LAP = 100_000
LAPS = 10


@pytest.mark.parametrize("by_customer", [False, True])
def test_a_million_open_invoices(tmp_path_factory, capsys, by_customer):
    path = tmp_path_factory.getbasetemp() / "million.sqlite"
    if not path.exists():
        make_demo(path, date(2026, 11, 23), Size(LAP * LAPS // 4, 4, all_open=True))
    settings = CrmSettings(source="demo", demo={"path": path})
    ladder, hours = ladder_of(ReminderSettings()), hours_of(ReminderSettings(), settings.timezone)
    crm, now, seen, laps = open_source(settings), datetime(2026, 11, 23, 9, tzinfo=UTC), 0, []
    start = time.perf_counter()
    for page in crm.open_invoices(by_customer=by_customer):
        for invoice in page.records:
            decide(invoice, ladder, (), hours, now)
        seen += len(page.records)
        if seen % LAP == 0:
            laps.append(time.perf_counter() - start - sum(laps))
    crm.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with capsys.disabled():
        order = "by customer" if by_customer else "by invoice"
        print(  # noqa: T201 - the benchmark's answer
            f"\n{seen:,} open invoices {order}: {sum(laps) / len(laps):.1f} s per {LAP:,} read and decided, "
            f"last/first {laps[-1] / laps[0]:.2f}, peak {memory} MB"
        )
    assert seen == LAP * LAPS

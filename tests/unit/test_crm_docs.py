"""The guides' examples work, and their tables are true."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from mailworker.config.balances import BalanceSettings
from mailworker.config.crm import CrmSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.crm.records import Balance, CrmContact, CrmInvoice, Customer, Exclusion, Token
from mailworker.crm.row_parser import Reader
from mailworker.rules.reminder_due import Why

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = {"crm": CrmSettings, "reminders": ReminderSettings, "balances": BalanceSettings}
RECORDS = {
    "invoices": CrmInvoice,
    "balances": Balance,
    "customers": Customer,
    "changed_customers": Customer,
    "contacts": CrmContact,
    "exclusions": Exclusion,
    "tokens": Token,
}
EXAMPLES = [
    yaml.safe_load(block)
    for name in ("crm.md", "reminders.md")
    for block in re.findall(r"```yaml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: next(iter(example)))
def test_every_example_is_a_valid_block(example):
    for name, block in example.items():
        SECTIONS[name].model_validate(block)


@pytest.mark.parametrize("question", RECORDS)
def test_the_table_of_columns_is_complete(question):
    row = next(
        line
        for line in (DOCS / "crm.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{question}` |")
    )
    cells = row.split("|")[3:5]
    same = re.search(r"as `(\w+)`", cells[0])
    assert not same or RECORDS[same[1]] is RECORDS[question]
    if same:
        return
    required, optional = (re.findall(r"`(\w+)`", cell) for cell in cells)
    reader = Reader(RECORDS[question], ZoneInfo("UTC"), {})
    assert sorted(required) == sorted(reader.required)
    assert sorted(optional) == sorted(set(reader.columns) - set(reader.required))


def test_every_reason_is_explained():
    text = (DOCS / "reminders.md").read_text(encoding="utf-8")
    assert [why for why in Why if f"`{why}`" not in text] == []

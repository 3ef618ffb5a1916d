"""OmniCRM's rows by what was found of its database: asked, missing, looked for again, and let go of."""

from types import SimpleNamespace

import pytest

from mailworker.config.crm import CrmSettings
from mailworker.crm.omnicrm import database_rows as module
from mailworker.crm.omnicrm.database_rows import OmnicrmRows, Opened
from mailworker.crm.omnicrm.record_queries import Queries
from mailworker.crm.row_source_interface import LONG_AGO
from mailworker.errors import Misconfigured, Unreachable


class Sql:
    """Rows of SQL that answer, or raise."""

    engine = "engine"

    def __init__(self):
        self.fault, self.asked, self.closed = None, [], 0

    def _ask(self, *given):
        self.asked.append(given)
        if self.fault is not None:
            raise self.fault
        return ["row"]

    def pages(self, question, order, after):
        yield from self._ask("pages", question, order, after)

    def changed(self, since):
        yield from self._ask("changed", since)

    def of(self, question, ids):
        return self._ask("of", question, ids)

    def count(self, question):
        return len(self._ask("count", question))

    def check(self, question, required):
        return self._ask("check", question, required)

    def close(self):
        self.closed += 1


@pytest.fixture
def made(monkeypatch):
    """The rows, over a database in which services are missing; what was opened is kept."""
    opened = []

    def open_(_rows):
        queries = Queries({"invoices": "SELECT", "changed_customers": "SELECT"}, {"services": "no services"})
        opened.append(Opened("omnicrm", queries, Sql()))
        return opened[-1]

    monkeypatch.setattr(OmnicrmRows, "_open", open_)
    monkeypatch.setattr(module, "_lag", lambda engine: [f"lag of {engine}"])
    return SimpleNamespace(rows=OmnicrmRows(CrmSettings()), opened=opened)


def test_what_is_there_is_asked_for_and_the_database_opened_once(made):
    rows = made.rows
    rows.close()
    assert made.opened == []
    assert [rows.offers(one) for one in ("invoices", "services", "tokens")] == [True, True, False]
    assert (
        list(rows.pages("invoices", ("a",), (1,)))
        == list(rows.changed(LONG_AGO))
        == rows.of("invoices", [7])
        == ["row"]
    )
    assert rows.count("invoices") == 1
    (opened,) = made.opened
    assert opened.rows.asked == [
        ("pages", "invoices", ("a",), (1,)),
        ("changed", LONG_AGO),
        ("of", "invoices", [7]),
        ("count", "invoices"),
    ]
    rows.close()
    assert opened.rows.closed == 1


def test_the_doctor_hears_what_is_missing_or_of_the_lag(made):
    assert made.rows.check("services", ()) == ["no services"]
    assert made.rows.check("invoices", ("a",)) == ["row", "lag of engine"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda rows: list(rows.pages("services", ())),
        lambda rows: rows.of("services", [1]),
        lambda rows: rows.count("services"),
    ],
)
def test_what_is_missing_is_said_and_looked_for_again(made, ask):
    for times in (1, 2):
        with pytest.raises(Misconfigured, match="no services"):
            ask(made.rows)
        assert [one.rows.closed for one in made.opened] == [1] * times


@pytest.mark.parametrize(
    "ask",
    [
        lambda rows: list(rows.pages("invoices", ())),
        lambda rows: list(rows.changed(LONG_AGO)),
        lambda rows: rows.of("invoices", [1]),
    ],
)
@pytest.mark.parametrize(
    ("fault", "anew"), [(Misconfigured("no such column"), True), (Unreachable("away"), False)]
)
def test_after_a_refusal_the_names_are_looked_up_anew(made, ask, fault, anew):
    made.rows.opened().rows.fault = fault
    with pytest.raises(type(fault)):
        ask(made.rows)
    assert made.opened[0].rows.closed == anew
    assert (made.rows.opened() is made.opened[0]) is not anew

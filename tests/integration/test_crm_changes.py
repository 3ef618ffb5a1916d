"""What changed in the CRM's database since a moment, in every type of column that keeps moments."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, text

from mailworker.config.crm import CrmSettings
from mailworker.crm import open_source

pytestmark = pytest.mark.integration

QUERIES = {
    "customers": "SELECT id AS customer_id, name FROM client",
    "changed_customers": """
        SELECT id AS customer_id, name, changed AS updated_at FROM client
        WHERE changed >= :updated_since -- asked since when""",
}


@pytest.fixture(
    params=[("sqlite", "text"), ("fresh_postgres_url", "timestamp"), ("fresh_postgres_url", "timestamptz")],
    ids=["sqlite", "postgresql", "postgresql with zones"],
)
def url(request, tmp_path):
    source, column = request.param
    made = f"sqlite:///{tmp_path}/crm.sqlite" if source == "sqlite" else request.getfixturevalue(source)
    offset = "+01:00" if column == "timestamptz" else ""
    engine = create_engine(made)
    with engine.begin() as link:
        link.execute(text(f"CREATE TABLE client (id varchar(20) PRIMARY KEY, name text, changed {column})"))
        for number in range(5):
            clock = f"2026-11-30 {7 + number:02}:30:00{offset}"
            link.execute(text(f"INSERT INTO client VALUES ('C-{number}', 'Zoé', '{clock}')"))
    engine.dispose()
    return made


@pytest.mark.parametrize(
    ("clock", "ids"),
    [
        ("09:30:00", ["C-2", "C-3", "C-4"]),
        ("09:30:01", ["C-3", "C-4"]),
        ("12:00:00", []),
    ],
)
def test_changed_customers_are_asked_for_on_the_clock_of_the_crm(url, clock, ids):
    sql = {"url": url, "queries": QUERIES}
    crm = open_source(CrmSettings(source="sql", sql=sql, timezone="Europe/Paris", page_size=2))
    since = datetime.fromisoformat(f"2026-11-30T{clock}+01:00")
    pages = crm.changed_customers(since.astimezone(ZoneInfo("Indian/Reunion")))
    assert [one.customer_id for page in pages for one in page.records] == ids
    assert crm.check() == []
    crm.close()

"""The same questions to the same tables on SQLite, PostgreSQL and MariaDB."""

import json
import tracemalloc
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError

from mailworker.config.crm import CrmSettings
from mailworker.crm import open_source
from mailworker.crm.demo import Size, make_demo
from mailworker.crm.sql_connection import connect_read_only
from mailworker.errors import Misconfigured, Unreachable

pytestmark = pytest.mark.integration

TABLES = MetaData()
BILL = Table(
    "bill",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("client", String(20), index=True),
    Column("state", String(10)),
    Column("due", Date),
    Column("left_to_pay", Numeric(12, 2)),
    Column("paid_at", DateTime),
)
CLIENT = Table("client", TABLES, Column("id", String(20), primary_key=True), Column("name", String(50)))
PERSON = Table(
    "person",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("client", String(20)),
)

QUERIES = {
    "invoices": """
        SELECT bill.id AS invoice_id, client AS customer_id, state AS status, due AS due_date, 'EUR' AS currency,
               left_to_pay AS owed, left_to_pay AS total, paid_at AS paid_part_on,
               'a@courriel.example' AS email, client.name AS customer_name, 'F' || bill.id AS number
        FROM bill JOIN client ON client.id = bill.client -- one line, and a comment at the end""",
    "open_invoices": """
        SELECT bill.id AS invoice_id, client AS customer_id, state AS status, due AS due_date, 'EUR' AS currency,
               left_to_pay AS owed, left_to_pay AS total, 'a@courriel.example' AS email,
               client.name AS customer_name, 'F' || bill.id AS number
        FROM bill JOIN client ON client.id = bill.client WHERE state = 'UNPAID';""",
    "customers": "SELECT id AS customer_id, name FROM client",
    "contacts": """SELECT id AS contact_id, client AS customer_id, 'Zoé' AS name, 'z@courriel.example' AS email
                   FROM person""",
    "exclusions": "SELECT id AS customer_id, 'friend' AS reason FROM client WHERE id = 'C-03'",
}


def in_its_words(url, query):
    """MariaDB's `||` means `or`, unless its sql_mode says otherwise."""
    return query.replace("'F' || bill.id", "concat('F', bill.id)") if url.startswith("mysql") else query


@pytest.fixture(params=["sqlite", "fresh_postgres_url", "fresh_mariadb_url"])
def url(request, tmp_path):
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path / 'crm.sqlite'}"
    else:
        made = request.getfixturevalue(request.param)
    engine = create_engine(made)
    TABLES.create_all(engine)
    with engine.begin() as link:
        link.execute(CLIENT.insert(), [{"id": f"C-{n:02}", "name": f"Client {n}"} for n in range(10)])
        link.execute(PERSON.insert(), [{"id": n, "client": f"C-{n % 10:02}"} for n in range(25)])
        link.execute(BILL.insert(), [bill(n) for n in range(1, 96)])
    engine.dispose()
    return made


def bill(number):
    return {
        "id": number,
        "client": f"C-{number * 7 % 10:02}",
        "state": "PAID" if number % 5 == 0 else "UNPAID",
        "due": date(2028, 2, 29),
        "left_to_pay": Decimal("0.10") * number,
        "paid_at": datetime(2028, 2, 29, 23, 30) if number == 1 else None,  # noqa: DTZ001 - a column without zone
    }


def crm_of(url, queries=QUERIES, page_size=10):
    queries = {name: in_its_words(url, query) for name, query in queries.items()}
    return open_source(
        CrmSettings(
            source="sql",
            sql={"url": url, "queries": queries, "timeout": "3s"},
            page_size=page_size,
            status_words={"UNPAID": "open"},
        )
    )


@pytest.fixture
def crm(url):
    source = crm_of(url)
    yield source
    source.close()


def queries_of(crm):
    """Every statement that the database is sent from now on."""
    seen = []
    event.listen(
        crm.rows.engine, "before_cursor_execute", lambda _c, _cur, statement, *_rest: seen.append(statement)
    )
    return seen


def write(url, statement):
    engine = create_engine(url)
    with engine.begin() as link:
        link.execute(text(statement))
    engine.dispose()


def test_each_row_comes_once_and_each_page_is_one_query(crm):
    seen = queries_of(crm)
    pages = list(crm.open_invoices())
    ids = [int(one.invoice_id) for page in pages for one in page.records]
    assert ids == [n for n in range(1, 96) if n % 5]
    assert [len(page.records) for page in pages] == [10] * 7 + [6]
    assert len(seen) == len(pages) + 1, "and one for rows without an id"


def test_a_customers_invoices_come_one_after_another(crm):
    found = [
        (one.customer_id, int(one.invoice_id))
        for page in crm.open_invoices(by_customer=True)
        for one in page.records
    ]
    assert found == sorted(found)
    assert len(found) == 76


def test_pages_that_end_evenly_end(url):
    crm = crm_of(url, page_size=19)
    assert sum(len(page.records) for page in crm.open_invoices()) == 76
    crm.close()


def test_what_is_paid_while_the_scan_runs_neither_hides_nor_repeats_others(crm, url):
    pages = crm.open_invoices()
    first = next(pages)
    write(url, "UPDATE bill SET state = 'PAID' WHERE id <= 11")
    rest = [int(one.invoice_id) for page in pages for one in page.records]
    assert [int(one.invoice_id) for one in first.records][-1] == 12
    assert rest == [n for n in range(13, 96) if n % 5]


def test_one_invoice_is_asked_for_afresh(crm, url):
    assert crm.invoice("7").status == "open"
    write(url, "UPDATE bill SET state = 'PAID', left_to_pay = 0 WHERE id = 7")
    assert crm.invoice("7").status == "paid"


def test_values_are_exact(crm):
    found = crm.invoice("1")
    assert found.owed == Decimal("0.10")
    assert found.due_date == date(2028, 2, 29)
    assert found.paid_part_on == date(2028, 2, 29)


def test_customers_come_with_their_contacts_in_two_queries_a_page(url):
    crm = crm_of(url, page_size=20)
    seen = queries_of(crm)
    people = [one for page in crm.customers() for one in page.records]
    assert [len(one.contacts) for one in people] == [3] * 5 + [2] * 5
    assert crm.customer("C-03").contacts == people[3].contacts
    assert len(seen) == 2 + 1 + 2, "one for customers without an id"
    crm.close()


def test_exclusions(crm):
    assert list(crm.exclusions()) == ["C-03"]
    assert {key: one.reason for key, one in crm.exclusions_of(["C-03", "C-04"]).items()} == {"C-03": "friend"}


def test_what_no_query_answers_is_not_offered(crm):
    assert not crm.offers("balances")
    assert list(crm.balances()) == []


def test_an_id_is_a_value_and_never_sql(crm):
    assert crm.exclusions_of(["C-03' OR '1'='1"]) == {}
    assert crm.invoices(["7", str(2**63 - 1), str(2**63), "9" * 40, "FA-7", ""]).keys() == {"7"}
    assert crm.invoice("FA-7") is crm.invoice(str(2**63)) is None
    assert crm.customer("'; DROP TABLE bill; --") is None
    assert crm.count("invoices") == 95


def test_doctor_finds_nothing_wrong(crm):
    assert crm.check() == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "SELECT id AS invoice_id, due AS duedate FROM bill",
            "crm.sql.queries.invoices does not return due_date; add it; did you mean 'duedate'?",
        ),
        ("SELECT id FROM bills", "crm.sql.queries.invoices: the database refuses it: "),
        ("SELECT id FRM bill", "crm.sql.queries.invoices: the database refuses it: "),
        (
            QUERIES["invoices"].replace("due AS due_date", "'soon' AS due_date"),
            "crm invoices: Invoice 1: due_date is not a date like 2026-11-30.",
        ),
    ],
)
def test_doctor_tells_what_a_query_lacks(url, query, sentence):
    crm = crm_of(url, {"invoices": query})
    assert any(fault.startswith(sentence) for fault in crm.check())
    crm.close()


def test_doctor_tells_a_word_that_is_not_translated(url):
    queries = {name: in_its_words(url, query) for name, query in QUERIES.items()}
    crm = open_source(CrmSettings(source="sql", sql={"url": url, "queries": queries}))
    faults = crm.check()
    assert "Invoice 1: status is a word that status_words does not translate" in faults[0]
    crm.close()


def test_the_connection_refuses_to_write(url):
    engine = connect_read_only(url, 3, ZoneInfo("Europe/Paris"))
    with engine.connect() as link, pytest.raises(DBAPIError):
        link.execute(text("DELETE FROM bill"))
    engine.dispose()


def test_a_query_that_writes_in_disguise_is_refused(fresh_postgres_url):
    write(fresh_postgres_url, "CREATE TABLE bill (invoice_id int); INSERT INTO bill VALUES (1)")
    crm = crm_of(
        fresh_postgres_url,
        {"invoices": "SELECT nextval('made_up') AS invoice_id"},
    )
    write(fresh_postgres_url, "CREATE SEQUENCE made_up")
    with pytest.raises(Misconfigured, match="read-only"):
        next(crm.open_invoices())
    crm.close()


def test_postgresql_casts_and_times_survive(fresh_postgres_url):
    crm = crm_of(
        fresh_postgres_url,
        {
            "tokens": "SELECT 'a'::text AS token_id, false AS used, '2028-02-29 20:00:00'::timestamp AS expires_at"
        },
    )
    assert crm.token("a").expires_at == datetime(2028, 2, 29, 20, tzinfo=ZoneInfo("Europe/Paris"))
    crm.close()


def test_a_database_that_is_not_there_may_come_back(tmp_path):
    crm = crm_of("postgresql+psycopg://nobody@127.0.0.1:1/crm")
    with pytest.raises(Unreachable):
        crm.invoice("1")
    assert "cannot be reached" in crm.check()[0]
    crm.close()


def test_no_value_stands_in_an_error(url):
    crm = crm_of(url, {"invoices": "SELECT id AS number FROM bill"})
    with pytest.raises(Misconfigured) as told:
        crm.invoice("zoe@courriel.example")
    assert "zoe@" not in str(told.value)
    crm.close()


def peak_of_a_scan(path, customers):
    make_demo(path, date(2026, 11, 23), Size(customers, 4, all_open=True))
    crm = open_source(CrmSettings(source="demo", demo={"path": path}, page_size=100))
    next(crm.open_invoices())  # what SQLAlchemy keeps for good is not counted
    tracemalloc.start()
    seen = sum(len(page.records) for page in crm.open_invoices())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    crm.close()
    assert seen == customers * 4
    return peak


def test_ten_times_the_invoices_need_no_more_memory(tmp_path):
    small, large = peak_of_a_scan(tmp_path / "a", 200), peak_of_a_scan(tmp_path / "b", 2000)
    assert large < 1.3 * small


@pytest.mark.parametrize("by_customer", [False, True])
@pytest.mark.parametrize("nobodys", [1, 9, 10, 11, 25])
def test_invoices_of_nobody_end_no_scan_and_each_is_named(url, nobodys, by_customer):
    """Databases sort what has no value first (MariaDB, SQLite) or last (PostgreSQL)."""
    engine = create_engine(url)
    with engine.begin() as link:
        link.execute(
            BILL.insert(), [bill(200 + n) | {"client": None, "state": "UNPAID"} for n in range(nobodys)]
        )
    engine.dispose()
    left = QUERIES["open_invoices"].replace("FROM bill JOIN", "FROM bill LEFT JOIN")
    crm = crm_of(url, QUERIES | {"open_invoices": left})
    pages = list(crm.open_invoices(by_customer=by_customer))
    read = [one.invoice_id for page in pages for one in page.records]
    assert sorted(map(int, read)) == [n for n in range(1, 96) if n % 5]
    faults = sorted(fault for page in pages for fault in page.faults)
    assert faults == [
        f"Invoice {200 + n}: customer_id is missing, customer_name is missing." for n in range(nobodys)
    ]
    for n, page in enumerate(
        pages
    ):  # whoever goes on after this page misses nothing, and reads nothing twice
        further = list(crm.open_invoices(by_customer=by_customer, after=json.loads(json.dumps(page.end))))
        assert [one.records for one in further if one.records] == [
            one.records for one in pages[n + 1 :] if one.records
        ]
        assert sum(len(one.faults) for one in further) == sum(len(one.faults) for one in pages[n + 1 :])
    crm.close()

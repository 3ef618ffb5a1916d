"""What only MariaDB does: its types, its time zones, its loose comparisons, its accounts."""

import gc
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from mailworker.config.crm import CrmSettings
from mailworker.crm import open_source
from mailworker.crm.sql_connection import connect_read_only
from mailworker.errors import Misconfigured, Unreachable

pytestmark = pytest.mark.integration

INVOICES = """
SELECT b.id AS invoice_id, b.client_id AS customer_id, b.state AS status, b.due AS due_date, 'EUR' AS currency,
       b.total - b.paid AS owed, b.total, b.paid_on AS paid_part_on, b.debit AS direct_debit,
       concat('FA-', b.id) AS number, c.name AS customer_name, c.email, c.zone AS timezone,
       concat('https://crm.example/pay/', b.id, '?from=mail&x=100%25') AS pay_url
FROM bill b JOIN client c ON c.id = b.client_id -- 100 % of them, and :no parameter
"""
TABLES = """
CREATE TABLE client (id VARCHAR(20) PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(80), zone VARCHAR(40));
CREATE TABLE bill (
    id BIGINT PRIMARY KEY, client_id VARCHAR(20) NOT NULL, state VARCHAR(10), due DATE, total DECIMAL(12, 2),
    paid DECIMAL(12, 2), paid_on DATETIME, debit TINYINT(1), KEY of_client (client_id, id)
)
"""
#: As wide as OmniCRM's numbers may grow: neighbours that a floating-point number cannot tell apart.
WIDE = 4_611_686_018_427_387_904


@pytest.fixture
def url(fresh_mariadb_url, mariadb_server):
    run(fresh_mariadb_url, *TABLES.split(";"))
    yield fresh_mariadb_url
    mariadb_server.execute("SET GLOBAL time_zone = 'SYSTEM'")


def run(url, *statements):
    engine = create_engine(url)
    with engine.begin() as link:
        for statement in statements:
            link.execute(text(statement))
    engine.dispose()


def fill(url, bills, clients=10):
    engine = create_engine(url)
    with engine.begin() as link:
        people = [
            {"id": f"C-{n:04}", "name": "Zoé 🌊 Œuvrard", "email": f"c{n}@courriel.example"}
            for n in range(clients)
        ]
        link.execute(text("INSERT INTO client VALUES (:id, :name, :email, NULL)"), people)
        rows = [{"id": n, "client": f"C-{n * 7 % clients:04}"} for n in bills]
        link.execute(
            text("INSERT INTO bill VALUES (:id, :client, 'UNPAID', '2028-02-29', 1234.10, 0.20, NULL, 1)"),
            rows,
        )
        link.execute(text("ANALYZE TABLE bill, client")).all()
    engine.dispose()


def crm_of(url, queries=None, **more):
    sql = {"url": url, "queries": queries or {"invoices": INVOICES}, "timeout": "3s"}
    return open_source(CrmSettings(source="sql", sql=sql, status_words={"unpaid": "open"}, **more))


def test_values_are_what_they_were(url):
    fill(url, [7])
    run(url, "UPDATE bill SET paid_on = '2026-10-25 02:30:00'")
    crm = crm_of(url)
    (found,) = next(crm.open_invoices()).records
    assert (found.owed, found.total, found.due_date) == (
        Decimal("1233.90"),
        Decimal("1234.10"),
        date(2028, 2, 29),
    )
    assert (found.customer_name, found.direct_debit) == ("Zoé 🌊 Œuvrard", True)
    assert (found.paid_part_on, found.timezone) == (date(2026, 10, 25), "")
    assert found.pay_url == "https://crm.example/pay/7?from=mail&x=100%25"
    assert crm.check() == []
    crm.close()


SUMMER, WINTER = datetime(2026, 7, 14, 6, 30, tzinfo=UTC), datetime(2026, 12, 1, 22, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["+00:00", "+05:00", "Europe/Paris"])
@pytest.mark.parametrize("moment", [SUMMER, WINTER], ids=["summer", "winter"])
def test_a_timestamp_is_that_moment_wherever_the_server_stands(url, mariadb_server, zone, moment):
    mariadb_server.execute(f"SET GLOBAL time_zone = '{zone}'")
    run(url, "CREATE TABLE t (id INT, stamp TIMESTAMP NULL, wall DATETIME, used BIT(1))")
    run(
        url, f"INSERT INTO t VALUES (1, from_unixtime({moment.timestamp():.0f}), '2026-10-25 20:00:00', b'1')"
    )
    query = "SELECT id AS token_id, used, {} AS expires_at FROM t"
    crm = crm_of(url, {"tokens": query.format("stamp")})
    assert crm.token("1").expires_at == moment
    assert crm.token("1").used
    assert crm.check() == []
    crm.close()
    crm = crm_of(url, {"tokens": query.format("wall")})
    assert crm.token("1").expires_at == datetime(2026, 10, 25, 20, tzinfo=ZoneInfo("Europe/Paris"))
    crm.close()


@pytest.mark.parametrize("kind", ["DATETIME", "TIMESTAMP"])
def test_what_changed_since_a_moment(url, mariadb_server, kind):
    mariadb_server.execute("SET GLOBAL time_zone = '+05:00'")
    run(url, f"CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(20), changed {kind} NOT NULL)")
    run(
        url,
        "SET time_zone = 'Europe/Paris'",
        "INSERT INTO person VALUES (1, 'early', '2026-11-30 09:59:59'), (2, 'late', '2026-11-30 10:00:00')",
    )
    query = "SELECT id AS customer_id, name FROM person"
    queries = {"customers": query, "changed_customers": f"{query} WHERE changed >= :updated_since"}
    crm = crm_of(url, queries)
    nine = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert [one.name for page in crm.changed_customers(nine) for one in page.records] == ["late"]
    crm.close()


def test_doctor_tells_a_zone_that_the_database_does_not_know(url):
    fill(url, [1])
    crm = crm_of(url, timezone="Indian/Reunion")
    (told,) = crm.check()
    assert "does not know the time zone Indian/Reunion" in told
    assert crm.invoice("1").number == "FA-1", "dates without a time need no zone"
    crm.close()


def test_nothing_at_all_is_told_by_its_column(url):
    fill(url, [1, 2])
    run(url, "UPDATE bill SET due = NULL, paid_on = NULL WHERE id = 2")
    crm = crm_of(url)
    page = next(crm.open_invoices())
    assert [one.invoice_id for one in page.records] == ["1"]
    assert page.faults == ("Invoice 2: due_date is missing.",)
    crm.close()


def test_neighbours_among_wide_numbers_are_not_mixed_up(url):
    fill(url, [WIDE + n for n in range(25)])
    crm = crm_of(url, page_size=10)
    found = [int(one.invoice_id) for page in crm.open_invoices() for one in page.records]
    assert found == [WIDE + n for n in range(25)]
    assert [crm.invoice(str(WIDE + n)).invoice_id for n in range(25)] == [str(WIDE + n) for n in range(25)]
    wanted = [str(WIDE + n) for n in (3, 4, 17)]
    assert sorted(crm.invoices(wanted)) == wanted
    crm.close()


@pytest.mark.parametrize("asked", ["7abc", " 7 OR 1=1", "", "7.0000001", "x"])
def test_what_only_begins_like_an_id_is_none(url, asked):
    fill(url, [0, 7])
    crm = crm_of(url)
    assert crm.invoice(asked) is None
    assert crm.invoices([asked]) == {}
    crm.close()


@pytest.mark.parametrize("by_customer", [False, True])
def test_the_last_page_reads_no_more_rows_than_the_first(url, by_customer):
    fill(url, range(1, 6001), clients=600)
    crm = crm_of(url, page_size=100)
    read = list(reads_by_page(crm, by_customer))
    assert len(read) == 60
    assert max(read[-3:]) <= 2 * max(read[:3]), "a page costs more the further the scan is"
    crm.close()


def reads_by_page(crm, by_customer):
    """How many rows the server fetched for each page, in all sessions."""

    def fetched():
        with crm.rows.engine.connect() as link:
            return sum(int(row[1]) for row in link.execute(text("SHOW GLOBAL STATUS LIKE 'Handler_read%'")))

    last = fetched()
    for _ in crm.open_invoices(by_customer=by_customer):
        now = fetched()
        yield now - last
        last = fetched()


def peak(url):
    crm = crm_of(url, page_size=100)
    next(crm.open_invoices())
    tracemalloc.start()
    seen = found = 0
    for page in crm.open_invoices():
        seen += len(page.records)
        found = max(found, tracemalloc.get_traced_memory()[1])
        # Python keeps up to 2,000 freed tuples of each length; a collection lets go of them.
        gc.collect()
        tracemalloc.reset_peak()
    tracemalloc.stop()
    crm.close()
    return seen, found


def test_ten_times_the_invoices_need_no_more_memory(url):
    fill(url, range(1, 401), clients=100)
    seen, small = peak(url)
    assert seen == 400
    run(url, "INSERT INTO bill SELECT id + 1000 * s.seq, client_id, state, due, total, paid, paid_on, debit "
             "FROM bill, (SELECT 1 AS seq UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION "
             "SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) s")  # fmt: skip
    seen, large = peak(url)
    assert seen == 4000
    assert large < 1.3 * small


def test_an_account_that_may_only_read_is_enough(url, mariadb_server):
    fill(url, [1])
    database = url.split("/")[3].split("?")[0]
    mariadb_server.execute("CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'secret-42'")
    mariadb_server.execute(f"GRANT SELECT ON {database}.* TO reader@localhost")
    crm = crm_of(url.replace("root@", "reader:secret-42@") + "&charset=utf8mb4")
    assert crm.check() == []
    assert crm.invoice("1").number == "FA-1"
    crm.close()
    crm = crm_of(url.replace("root@", "reader:wrong@"))
    with pytest.raises(Unreachable) as told:
        crm.invoice("1")
    assert "wrong" not in str(told.value)
    crm.close()


def test_even_root_cannot_write_through_it(url):
    fill(url, [1])
    engine = connect_read_only(url, 3, ZoneInfo("Europe/Paris"))
    with engine.connect() as link, pytest.raises(DBAPIError, match="READ ONLY"):
        link.execute(text("UPDATE bill SET paid = 1"))
    engine.dispose()


def test_a_short_url_takes_the_driver_that_comes_with_us(url):
    fill(url, [1])
    for name in ("mysql", "mariadb"):
        crm = crm_of(url.replace("mysql+pymysql", name))
        assert crm.invoice("1").number == "FA-1"
        crm.close()


def test_a_session_that_the_server_ended_is_opened_anew(url, mariadb_server):
    fill(url, [1])
    crm = crm_of(url)
    with crm.rows.engine.connect() as link:
        number = link.execute(text("SELECT connection_id()")).scalar_one()
    mariadb_server.execute(f"KILL {number}")
    assert crm.invoice("1") is not None
    crm.close()


def test_a_refused_query_is_told_without_values(url):
    crm = crm_of(url, {"invoices": "SELECT id AS invoice_id FROM bill WHERE"})
    with pytest.raises(Misconfigured, match="the database refuses it") as told:
        crm.invoice("zoe@courriel.example")
    assert "zoe" not in str(told.value)
    crm.close()

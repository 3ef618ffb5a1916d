"""OmniCRM's own database, on a real MariaDB: whatever it calls its columns, the answers are the same."""

import gc
import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import yaml
from sqlalchemy import create_engine, make_url, text

from mailworker.config.invoice import InvoiceSettings
from mailworker.config.settings import parse_settings
from mailworker.crm import open_source
from mailworker.crm.invoice_document import crm_document
from mailworker.crm.omnicrm import OmnicrmRows
from mailworker.crm.omnicrm import database_rows as module
from mailworker.crm.omnicrm.columns import COLUMNS, TABLES
from mailworker.crm.print_crm_block import queries_block
from mailworker.errors import Misconfigured, Unreachable
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.money import round_half_up
from tests.omnicrm.schema import DATA, GUESSES, SCHEMA, changed, other_schema, statements

pytestmark = pytest.mark.integration


def run(url, *sql):
    engine = create_engine(url)
    with engine.begin() as link:
        for statement in sql:
            link.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


@pytest.fixture
def url(fresh_mariadb_url):
    run(fresh_mariadb_url, *statements(SCHEMA), *statements(DATA))
    return fresh_mariadb_url


def settings_of(url, more="", queries=""):
    return parse_settings(
        "mailjet:\n  api_key: k\n  api_secret: s\n"
        f"crm:\n  source: omnicrm\n  timezone: Europe/Paris\n{queries}"
        f'  omnicrm:\n    url: "{url}"\n    pay_url: "https://crm.example:8443/pay/{{invoice_id}}?at=:here"\n{more}',
        "crm_config.yaml",
        {},
    )


_open = []


@pytest.fixture(autouse=True)
def close():
    yield
    while _open:
        _open.pop().close()


def crm_of(url, **options):
    _open.append(open_source(settings_of(url, **options).crm))
    return _open[-1]


def seen(crm):
    """Everything that the scans and the contacts read, in one comparable piece."""
    invoices = [one for page in crm.open_invoices() for one in page.records]
    customers = [one for page in crm.customers() for one in page.records]
    return {
        "open": [(i.invoice_id, i.owed, i.total, i.email, i.language, i.timezone, i.due_date) for i in invoices],
        "paid": (crm.invoice("102").status, crm.invoice("102").owed),
        "void": crm.invoice("103").status,
        "excluded": {key: one.reason for key, one in crm.exclusions().items()},
        "customers": [(c.customer_id, c.city, c.postal_code, c.country, c.custom_fields) for c in customers],
        "contacts": [(p.contact_id, p.name, p.email, p.contact_type) for c in customers for p in c.contacts],
        "services": [(s.service_uuid, s.service_name, s.email, s.ends_at) for s in crm.services_of(
            ["4f1c2a9e-0001", "4f1c2a9e-0002", "4f1c2a9e-0003"]).values()],
        "changed": [c.customer_id for page in crm.changed_customers(datetime(2026, 11, 4, tzinfo=UTC)) for c in page.records],
        "document": crm.invoice_document("101"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def as_it_is():
    """What is read of the database before any test changes it: for all the same, so read by the first alone."""
    kept = []

    def read(url):
        if not kept:
            kept.append(seen(crm_of(url)))
        return kept[0]

    return read


def test_what_is_read_is_right(url):
    crm = crm_of(url)
    assert crm.check() == []
    found = seen(crm)
    first = found["open"][0]
    assert first == ("101", Decimal("16.50"), Decimal("16.50"), "facture@zoe.example", "en-GB", "Europe/London", date(2026, 10, 15))  # fmt: skip
    assert [one[0] for one in found["open"]] == ["101", "201", "301", "401", "501"]
    assert found["paid"] == ("paid", 0)
    assert found["void"] == "cancelled"
    assert found["excluded"] == {
        "2": "closed, archived or not enabled",
        "3": "asked not to be reminded",
        "5": "closed, archived or not enabled",
    }
    assert [one[0] for one in found["customers"]] == ["1", "3", "4"]
    assert found["customers"][0][1:4] == ("Perpignan", "66000", "FR")
    assert found["customers"][0][4] == {
        "account_type": "Individual",
        "status": "Open",
        "payment_type": "postpaid",
        "marketing": "off",
    }
    assert ("12", "Zoé Œuvrard", "facture@zoe.example", "billing,admin") in found["contacts"]
    assert [one[0] for one in found["services"]] == ["4f1c2a9e-0001", "4f1c2a9e-0003"]
    assert found["changed"] == ["1", "4"]
    document = found["document"]
    assert (document["total_amount"], document["total_tax"]) == ("13.75", "2.75")
    assert document["client"]["address_line_1"] == "12 rue des Lilas"
    assert [line["title"] for line in document["transactions"]] == ["Forfait", "Option"]
    assert crm.invoice("101").pay_url == "https://crm.example:8443/pay/101?at=:here"


@pytest.mark.parametrize("by_customer", [False, True])
def test_an_open_invoice_of_a_customer_who_is_gone_is_named_and_reminded_of_to_nobody(url, by_customer):
    run(url, "SET foreign_key_checks = 0", "DELETE FROM customer WHERE customer_id = 4")
    crm = crm_of(url)
    pages = list(crm.open_invoices(by_customer=by_customer))
    assert sorted(one.invoice_id for page in pages for one in page.records) == ["101", "201", "301", "501"]
    assert [fault for page in pages for fault in page.faults] == ["Invoice 401: customer_name is missing."]
    assert crm.invoice("401") is None, "what was to leave is cancelled"
    assert crm.invoices(["401"]) == {}


def test_a_tax_that_is_only_a_rate_counts_for_reminder_and_document_alike(url):
    run(url, "UPDATE `transaction` SET tax_amount = NULL WHERE transaction_id = 2")
    crm = crm_of(url)
    assert (crm.invoice("101").owed, crm.invoice("101").total) == (Decimal("16.50"), Decimal("16.50"))
    document = crm.invoice_document("101")
    assert (document["total_amount"], document["total_tax"]) == ("13.75", "2.75")


@pytest.mark.parametrize("how", ["deleted TINYINT(1) DEFAULT 0", "deleted_at DATETIME DEFAULT '0000-00-00'"])
def test_what_staff_deleted_and_the_table_keeps_is_gone(url, as_it_is, how):
    expected, (mark, type_) = as_it_is(url), how.split(" ", 1)
    tables = ("customer", "contact", "site", "service", "invoice", "`transaction`", "customer_attribute")
    strict = "SET sql_mode = ''"  # as zero days need it
    run(url, strict, *(f"ALTER TABLE {table} ADD {mark} {type_}" for table in tables))
    assert seen(crm_of(url)) == expected
    value = "1" if mark == "deleted" else "'2026-11-01'"
    rows = {"contact": "contact_id = 12", "invoice": "invoice_id = 401", "`transaction`": "transaction_id = 2",
            "customer_attribute": "attribute_name = 'language'", "service": "service_id = 3"}  # fmt: skip
    run(url, *(f"UPDATE {table} SET {mark} = {value} WHERE {where}" for table, where in rows.items()))
    crm = crm_of(url)
    left = crm.invoice("101")
    assert (left.email, left.owed, left.language) == ("tech@zoe.example", Decimal("15.00"), "")
    assert crm.invoice("401") is None
    assert [one.service_uuid for page in crm.services() for one in page.records] == ["4f1c2a9e-0001"]
    assert "12" not in [p.contact_id for page in crm.customers() for c in page.records for p in c.contacts]


def test_an_invoice_of_another_currency_is_told_in_its_own(url):
    run(url, "ALTER TABLE invoice ADD currency CHAR(3)", "UPDATE invoice SET currency = 'kwd' WHERE invoice_id = 101",
        "UPDATE invoice SET currency = '' WHERE invoice_id = 401",
        "UPDATE `transaction` SET retail_cost = 1.2511 WHERE transaction_id = 2")  # fmt: skip
    crm = crm_of(url)
    assert [(crm.invoice(one).currency, crm.invoice(one).owed) for one in ("101", "401", "301")] == [
        ("KWD", Decimal("16.501")),
        ("EUR", Decimal("12.00")),
        ("EUR", Decimal("10.00")),
    ]
    assert crm.invoice_document("101")["currency"] == "kwd"


@pytest.mark.parametrize(
    ("word", "status"),
    [("Refunded", "cancelled"), ("written_off", "cancelled"), ("Sent", "open"), ("", "open"), (None, "open"), ("En litige", None)],
)  # fmt: skip
def test_a_word_beside_the_flag_that_nobody_knows_asks_for_no_money(url, word, status):
    given = "NULL" if word is None else f"'{word}'"
    run(
        url,
        "ALTER TABLE invoice ADD status VARCHAR(30)",
        f"UPDATE invoice SET status = {given} WHERE invoice_id = 101",
    )
    crm = crm_of(url)
    (page,) = crm.open_invoices()
    assert ("101" in [one.invoice_id for one in page.records]) is (status == "open")
    assert bool(page.faults) is (status is None)
    if status is not None:
        assert crm.invoice("101").status == status


def test_texts_in_binary_columns_are_texts(url, as_it_is):
    expected = as_it_is(url)
    run(url, "ALTER TABLE customer MODIFY customer_name VARBINARY(200)", "ALTER TABLE contact MODIFY contact_email VARBINARY(200)",
        "ALTER TABLE service MODIFY service_uuid VARBINARY(64)", "ALTER TABLE invoice ADD invoice_number VARBINARY(20)",
        "ALTER TABLE site MODIFY city VARBINARY(80)")  # fmt: skip
    crm = crm_of(url)
    assert seen(crm) == expected
    assert [one.service_uuid for page in crm.services() for one in page.records] == [
        "4f1c2a9e-0001",
        "4f1c2a9e-0003",
    ]
    run(url, "UPDATE customer SET customer_name = x'ff' WHERE customer_id = 1")
    (page,) = crm.open_invoices()
    assert page.faults == ("Invoice 101: customer_name is not a text.",)


@pytest.mark.parametrize(
    ("costs", "own_currency"),
    [(("8.335",), False), (("8.3333", "0.0050"), False), (("0.0125",) * 9, True), (("2.7783",) * 3, False)],
)
def test_a_reminder_asks_for_what_the_invoice_prints_to_the_cent(url, costs, own_currency):
    """Of 8.335 and its tax of 1.667 the page prints 8.34, 1.67 and their sum."""
    if own_currency:
        run(url, "ALTER TABLE invoice ADD currency CHAR(3)", "UPDATE invoice SET currency = 'eur'")
    run(url, "DELETE FROM `transaction` WHERE transaction_id = 8")
    row = "(4, 401, 'Forfait', {cost}, {cost} * 0.2, 20, 0)"
    rows = ", ".join(row.format(cost=cost) for cost in costs)
    columns = "customer_id, invoice_id, title, retail_cost, tax_amount, tax_percentage, void"
    run(url, f"INSERT INTO `transaction` ({columns}) VALUES {rows}")
    crm = crm_of(url)
    printed = read_invoice(crm_document(crm, "401"), InvoiceSettings()).totals
    assert (crm.invoice("401").owed, crm.invoice("401").total) == (printed.due, printed.gross)
    net = sum(map(Decimal, costs))
    assert (printed.net, printed.tax) == (round_half_up(net, 2), round_half_up(net / 5, 2))


def test_a_document_shows_whether_it_is_paid_or_void(url):
    crm = crm_of(url)
    assert [crm.invoice_document(one)["status"] for one in ("101", "102", "103")] == [
        "open",
        "paid",
        "cancelled",
    ]


def test_a_paid_invoice_that_was_archived_is_still_a_paid_one_and_can_be_sent(url):
    words = {"101": "archived", "102": "archived", "103": "void"}
    run(url, "ALTER TABLE invoice ADD invoice_status VARCHAR(30)", "UPDATE invoice SET void = 0, paid = 1",
        "UPDATE invoice SET paid = 0 WHERE invoice_id = 101",
        *(f"UPDATE invoice SET invoice_status = '{word}' WHERE invoice_id = {one}" for one, word in words.items()))  # fmt: skip
    crm = crm_of(url)
    assert [crm.invoice(one).status for one in words] == ["cancelled", "paid", "cancelled"]
    assert read_invoice(crm_document(crm, "102"), InvoiceSettings()).totals.due == 0


@pytest.mark.parametrize(("flag", "status"), [("paid", "paid"), ("void", "cancelled")])
@pytest.mark.parametrize("value", [2, -1, 127])
def test_whatever_is_not_zero_sets_a_flag(url, flag, status, value):
    run(url, f"UPDATE invoice SET {flag} = {value} WHERE invoice_id = 101")
    crm = crm_of(url)
    assert (crm.invoice("101").status, crm.invoice("101").owed) == (status, 0)
    assert "101" not in [one.invoice_id for page in crm.open_invoices() for one in page.records]


@pytest.mark.parametrize("word", GUESSES)
def test_another_name_for_each_guess_changes_nothing(url, as_it_is, word):
    expected = as_it_is(url)
    run(url, changed(word, GUESSES[word][1]))
    assert seen(crm_of(url)) == expected


@pytest.mark.parametrize("seed", range(3))
def test_many_other_names_at_once_change_nothing(url, as_it_is, seed):
    """Another installation's schema: any of the names that are looked for, in any mixture."""
    expected = as_it_is(url)
    renames = other_schema(random.Random(seed))
    run(url, *renames)
    assert seen(crm_of(url)) == expected, renames


@pytest.mark.parametrize(
    "word", ["invoice.due", "transaction.tax", "transaction.void", "contact.email", "transaction"]
)
def test_what_is_needed_and_missing_is_named_with_its_candidates(url, word):
    run(url, changed(word, "etwas_anderes"))
    crm = crm_of(url)
    with pytest.raises(Misconfigured) as caught:
        list(crm.open_invoices())
    candidates = COLUMNS[word] if "." in word else TABLES[word]
    assert all(name in str(caught.value) for name in candidates)
    assert "crm.sql.queries.open_invoices" in str(caught.value)
    assert any(str(caught.value) in fault for fault in crm.check())


def test_a_database_that_half_matches_serves_the_other_half(url):
    run(url, changed("invoice", "belege"))
    crm = crm_of(url)
    assert [one.customer_id for page in crm.customers() for one in page.records] == ["1", "3", "4"]
    with pytest.raises(Misconfigured, match="a table invoice"):
        crm.invoice("101")


def test_paid_may_be_a_day_or_a_word(url, as_it_is):
    by_flag = as_it_is(url)
    run(
        url,
        "ALTER TABLE invoice ADD COLUMN paid_date DATE",
        "UPDATE invoice SET paid_date = '2026-10-20' WHERE paid = 1",
        "ALTER TABLE invoice DROP COLUMN paid",
    )
    assert seen(crm_of(url)) == by_flag
    run(
        url,
        "ALTER TABLE invoice ADD COLUMN status VARCHAR(20)",
        "UPDATE invoice SET status = IF(paid_date IS NULL, 'Unpaid', 'Paid')",
        "ALTER TABLE invoice DROP COLUMN paid_date",
    )
    assert seen(crm_of(url)) == by_flag


def test_a_word_or_a_day_beside_the_flag_counts_too(url):
    run(
        url,
        "SET SESSION sql_mode = ''",
        "ALTER TABLE invoice ADD COLUMN paid_date DATE NOT NULL DEFAULT '0000-00-00', ADD COLUMN status VARCHAR(20)",
    )
    crm = crm_of(url)

    def status(paid_on, word):
        run(url, f"UPDATE invoice SET paid_date = '{paid_on}', status = '{word}' WHERE invoice_id = 101")
        return crm.invoice("101").status

    assert status("0000-00-00", "Emailed") == "open"
    assert status("2026-10-20", "Emailed") == "paid"
    assert status("0000-00-00", "Paid") == "paid"
    assert status("0000-00-00", "Draft") == "cancelled"
    assert status("0000-00-00", "Disputed") == "disputed"


def test_what_is_no_address_is_passed_over(url):
    insert = "INSERT INTO contact (contact_id, customer_id, contact_email, contact_types) VALUES"
    run(url, f"{insert} (1, 1, 'n/a', 'billing'), (2, 1, '-', 'billing')")
    assert crm_of(url).invoice("101").email == "facture@zoe.example"
    run(url, "UPDATE contact SET contact_email = 'un@zoe.example; deux@zoe.example' WHERE contact_id = 2")
    assert crm_of(url).invoice("101").email == "un@zoe.example"


def test_an_amount_called_paid_is_no_flag(url):
    run(url, "ALTER TABLE invoice MODIFY paid DECIMAL(10, 2)", "UPDATE invoice SET paid = 1.00")
    with pytest.raises(Misconfigured, match="paid, is_paid or invoice_paid"):
        list(crm_of(url).open_invoices())


def test_the_queries_can_be_copied_and_mended(url, as_it_is):
    rows = OmnicrmRows(settings_of(url).crm)
    block = yaml.safe_load(queries_block(rows))
    copied = block["crm"]["sql"]["queries"]
    indented = yaml.safe_dump({"sql": {"queries": copied}}, indent=2)
    rows.close()
    own = crm_of(url, queries="".join(f"  {line}\n" for line in indented.splitlines()))
    assert seen(own) == as_it_is(url)
    mended = "  sql:\n    queries:\n      exclusions: SELECT 4 AS customer_id\n"
    assert set(crm_of(url, queries=mended).exclusions()) == {"4"}


def test_a_worker_that_was_there_before_omnicrms_upgrade_looks_again(url):
    crm = crm_of(url)
    expected = seen(crm)
    run(url, changed("invoice.due", "invoice_due_date"))
    with pytest.raises(Misconfigured, match="due_date"):
        crm.invoice("101")
    assert seen(crm) == expected
    run(url, "ALTER TABLE invoice RENAME COLUMN invoice_due_date TO etwas")
    for _ in range(2):
        with pytest.raises(Misconfigured):
            list(crm.open_invoices())
    run(url, "ALTER TABLE invoice RENAME COLUMN etwas TO due_date")
    assert crm.invoice("101").owed == Decimal("16.50")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"Seconds_Behind_Master": 0}, None),
        ({"Seconds_Behind_Source": 3600}, "3600 s behind"),
        ({"Seconds_Behind_Master": None}, "not replicating"),
        ({}, None),
    ],
)
def test_a_replica_that_lags_is_told(status, words):
    faults = module.lag_faults(status)
    assert faults == [] if words is None else words in faults[0]


def account(server, url, grants="SELECT"):
    """An account for this database alone, as OmniCRM's `database:` section names one."""
    name = make_url(url).database
    server.execute("CREATE OR REPLACE USER 'omnitouch'@'localhost' IDENTIFIED BY 's3:c/r@t'")
    server.execute(f"GRANT {grants} ON {name}.* TO 'omnitouch'@'localhost'")


def with_section(monkeypatch, server, names, password="s3:c/r@t"):
    """Settings whose URL comes from OmniCRM's own section; the server is reached by its socket."""
    monkeypatch.setattr(module, "DATABASE_NAMES", names)
    plain = module.urls_of
    monkeypatch.setattr(
        module,
        "urls_of",
        lambda settings: [
            one.set(host="localhost", query={"unix_socket": str(server.socket)}) for one in plain(settings)
        ],
    )
    text_ = (
        f'database:\n  username: omnitouch\n  password: "{password}"\n  server: localhost\n'
        "mailjet:\n  api_key: k\n  api_secret: s\ncrm:\n  source: omnicrm\n"
    )
    _open.append(open_source(parse_settings(text_, "crm_config.yaml", {}).crm))
    return _open[-1]


def test_omnicrms_own_section_is_all_that_is_needed(url, mariadb_server, monkeypatch):
    account(mariadb_server, url)
    crm = with_section(monkeypatch, mariadb_server, ("not_there", make_url(url).database))
    assert crm.invoice("101").owed == Decimal("16.50")


def test_a_wrong_password_is_a_sentence_without_it(url, mariadb_server, monkeypatch):
    account(mariadb_server, url)
    crm = with_section(monkeypatch, mariadb_server, (make_url(url).database,), password="falsch")
    with pytest.raises(Misconfigured, match="refuses the user or the password") as caught:
        crm.invoice("101")
    assert "falsch" not in str(caught.value)


def test_no_database_of_either_name(url, mariadb_server, monkeypatch):
    account(mariadb_server, url)
    crm = with_section(monkeypatch, mariadb_server, ("nowhere", "neither"))
    with pytest.raises(Misconfigured, match="nowhere or neither"):
        crm.invoice("101")


# PyMySQL leaves its own socket open where nobody answers.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_is_away_is_for_later(tmp_path):
    crm = crm_of(f"mysql+pymysql://root@localhost/omnicrm?unix_socket={tmp_path}/none")
    with pytest.raises(Unreachable):
        crm.invoice("101")
    gc.collect()


def test_transactions_can_be_summed_by_their_index(url):
    plan = create_engine(url)
    rows = OmnicrmRows(settings_of(url).crm)
    with plan.connect() as link:
        query = rows.opened().queries.sql["open_invoices"]
        lines = link.execute(
            text(f"EXPLAIN SELECT * FROM ({query}) q WHERE q.invoice_id > 100 LIMIT 10")
        ).all()
    plan.dispose()
    rows.close()
    by_table = {str(line[2]): line for line in lines}
    assert "invoice_id" in str(by_table["t"][4]), lines

"""OmniCRM's database without a database: which names are found, what each missing column leaves out of the SQL."""

import re
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from mailworker.config.omnicrm import AttributeNames, OmnicrmSettings, SharedDatabase
from mailworker.core.masked_secret import Secret
from mailworker.crm.omnicrm import database_rows as module
from mailworker.crm.omnicrm.columns import COLUMNS, TABLES, TYPES
from mailworker.crm.omnicrm.database_rows import lag_faults, urls_of
from mailworker.crm.omnicrm.probe import Schema, probe
from mailworker.crm.omnicrm.record_queries import _PAID, NEEDS, queries_of
from mailworker.crm.omnicrm.sql_expressions import (
    _ISSUED,
    _NOT_OWED,
    _UNPAID,
    _VOID,
    attribute,
    best_email,
    column,
    contact_name,
    first_site,
    gone,
    invoice_status,
    is_no,
    link,
    literal,
    selected,
    tax,
    transactions_sum,
)
from mailworker.errors import Misconfigured, Unreachable

#: The type that each word needs, or any.
FULL = {
    names[0]: {
        columns[0]: min(TYPES.get(word, {"varchar"}))
        for word, columns in COLUMNS.items()
        if word.startswith(f"{table}.")
    }
    for table, names in TABLES.items()
}
SETTINGS = OmnicrmSettings(
    currency="CHF",
    pay_url="https://crm.example/pay/{invoice_id}?c={customer_id}",
    invoice_url="https://crm.example/see/{invoice_id}",
    attributes=AttributeNames(custom_fields=("plan",)),
)


def without(*words):
    """The schema in which these words' columns, or tables, were not found."""
    full = probe(FULL)
    tables = {word: name for word, name in full.tables.items() if word not in words}
    kept = {
        word: name
        for word, name in full.columns.items()
        if word not in words and word.partition(".")[0] not in words
    }
    return Schema(tables, kept)


def sql(question, *missing, settings=SETTINGS):
    """The query on one line."""
    return " ".join(queries_of(without(*missing), settings).sql[question].split())


def names_of(question, *missing, settings=SETTINGS):
    """The columns that a query gives, each at the end of its line."""
    head = queries_of(without(*missing), settings).sql[question].partition("\nFROM `")[0]
    return set(re.findall(r" AS (\w+),?$", head, re.MULTILINE))


def test_every_word_is_found_under_its_first_name():
    schema = probe(FULL)
    assert set(schema.tables) == set(TABLES)
    assert set(schema.columns) == set(COLUMNS)
    assert all(schema.columns[word] == names[0] for word, names in COLUMNS.items())


@pytest.mark.parametrize("word", sorted(COLUMNS))
def test_of_two_names_the_first_counts_in_any_letters(word):
    table, names = TABLES[word.partition(".")[0]][0], COLUMNS[word]
    type_ = min(TYPES.get(word, {"varchar"}))
    there = {name.upper(): type_.upper() for name in reversed(names)}
    assert probe({table.upper(): there}).columns[word] == names[0].upper()
    assert probe({table: {names[-1]: type_}}).columns[word] == names[-1]


@pytest.mark.parametrize("word", sorted(TYPES))
def test_a_name_of_another_type_is_not_believed(word):
    table, names = TABLES[word.partition(".")[0]][0], COLUMNS[word]
    assert word not in probe({table: {names[0]: "decimal"}})
    found = probe({table: {names[0]: "decimal"} | {name: min(TYPES[word]) for name in names[1:]}})
    assert found.columns.get(word) == (names[1] if len(names) > 1 else None)


def test_what_is_missing_is_named_once_with_its_candidates():
    schema = without("site", "invoice.paid", "contact.email")
    assert schema.missing(("site.id", "site.city", "customer.id")) == [
        "a table site, sites, customer_site or crm_site"
    ]
    assert schema.missing(("invoice.paid", "contact.email", "invoice.id")) == [
        "a column paid, is_paid or invoice_paid in invoice (of type bit, bool, boolean, int, smallint, tinyint)",
        "a column contact_email, email, contact_email_address or email_address in contact",
    ]
    assert without("attribute.customer").missing(("attribute.customer",)) == [
        "a column customer_id in customer_attribute"
    ]


@pytest.mark.parametrize("question", sorted(NEEDS))
def test_each_question_needs_what_it_names_and_nothing_else(question):
    for word in NEEDS[question]:
        made = queries_of(without(word), SETTINGS)
        assert question not in made.sql
        assert (question in made.faults) == (question != "changed_customers")
    optional = [word for word in COLUMNS if word not in NEEDS[question] and word != "invoice.paid"]
    for word in optional:
        assert question in queries_of(without(word), SETTINGS).sql, word


def test_a_question_that_cannot_be_asked_says_how_to_mend_it():
    made = queries_of(without("service.uuid"), SETTINGS)
    assert made.faults == {
        "services": "OmniCRM's database has not what services needs: a column service_uuid or uuid in service. Write "
        "crm.sql.queries.services yourself; `mailworker crm queries` prints the others."
    }
    unpaid = queries_of(without("invoice.paid", "invoice.paid_on", "invoice.status"), SETTINGS).faults
    assert set(unpaid) == {"open_invoices", "invoices", "invoice_document"} & set(unpaid)
    assert " or a column paid_date" in unpaid["invoices"]
    nothing = queries_of(without("invoice"), SETTINGS).faults["invoices"]
    assert nothing.count("a table invoice") == 1


#: What each column that may be missing takes out of which query.
LEAVES_OUT = [
    ("invoices", "invoice.created", {"issue_date"}),
    ("invoices", "attribute", {"language", "timezone"}),
    ("customers", "site.city", {"city"}),
    ("customers", "site.postcode", {"postal_code"}),
    ("customers", "site.country", {"country"}),
    ("customers", "site", {"city", "postal_code", "country"}),
    ("customers", "site.id", {"city", "postal_code", "country"}),
    ("customers", "site.customer", {"city", "postal_code", "country"}),
    ("customers", "customer.updated", {"updated_at"}),
    ("customers", "attribute", {"language", "timezone"}),
    ("contacts", "contact.types", {"contact_type"}),
    ("contacts", "contact.updated", {"updated_at"}),
    ("services", "product.slug", {"product"}),
    ("services", "product", {"product"}),
    ("services", "service.product", {"product"}),
    ("services", "service.status", {"status"}),
    ("services", "service.ends", {"ends_at"}),
    ("services", "attribute", {"language", "timezone"}),
    ("invoice_document", "invoice.starts", {"start_date"}),
    ("invoice_document", "invoice.ends", {"end_date"}),
    ("invoice_document", "customer.tax", {"client_vat_id"}),
    ("invoice_document", "site.state", {"client_state"}),
    ("invoice_document", "attribute", {"language"}),
    ("invoice_lines", "transaction.title", {"title"}),
    ("invoice_lines", "transaction.rate", {"tax_percentage"}),
    ("invoice_lines", "transaction.created", {"created"}),
]


@pytest.mark.parametrize(("question", "word", "gone_"), LEAVES_OUT)
def test_what_is_not_there_is_left_out_and_nothing_else(question, word, gone_):
    assert names_of(question) - names_of(question, word) == gone_
    assert names_of(question, word) <= names_of(question)


def test_the_columns_of_each_query():
    address = {
        f"client_{name}"
        for name in ("address_line_1", "address_line_2", "city", "state", "zip_code", "country")
    }
    reminded = {"due_date", "currency", "email", "language", "pay_url", "invoice_url"}
    assert names_of("invoices") == reminded | {
        "invoice_id", "customer_id", "status", "issue_date", "total", "owed", "number", "customer_name", "timezone",
    }  # fmt: skip
    assert names_of("invoice_document") == address | {
        "invoice_id", "invoice_number", "date", "due_date", "start_date", "end_date", "currency", "total_amount", "total_tax",
        "client_name", "client_email", "client_vat_id", "language", "pay_url", "invoice_url", "customer_id", "status",
    }  # fmt: skip
    assert names_of("invoice_lines") == {
        "invoice_id", "position", "transaction_id", "title", "description", "retail_cost", "tax_amount", "tax_percentage", "created",
    }  # fmt: skip
    bare = OmnicrmSettings(currency="CHF")
    assert names_of("invoices") - names_of("invoices", settings=bare) == {"pay_url", "invoice_url"}
    found = names_of("invoice_document") - names_of("invoice_document", settings=bare)
    assert found == {"pay_url", "invoice_url"}


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("TND", 3), ("JPY", 0)])
def test_sums_have_the_decimals_of_their_currency(currency, digits):
    settings = OmnicrmSettings(currency=currency)
    for question in ("invoices", "invoice_document"):
        found = sql(question, "invoice.currency", settings=settings)
        assert set(re.findall(r", 0\), (\d)\)", found)) == {str(digits)}
        mixed = sql(question, settings=settings)
        digits_of_each = rf"CASE WHEN COALESCE\(.+?, '{currency}'\) = '{currency}' THEN {digits} ELSE 4 END"
        assert len(re.findall(rf", 0\), {digits_of_each}\)", mixed)) == found.count("ROUND(")


def test_deleted_rows_are_nobodys_however_they_are_marked():
    marked = {"deleted": "tinyint", "Deleted_At": "DATETIME", "deleted_on": "varchar", "is_deleted": "date"}
    schema = probe({"contact": marked, "product": marked, "site": {"id": "int"}})
    live = "COALESCE(`deleted`, 0) = 0 AND COALESCE(`Deleted_At` <= '1970-01-01', 1)"
    assert schema.table("contact") == f"(SELECT * FROM `contact` WHERE {live})"
    assert (schema.table("product"), schema.table("site")) == ("`product`", "`site`")


def test_invoices_need_one_of_the_columns_that_say_whether_they_are_paid():
    found = queries_of(without(*_PAID), SETTINGS)
    assert "invoices" not in found.sql
    assert " or " in found.faults["invoices"]
    for word in _PAID:
        assert "invoices" in queries_of(without(*(one for one in _PAID if one != word)), SETTINGS).sql


@pytest.mark.parametrize("question", sorted(queries_of(without(), SETTINGS).sql))
def test_a_query_names_only_tables_that_it_reads(question):
    text = sql(question)
    read = set(re.findall(r"(?:FROM|JOIN) `\w+` (\w+)", text))
    named = set(re.findall(r"(\w+)\.`", text))
    assert named
    assert named <= read


VOID, PROFORMA = (f"WHEN COALESCE(i.`{flag}`, 0) <> 0 THEN 'cancelled' " for flag in ("void", "proforma"))
WORD = "LOWER(TRIM(i.`invoice_status`))"
ENDED, NOT_OWED = (f"WHEN {WORD} IN ({words}) THEN 'cancelled' " for words in (_VOID, _NOT_OWED))
FLAG, DAY = "WHEN COALESCE(i.`paid`, 0) <> 0 THEN 'paid' ", "WHEN i.`paid_date` > '1970-01-01' THEN 'paid' "
WORDS = (
    f"WHEN {WORD} IN ('paid', 'settled') THEN 'paid' WHEN {WORD} IN ('disputed', 'dispute') THEN 'disputed' "
)
KNOWN = f"COALESCE({WORD}, '')"
OPEN = f"WHEN {KNOWN} IN ({_UNPAID}, {_ISSUED}) THEN 'open' ELSE {KNOWN} END"
STATUS = f"CASE {VOID}{PROFORMA}{ENDED}{FLAG}{DAY}{NOT_OWED}{WORDS}{OPEN}"
ALONE = f"WHEN {WORD} IN ({_UNPAID}) THEN 'open' ELSE {WORD} END"


def test_open_invoices_are_those_neither_paid_nor_cancelled():
    every = sql("invoices").replace(" JOIN `customer` c", " LEFT JOIN `customer` c")
    assert sql("open_invoices") == f"{every} WHERE {STATUS} NOT IN ('paid', 'cancelled')"
    assert f"CASE WHEN {STATUS} IN ('paid', 'cancelled') THEN 0 ELSE (SELECT ROUND(" in sql("invoices")
    assert f"{STATUS} AS status" in sql("invoices")
    assert "COALESCE(NULLIF(TRIM(i.`currency`), ''), 'CHF') AS currency" in sql("invoices")
    assert "'CHF' AS currency" in sql("invoices", "invoice.currency")


@pytest.mark.parametrize(
    ("missing", "status"),
    [
        ((), STATUS),
        (("invoice.proforma",), STATUS.replace(PROFORMA, "")),
        (("invoice.void", "invoice.proforma", "invoice.status"), f"CASE {FLAG}{DAY}ELSE 'open' END"),
        (("invoice.void", "invoice.proforma", "invoice.paid"), f"CASE {ENDED}{DAY}{NOT_OWED}{WORDS}{OPEN}"),
        (
            ("invoice.void", "invoice.proforma", "invoice.paid", "invoice.paid_on"),
            f"CASE {ENDED}{NOT_OWED}{ALONE}",
        ),
        (("invoice.proforma", "invoice.paid", "invoice.paid_on"), f"CASE {VOID}{ENDED}{NOT_OWED}{ALONE}"),
    ],
)
def test_whether_an_invoice_is_paid(missing, status):
    assert invoice_status(without(*missing)) == status


@pytest.mark.parametrize(
    ("question", "missing", "part"),
    [
        ("invoices", (), "COALESCE(NULLIF(TRIM(i.`invoice_number`), ''), CAST(i.`invoice_id` AS CHAR)) AS number"),
        ("invoices", ("invoice.number",), " CAST(i.`invoice_id` AS CHAR) AS number"),
        ("invoice_document", (), "COALESCE(NULLIF(TRIM(i.`invoice_number`), ''), CAST(i.`invoice_id` AS CHAR)) AS invoice_number"),
        ("invoice_document", ("invoice.number",), " CAST(i.`invoice_id` AS CHAR) AS invoice_number"),
        ("invoice_document", ("invoice.currency",), "(SELECT ROUND(COALESCE(SUM(t.`retail_cost`), 0), 2) FROM `transaction` t WHERE t.`invoice_id` = i.`invoice_id` AND COALESCE(t.`void`, 0) = 0) AS total_amount"),
        ("invoice_document", ("invoice.currency",), "(SELECT ROUND(COALESCE(SUM(COALESCE(t.`tax_amount`, t.`retail_cost` * t.`tax_percentage` / 100, 0)), 0), 2) FROM"),
        ("invoice_lines", (), "t.`description` AS description"),
        ("invoice_lines", ("transaction.description",), "t.`title` AS description"),
        ("invoice_lines", ("transaction.description", "transaction.title"), "CAST(t.`transaction_id` AS CHAR) AS description"),
        ("invoice_lines", (), "WHERE COALESCE(t.`void`, 0) = 0"),
        ("services", (), "s.`service_name` AS service_name"),
        ("services", ("service.name",), "d.`product_name` AS service_name"),
        ("services", ("service.name", "product.name"), "s.`service_uuid` AS service_name"),
        ("services", ("service.name", "product"), "s.`service_uuid` AS service_name"),
        ("services", (), "LEFT JOIN `product` d ON d.`product_id` = s.`product_id`"),
        ("services", (), "AND s.`service_uuid` <> ''"),
        ("customers", (), "JSON_OBJECT('account_type', c.`customer_account_type`, 'status', c.`customer_status`, 'payment_type', c.`customer_payment_type`, 'marketing', (SELECT"),
        ("customers", (), ", 'plan', (SELECT"),
        ("customers", ("attribute", "customer.status"), "JSON_OBJECT('account_type', c.`customer_account_type`, 'payment_type', c.`customer_payment_type`) AS custom_fields"),
        ("customers", (), "LEFT JOIN `site` s ON s.`site_id` = (SELECT MIN(x.`site_id`) FROM `site` x WHERE x.`customer_id` = c.`customer_id`)"),
        ("changed_customers", (), "AND (c.`last_modified` >= :updated_since OR c.`customer_id` IN (SELECT n.`customer_id` FROM `contact` n WHERE n.`last_modified` >= :updated_since))"),
        ("changed_customers", ("contact.updated",), "AND (c.`last_modified` >= :updated_since)"),
        ("contacts", (), "WHERE TRIM(p.`contact_email`) <> ''"),
        ("exclusions", (), "WHERE COALESCE(LOWER(TRIM(c.`customer_status`)) IN ('closed', 'archived', 'archive') OR COALESCE(c.`customer_enabled`, 1) = 0, 0) OR COALESCE(LOWER(TRIM((SELECT"),
        ("exclusions", ("attribute",), "= 0, 0) OR 0"),
        ("exclusions", ("attribute", "customer.status", "customer.enabled"), "WHERE 0 OR 0"),
    ],
)  # fmt: skip
def test_parts_of_the_queries(question, missing, part):
    assert part in sql(question, *missing)


@pytest.mark.parametrize(
    ("question", "missing", "part"),
    [
        ("services", ("product.id",), "LEFT JOIN `product`"),
        ("customers", ("site.id",), "LEFT JOIN `site`"),
        ("invoice_document", ("site.customer",), "LEFT JOIN `site`"),
        (
            "customers",
            ("attribute", "customer.status", "customer.payment_type", "customer.account_type"),
            "custom_fields",
        ),
    ],
)
def test_parts_that_go_with_what_is_missing(question, missing, part):
    assert part in sql(question)
    assert part not in sql(question, *missing)


def test_the_pieces_of_sql():
    schema = without()
    assert literal("O'Neil \\ 10:30 :name ::x a\\:b") == r"'O''Neil \\ 10:30 \:name ::x a\\:b'"
    assert (
        link(schema, "https://x/{invoice_id}/{customer_id}")
        == "CONCAT('https://x/', i.`invoice_id`, '/', i.`customer_id`)"
    )
    assert link(schema, "{invoice_id}") == "CONCAT(i.`invoice_id`)"
    assert link(schema, "") is None
    assert attribute(schema, "", "c.id") is None
    assert attribute(without("attribute.value"), "plan", "c.id") is None
    assert attribute(schema, "plan", "c.id") == (
        "(SELECT MIN(a.`attribute_value`) FROM `customer_attribute` a WHERE a.`customer_id` = c.id AND a.`attribute_name` = 'plan')"
    )
    assert is_no("x") == "LOWER(TRIM(x)) IN ('off', 'no', 'false', '0', 'non', 'never')"
    assert gone(without("customer.status", "customer.enabled")) == "0"
    assert (
        gone(without("customer.enabled"))
        == "COALESCE(LOWER(TRIM(c.`customer_status`)) IN ('closed', 'archived', 'archive'), 0)"
    )
    assert gone(without("customer.status")) == "COALESCE(COALESCE(c.`customer_enabled`, 1) = 0, 0)"
    assert contact_name(schema) == "TRIM(CONCAT_WS(' ', p.`contact_firstname`, p.`contact_lastname`))"
    assert contact_name(without("contact.last")) == "p.`contact_name`"
    assert contact_name(without("contact.first", "contact.name")) == "''"
    start = "(SELECT p.`contact_email` FROM `contact` p WHERE p.`customer_id` = c.id AND p.`contact_email` LIKE '%_@_%._%' ORDER BY "
    assert (
        best_email(schema, SETTINGS, "c.id")
        == f"{start}COALESCE(p.`contact_types` LIKE '%billing%', 0) DESC, p.`contact_id` LIMIT 1)"
    )
    assert best_email(without("contact.types"), SETTINGS, "c.id") == f"{start}p.`contact_id` LIMIT 1)"
    assert transactions_sum(
        without("invoice.currency"), ("t.`retail_cost`", tax(schema)), OmnicrmSettings()
    ) == (
        "(SELECT ROUND(COALESCE(SUM(t.`retail_cost`), 0), 2) + "
        "ROUND(COALESCE(SUM(COALESCE(t.`tax_amount`, t.`retail_cost` * t.`tax_percentage` / 100, 0)), 0), 2) FROM `transaction` t "
        "WHERE t.`invoice_id` = i.`invoice_id` AND COALESCE(t.`void`, 0) = 0)"
    )
    assert selected({"a": "x", "b": None, "c": "y"}) == "x AS a,\n       y AS c"
    assert (column(schema, "s", "site.city"), column(without("site"), "s", "site.city")) == ("s.`city`", None)
    columns, join = first_site(schema, "c.id", {"city": "site.city"})
    assert columns == {"city": "s.`city`"}
    assert join.endswith("(SELECT MIN(x.`site_id`) FROM `site` x WHERE x.`customer_id` = c.id)")
    assert first_site(without("site.customer"), "c.id", {"city": "site.city"}) == ({}, "")


@pytest.mark.parametrize(
    ("status", "late"),
    [
        ({"Seconds_Behind_Master": 60}, False),
        ({"Seconds_Behind_Master": 61}, True),
        ({"Seconds_Behind_Source": "61"}, True),
        ({"Seconds_Behind_Master": 0, "Seconds_Behind_Source": 99}, False),
        ({"Seconds_Behind_Master": None}, True),
    ],
)
def test_how_far_a_replica_may_be_behind(status, late):
    assert bool(lag_faults(status)) is late


@pytest.mark.parametrize(
    ("given", "urls"),
    [
        ({"username": "u", "password": Secret("p@:/"), "server": "db:3307"}, ["mysql+pymysql://u:p%40%3A%2F@db:3307/omnicrm?charset=utf8mb4", "mysql+pymysql://u:p%40%3A%2F@db:3307/crm?charset=utf8mb4"]),
        ({"username": "u"}, ["mysql+pymysql://u@localhost:3306/omnicrm?charset=utf8mb4", "mysql+pymysql://u@localhost:3306/crm?charset=utf8mb4"]),
        ({"username": "u", "server": "db:x"}, ["mysql+pymysql://u@db:3306/omnicrm?charset=utf8mb4", "mysql+pymysql://u@db:3306/crm?charset=utf8mb4"]),
    ],
)  # fmt: skip
def test_where_the_database_may_be(given, urls):
    found = urls_of(OmnicrmSettings(database=SharedDatabase(**given)))
    assert [one.render_as_string(hide_password=False) for one in found] == urls


def test_the_operators_own_address_is_the_only_one():
    own = OmnicrmSettings(url=Secret("mysql+pymysql://u@h/x"), database=SharedDatabase(username="v"))
    assert [str(one) for one in urls_of(own)] == ["mysql+pymysql://u@h/x"]
    with pytest.raises(Misconfigured, match="neither"):
        urls_of(OmnicrmSettings())


@pytest.mark.parametrize(
    ("number", "raised"),
    [
        (1049, None),
        (1044, None),
        (1045, Misconfigured),
        (1698, Misconfigured),
        (2003, Unreachable),
        (None, Unreachable),
    ],
)
def test_what_mariadbs_numbers_mean(number, raised):
    original = Exception(number, "no") if number else Exception()
    fault = OperationalError("SELECT 1", {}, original)
    if raised is None:
        assert module._raise_unless_absent(fault) is None
        return
    with pytest.raises(raised) as caught:
        module._raise_unless_absent(fault)
    assert type(caught.value) is raised


class Engines:
    """Engines by database: a fault, or the tables that are there."""

    def __init__(self, **found):
        self.found = found
        self.closed = []

    def connect(self, url):
        return SimpleNamespace(name=url.database, dispose=lambda: self.closed.append(url.database))

    def columns(self, engine):
        found = self.found[engine.name]
        if isinstance(found, Exception):
            raise found
        return found


def absent(number):
    return OperationalError("SELECT 1", {}, Exception(number, "no"))


@pytest.mark.parametrize(
    ("omnicrm", "crm", "name", "closed"),
    [
        ({"invoice": {}}, {"invoice": {}}, "omnicrm", []),
        ({}, {"invoice": {}}, "crm", ["omnicrm"]),
        (absent(1049), {"invoice": {}}, "crm", ["omnicrm"]),
        (absent(1044), {"invoice": {}}, "crm", ["omnicrm"]),
        (absent(1049), {}, None, ["omnicrm", "crm"]),
    ],
)
def test_the_first_database_that_has_tables_is_taken(monkeypatch, omnicrm, crm, name, closed):
    engines = Engines(omnicrm=omnicrm, crm=crm)
    monkeypatch.setattr(module, "_columns", engines.columns)
    settings = OmnicrmSettings(database=SharedDatabase(username="u"))
    if name is None:
        with pytest.raises(Misconfigured, match="called omnicrm or crm on that server"):
            module._first_database(settings, engines.connect)
    else:
        found = module._first_database(settings, engines.connect)
        assert (found[0], found[1].name, found[2]) == (name, name, {"invoice": {}})
    assert engines.closed == closed

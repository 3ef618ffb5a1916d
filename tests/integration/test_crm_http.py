from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.crm import CrmSettings
from mailworker.crm import open_source
from mailworker.errors import Misconfigured, Throttled, Unreachable
from tests.integration.omnicrm import Crm, serving

pytestmark = pytest.mark.integration

FIELDS = {
    "invoices": {
        "invoice_id": "id",
        "email": "customer.email",
        "customer_name": "customer.name",
        "owed": "amount.left",
        "total": "amount.total",
    }
}


def invoice(number, status="open"):
    return {
        "id": number,
        "customer_id": number % 7,
        "status": status,
        "due_date": "2026-11-30",
        "currency": "EUR",
        "amount": {"left": 19.99, "total": 29.99},
        "customer": {"email": "a@courriel.example", "name": "Zoé Nguyen"},
        "number": f"FA-{number}",
    }


@pytest.fixture
def server():
    crm = Crm()
    crm.records["invoice"] = {str(n): invoice(n, "paid" if n % 5 == 0 else "open") for n in range(1, 26)}
    with serving(crm) as url:
        crm.url = url
        yield crm


@pytest.fixture
def connect(server):
    opened = []

    def opener(page_size=10, **http):
        way_in = {} if "email" in http else {"api_key": "key"}
        keys = {"base_url": server.url, "fields": FIELDS, "read_timeout": "2s"} | way_in | http
        opened.append(open_source(CrmSettings(source="http", http=keys, page_size=page_size)))
        return opened[-1]

    yield opener
    for source in opened:
        source.close()


ROBOT = {"refresh_path": "/crm/auth/refresh", "email": "robot@crm.example", "password": "s3cret"}


def ids(source):
    return [int(one.invoice_id) for page in source.open_invoices() for one in page.records]


def test_all_pages_are_read_and_fields_are_found_by_their_paths(connect):
    crm = connect()
    assert ids(crm) == list(range(1, 26))
    found = crm.invoice("7")
    assert (found.email, found.owed, found.total) == (
        "a@courriel.example",
        Decimal("19.99"),
        Decimal("29.99"),
    )


@pytest.mark.parametrize("read", [1, 9, 10, 11, 25])
def test_reading_goes_on_after_any_record_and_misses_none(connect, read):
    crm = connect()
    pages = list(crm.open_invoices())
    end = [one for page in pages for one in page.ends][read - 1]
    rest = [int(one.invoice_id) for page in crm.open_invoices(after=end) for one in page.records]
    assert rest[-25 + read :] == list(range(read + 1, 26)) or read == 25
    assert len(rest) < 25 - read + 10, "at most the rest of its page again"
    assert [page.end for page in pages] == [(1,), (2,), (3,)]


def test_the_list_may_be_narrowed_in_its_path(connect):
    lists = {"open_invoices": "/crm/invoice/?paid=false", "invoices": "/crm/invoice/"}
    own = FIELDS["invoices"] | {"customer_name": "number"}
    crm = connect(lists=lists, fields=FIELDS | {"open_invoices": own})
    assert ids(crm) == [n for n in range(1, 26) if n % 5]
    assert next(iter(crm.open_invoices())).records[0].customer_name == "FA-1"
    assert (crm.invoice("5").status, crm.invoice("5").customer_name) == ("paid", "Zoé Nguyen")


def test_changed_customers_are_asked_for_in_utc(server, connect):
    server.records["customer"] = {
        str(n): {"id": n, "called": f"Client {n}", "contacts": []} for n in range(1, 13)
    }
    lists = {"changed_customers": "/crm/customer/?updated_after={updated_since}"}
    crm = connect(lists=lists, fields={"customers": {"customer_id": "id", "name": "called"}})
    since = datetime(2026, 11, 30, 9, tzinfo=ZoneInfo("Europe/Paris"))
    found = [one for page in crm.changed_customers(since) for one in page.records]
    assert [one.name for one in found] == [f"Client {n}" for n in range(1, 13)]
    asked = [parse_qs(urlsplit(path).query)["updated_after"] for path in server.calls if "?" in path]
    assert asked == [["2026-11-30T08:00:00Z"]] * 3
    assert crm.check() == []


def test_an_api_that_gives_fewer_than_asked_for_is_still_read_to_the_end(server, connect):
    server.largest_page = 4
    assert ids(connect()) == list(range(1, 26))


def test_an_api_that_counts_no_pages_is_read_once(server, connect):
    server.counts_pages = False
    assert ids(connect(page_size=100)) == list(range(1, 26))
    assert len(server.calls) == 2


def test_a_bare_list_is_read_too(server, connect):
    server.envelope = ""
    assert ids(connect(records_field="")) == list(range(1, 26))


def test_what_is_gone_is_none(connect):
    assert connect().invoice("999") is None


def test_an_id_stays_inside_its_path(server, connect):
    assert connect().invoice("../customer/1?x=") is None
    assert server.calls == ["/crm/invoice/..%2Fcustomer%2F1%3Fx%3D"]


def test_customers_come_with_their_contacts(server, connect):
    server.records["customer"] = {"1": {"customer_id": 1, "name": "Garage Vidal"}}
    server.records["contact"] = {
        "1": [{"contact_id": n, "customer_id": 1, "name": "n", "email": "e"} for n in (1, 2)]
    }
    items = {"customers": "/crm/customer/{id}", "contacts": "/crm/contact/customer/{id}"}
    found = connect(items=items).customer("1")
    assert [one.contact_id for one in found.contacts] == ["1", "2"]


def test_a_login_is_made_once_and_its_token_used(server, connect):
    assert ids(connect(**ROBOT)) == list(range(1, 26))
    assert (server.logins, server.refreshes) == (1, 0)


def test_a_token_about_to_die_is_refreshed_before_the_call(server, connect):
    server.expires = 1
    crm = connect(**ROBOT)
    assert crm.invoice("1").invoice_id == "1"
    assert crm.invoice("2").invoice_id == "2"
    assert (server.logins, server.refreshes) == (1, 1)
    assert len(server.calls) == 2


def test_a_refused_token_is_refreshed_and_the_call_made_again(server, connect):
    crm = connect(**ROBOT)
    crm.invoice("1")
    server.good_tokens = set()  # as after OmniCRM changed its signing key
    assert crm.invoice("2").invoice_id == "2"
    assert (server.logins, server.refreshes) == (1, 1)


def test_a_refused_refresh_is_followed_by_a_login(server, connect):
    crm = connect(**ROBOT)
    crm.invoice("1")
    server.good_tokens, server.takes_refresh = set(), False
    assert crm.invoice("2").invoice_id == "2"
    assert (server.logins, server.refreshes) == (2, 1)


@pytest.mark.parametrize(
    ("http", "sentence"),
    [
        ({"email": "robot@crm.example", "password": "wrong"}, "refuses the login; check crm.http.email"),
        ({"api_key": "old"}, "refuses the list of invoices; check the API key"),
        ({"lists": {"invoices": "/crm/nothing/here"}}, "answered 404 to the list of invoices"),
        ({"records_field": "items"}, "set crm.http.records_field"),
        (ROBOT | {"token_field": "jwt"}, "answered without jwt; set crm.http.token_field"),
        ({"fields": {}}, "no field answers email; name it as `email: field.in.json`"),
    ],
)
def test_doctor_tells_what_is_wrong(server, connect, http, sentence):
    server.records["nothing"] = {}
    faults = connect(**http).check()
    assert any(sentence in fault for fault in faults), faults
    assert not any("s3cret" in fault or "wrong" in fault for fault in faults)


def test_doctor_finds_nothing_wrong(connect):
    assert connect(lists={"invoices": "/crm/invoice/"}).check() == []


def test_doctor_warns_of_a_key_in_clear():
    crm = open_source(CrmSettings(source="http", http={"base_url": "http://crm.invalid", "api_key": "k"}))
    assert (
        "crm.http.base_url is http: the key or password travels readable for all; use https." in crm.check()
    )
    crm.close()


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        ((500, {}, b"oops"), Unreachable, "answered 500"),
        ((503, {}, b"<html>"), Unreachable, "answered 503"),
        ((403, {}, b"{}"), Misconfigured, "refuses one of invoices"),
        ((302, {"Location": "http://elsewhere.invalid/"}, b""), Misconfigured, "redirects"),
        ((302, {"Location": "http://[bad"}, b""), Misconfigured, "redirects"),
        ((302, {"Location": "/connexion?retour=\xe9"}, b""), Misconfigured, "redirects"),  # latin-1
        ((200, {}, b"<html>login</html>"), Misconfigured, "not JSON"),
        ((200, {"Content-Length": "99"}, b"{"), Unreachable, "cannot be reached"),
    ],
)
def test_what_bad_answers_mean(server, connect, answer, error, sentence):
    server.answers = [answer]
    with pytest.raises(error, match=sentence):
        connect().invoice("1")


@pytest.mark.parametrize(
    ("header", "wait"), [({"Retry-After": "7"}, 7), ({}, 60), ({"Retry-After": "soon"}, 60)]
)
def test_too_many_calls_are_waited_for(server, connect, header, wait):
    server.answers = [(429, header, b"<html>")]
    with pytest.raises(Throttled) as told:
        connect().invoice("1")
    assert told.value.retry_after == wait


def test_nobody_there_is_unreachable():
    crm = open_source(CrmSettings(source="http", http={"base_url": "http://127.0.0.1:1", "api_key": "k"}))
    with pytest.raises(Unreachable) as told:
        crm.invoice("zoe")
    assert "zoe" not in str(told.value)
    crm.close()


def test_one_bad_record_stops_no_scan(server, connect):
    server.records["invoice"]["3"]["due_date"] = "soon"
    pages = list(connect().open_invoices())
    assert sum(len(page.records) for page in pages) == 24
    assert [fault for page in pages for fault in page.faults] == [
        "Invoice 3: due_date is not a date like 2026-11-30."
    ]


def test_the_login_is_not_taken_from_netrc(server, connect, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert connect(**ROBOT).invoice("1").invoice_id == "1"

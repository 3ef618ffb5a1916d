"""What a charging engine's account, and a CRM's answer, mean when they are not as they should be."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests

from mailworker.crm.cgrates.account import Account, EngineBalance, moment, number, read_account
from mailworker.crm.http_responses import checked, json_of, unreachable
from mailworker.errors import BadInput, Misconfigured, Throttled, Unreachable

GOOD = {"Uuid": "u1", "ID": "main", "Value": Decimal("1.5"), "ExpirationDate": "2026-12-01T00:00:00Z"}


def test_an_account_and_its_balances():
    raw = {
        "ID": "cgrates.org:1001",
        "Disabled": True,
        "BalanceMap": {
            "*monetary": [GOOD, GOOD | {"Uuid": "u2", "Disabled": True}, {"Uuid": "u3"} | {"Value": 0}],
            "*data": None,
        },
    }
    assert read_account(raw) == Account(
        "cgrates.org",
        "1001",
        True,
        (
            EngineBalance("u1", "*monetary", "main", Decimal("1.5"), datetime(2026, 12, 1, tzinfo=UTC)),
            EngineBalance(
                "u2", "*monetary", "main", Decimal("1.5"), datetime(2026, 12, 1, tzinfo=UTC), disabled=True
            ),
            EngineBalance("u3", "*monetary", "", Decimal(0)),
        ),
    )
    assert read_account({"ID": "t:a:b"}) == Account("t", "a:b", False, ())


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ({"Categories": {}, "DestinationIDs": None, "RatingSubject": "", "Timings": None, "Weight": 10}, ""),
        ({"Categories": {"roaming": True}}, '{"Categories": {"roaming": true}}'),
        (
            {"TimingIDs": {"NIGHT": True}, "RatingSubject": "*zero1s"},
            '{"RatingSubject": "*zero1s", "TimingIDs": {"NIGHT": true}}',
        ),
    ],
)
def test_for_which_use_a_balance_may_be_taken(more, scope):
    (found,) = read_account({"ID": "t:a", "BalanceMap": {"*data": [GOOD | more]}}).balances
    assert found.scope == scope


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (None, "account: has no ID of the form tenant:account."),
        ({}, "account: has no ID of the form tenant:account."),
        ({"ID": 7}, "account: has no ID of the form tenant:account."),
        ({"ID": "1001"}, "account: its ID is not of the form tenant:account."),
        ({"ID": ":1001"}, "account: its ID is not of the form tenant:account."),
        ({"ID": "t:"}, "account: its ID is not of the form tenant:account."),
        ({"ID": "t:a", "BalanceMap": [1]}, "account: BalanceMap is no object."),
        ({"ID": "t:a", "BalanceMap": {"*sms": {}}}, "account: BalanceMap.*sms is no list."),
        ({"ID": "t:a", "BalanceMap": {"*sms": ["x"]}}, "account: BalanceMap.*sms holds something that is no balance."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [{}]}}, "account: a balance of type *sms has no Uuid."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [{"Uuid": 7}]}}, "account: a balance of type *sms has no Uuid."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"Value": True}]}}, "account: a Value is no number."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"Value": "x"}]}}, "account: a Value is no number."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"Value": None}]}}, "account: a Value is no number."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"Value": "1e31"}]}}, "account: a Value is not finite, or larger than any balance."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"Value": "NaN"}]}}, "account: a Value is not finite, or larger than any balance."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"ExpirationDate": 7}]}}, "account: a time is not like 2026-12-01T00:00:00Z."),
        ({"ID": "t:a", "BalanceMap": {"*sms": [GOOD | {"ExpirationDate": "2026-13-01T00:00:00Z"}]}}, "account: a time is not like 2026-12-01T00:00:00Z."),
    ],
)  # fmt: skip
def test_one_sentence_for_what_is_wrong_with_an_account(raw, told):
    with pytest.raises(BadInput) as fault:
        read_account(raw)
    assert fault.value.faults == (told,)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("1.123456", "1.12346"), (7, "7"), ("-3", "-3"), ("1e30", "1e30"), ("-1e30", "-1e30"), ("99999999999999999999", "99999999999999999999")],
)  # fmt: skip
def test_numbers_are_rounded_to_five_places_and_never_lost(raw, value):
    assert number(raw) == Decimal(value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (None, None),
        ("", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-12-01T00:00:00.123456789Z", datetime(2026, 12, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("2026-12-01T00:00:00.5+02:00", datetime(2026, 11, 30, 22, 0, 0, 500000, tzinfo=UTC)),
    ],
)
def test_moments_of_go(raw, value):
    assert moment(raw) == value


def response(status, headers=(), body=b"{}"):
    made = requests.Response()
    made.status_code = status
    made.headers.update(dict(headers))
    made._content = body
    return made


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (299, None, ""),
        (
            300,
            Misconfigured,
            "OmniCRM redirects invoices elsewhere; set crm.http.base_url to where it leads.",
        ),
        (399, Misconfigured, "OmniCRM redirects invoices elsewhere"),
        (400, Misconfigured, "OmniCRM answered 400 to invoices; check its path."),
        (401, Misconfigured, "OmniCRM refuses invoices; check the API key, or the user's rights."),
        (403, Misconfigured, "OmniCRM refuses invoices"),
        (404, Misconfigured, "OmniCRM answered 404 to invoices; check its path."),
        (429, Throttled, "OmniCRM asks for fewer calls."),
        (499, Misconfigured, "OmniCRM answered 499 to invoices"),
        (500, Unreachable, "OmniCRM answered 500 to invoices."),
        (599, Unreachable, "OmniCRM answered 599 to invoices."),
    ],
)
def test_each_status_means_what_to_do(status, error, told):
    answer = response(status)
    if error is None:
        assert checked(answer, "invoices") is answer
        return
    with pytest.raises(error) as fault:
        checked(answer, "invoices")
    assert str(fault.value).startswith(told)
    if error is Misconfigured:
        assert fault.value.code == str(status)


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("", 60.0), ("Wed, 21 Oct", 60.0), ("1.5", 60.0)])
def test_how_long_to_wait(said, seconds):
    with pytest.raises(Throttled) as fault:
        checked(response(429, {"Retry-After": said}), "x")
    assert fault.value.retry_after == seconds


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (requests.exceptions.InvalidURL("http://secret"), Misconfigured, "crm.http.base_url is not an address that can be called."),
        (requests.exceptions.InvalidSchema("x"), Misconfigured, "crm.http.base_url is not an address that can be called."),
        (requests.exceptions.SSLError("x"), Misconfigured, "OmniCRM's certificate is not trusted here."),
        (requests.exceptions.ReadTimeout("x"), Unreachable, "OmniCRM did not answer in time."),
        (requests.exceptions.ConnectTimeout("x"), Unreachable, "OmniCRM did not answer in time."),
        (requests.exceptions.ConnectionError("x"), Unreachable, "OmniCRM cannot be reached."),
    ],
)  # fmt: skip
def test_each_silence_means_what_to_do(fault, error, told):
    found = unreachable(fault)
    assert (type(found), str(found)) == (error, told)


def test_json_keeps_exact_numbers():
    assert json_of(response(200, body=b'{"a": 0.10}'), "x") == {"a": "0.10"}
    with pytest.raises(Misconfigured, match="something that is not JSON"):
        json_of(response(200, body=b"<html>"), "invoices")

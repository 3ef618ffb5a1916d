"""CGRateS's own JSON: its numbers, its times, its errors, and what it posts."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.cgrates import CgratesSettings
from mailworker.crm.cgrates import CgratesClient, read_account
from mailworker.crm.cgrates.account import moment, number
from mailworker.crm.cgrates.allowances import allowances_of
from mailworker.crm.cgrates.parse_post import Named, read_post
from mailworker.errors import BadInput, Misconfigured, Unreachable
from mailworker.rules.balance_history import Reading, first_sight, seen_again
from tests.omnicrm.cgrates import Balance, Cgrates, go_json, go_number, serving

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (-1e-7, "-1e-7"),
        (1.5, "1.5"),
        (3.0, "3"),
        (-2.5, "-2.5"),
    ],
)
def test_the_stand_in_writes_numbers_as_go_does(value, written):
    assert go_number(value) == written


@given(st.floats(-1e25, 1e25))
def test_every_number_of_gos_is_read_to_five_places(value):
    found = number(json.loads(go_number(value), parse_float=str))
    assert abs(found - Decimal(repr(value))) <= max(
        Decimal("0.00001"), abs(Decimal(repr(value))) * Decimal("1e-14")
    )


@pytest.mark.parametrize("raw", [None, True, "NaN", "Infinity", "1e40", "x", [], {}])
def test_what_is_no_number_is_refused(raw):
    with pytest.raises(BadInput, match="Value"):
        number(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        ("2026-12-01T00:00:00Z", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-11-28T14:03:57.961651647+01:00", datetime(2026, 11, 28, 13, 3, 57, 961651, tzinfo=UTC)),
        ("2026-11-28T14:03:57.9Z", datetime(2026, 11, 28, 14, 3, 57, 900000, tzinfo=UTC)),
    ],
)
def test_times(raw, expected):
    assert moment(raw) == expected


@pytest.mark.parametrize("raw", ["tomorrow", "2026-13-01T00:00:00Z", "2026-02-30T23:59:59-23:00", 5])
def test_what_is_no_time_is_refused(raw):
    with pytest.raises(BadInput, match="a time"):
        moment(raw)


def test_an_account_as_the_engine_writes_it():
    engine = Cgrates()
    engine.account(
        "4f1c", engine.balance("*data", "Data Package", 1e21), Balance("u", "*default", "*monetary", -2.5)
    )
    engine.account("4f1c").balances  # noqa: B018 - an account without balances has a null BalanceMap
    assert read_account(json.loads(go_json(engine.accounts["4f1c"].wire(NOW)))).balances == ()
    account = engine.account("a:b", Balance("u-1", "Data Package", "*data", 1e21, NOW), Balance("u-2", "x", "*sms", 2, disabled=True))  # fmt: skip
    found = read_account(json.loads(go_json(account.wire(NOW)), parse_float=str))
    assert (found.tenant, found.name, found.disabled) == ("cgrates.org", "a:b", False)
    one, off = found.balances
    assert (one.disabled, off.disabled) == (False, True)
    assert (one.uuid, one.type, one.name, one.value, one.expires_at) == ("u-1", "*data", "Data Package", Decimal("1e21"), NOW)  # fmt: skip


ACCOUNT = {"ID": "cgrates.org:4f1c", "BalanceMap": None}
EVENT = {"Tenant": "cgrates.org", "ID": "x", "Time": "t", "Event": {"Tenant": "cgrates.org", "AccountID": "4f1c", "BalanceSummaries": []}, "APIOpts": {"*eventType": "AccountUpdate"}}  # fmt: skip
V010 = {"Tenant": "cgrates.org", "ID": "x", "Event": {"Account": "4f1c", "BalanceID": "Data", "Units": 5}}
OURS = (Named("cgrates.org", "4f1c"),)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (ACCOUNT, OURS),
        ({"Account": ACCOUNT, "EventType": "AccountUpdate", "EventSource": "AccountS"}, OURS),
        (EVENT, OURS),
        (V010, OURS),
        ([EVENT, ACCOUNT], OURS * 2),
        ({"EventType": "ThresholdHit", "ID": "TH", "Hits": 1, "Snooze": "t", "ThresholdConfig": {}}, ()),
        ({"ID": "other:4f1c", "BalanceMap": {}}, (Named("other", "4f1c"),)),
        ({"Tenant": "t", "AccountID": "t:4f1c"}, (Named("t", "4f1c"),)),
        ({"*req": {"Tenant": "t", "Account": "4f1c"}, "*opts": {}}, (Named("t", "4f1c"),)),
        ({"Tenant": "t", "ID": "x", "Event": {"EventType": "ThresholdHit", "ID": "TH"}}, ()),
    ],
)
def test_the_kinds_of_post_are_told_apart(body, named):
    assert read_post(json.dumps(body)) == named


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"Tenant": "cgrates.org", "Account": "4f1c", "Units": "5"}, OURS),
        ({"AccountID": "4f1c é&=+", "Tenant": "t", "BalanceSummaries": '[{"ID":"x"}]'}, (Named("t", "4f1c é&=+"),)),
        ({"Account": "cgrates.org:4f1c", "Tenant": "cgrates.org"}, OURS),
        ({"EventType": "ThresholdHit", "ID": "TH", "Hits": "1"}, ()),
    ],
)  # fmt: skip
def test_an_exporter_of_type_http_post_sends_a_form(fields, named):
    """As Go's url.Values.Encode writes it: sorted by key, a blank as +."""
    assert read_post(urlencode(sorted(fields.items()))) == named


@pytest.mark.parametrize("body", ["", "null", "7", "<html>", "a=b", "Account=", "Account", "=", "a=%zz&b", "{}", '{"ID": "x", "BalanceMap": {}}', "[" * 5000, '{"Event": {"AccountID": 7}}'])  # fmt: skip
def test_a_post_that_names_no_account_is_refused_with_a_sentence(body):
    with pytest.raises(BadInput, match=r"^post: "):
        read_post(body)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(["ID", "BalanceMap", "Account", "AccountID", "Event", "Tenant", "EventType", ""]), x, max_size=5), max_leaves=12))  # fmt: skip
def test_no_body_breaks_the_reader(body):
    try:
        found = read_post(json.dumps(body))
    except BadInput:
        return
    assert all(one.account for one in found)


def client_of(url, **more):
    return CgratesClient(CgratesSettings(url=url, **more))


def test_accounts_are_asked_for_by_name_in_batches():
    engine = Cgrates()
    for n in range(5):
        engine.account(f"s{n}", engine.balance("*data", "Data", n))
    with serving(engine) as url:
        client = client_of(url, batch=2)
        found, faults = client.accounts([f"s{n}" for n in range(7)])
        client.close()
    assert set(found) == {f"s{n}" for n in range(5)}
    assert faults == []
    assert [len(given["AccountIDs"]) for _, given in engine.calls] == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((200, '{"id":1,"result":null,"error":"SERVER_ERROR: redis gone for 4f1c"}'), Unreachable, "SERVER_ERROR"),
        ((200, '{"id":1,"result":null,"error":"rpc: can\'t find method APIerSv2.GetAccounts"}'), Misconfigured, "does not know"),
        ((200, "<html>login</html>"), Misconfigured, "is not CGRateS"),
        ((302, ""), Misconfigured, "is not CGRateS"),
        ((404, "404 page not found"), Misconfigured, "is not CGRateS"),
        ((401, ""), Misconfigured, "refuses the login"),
        ((502, "<html>"), Unreachable, "502"),
        ((200, '{"result": NaN}'), Misconfigured, "is not CGRateS"),
        ((200, '{"status": "ok"}'), Misconfigured, "is not CGRateS"),  # a health page, say
        ((200, '{"result": {"items": []}, "error": null}'), Misconfigured, "is not CGRateS"),
        ((200, '{"result": [{"ID": "cgrates.org:4f1c", "Balan'), Misconfigured, "is not CGRateS"),
    ],
)  # fmt: skip
def test_what_is_no_answer(answer, error, words):
    engine = Cgrates()
    engine.answers.append(answer)
    with serving(engine) as url:
        client = client_of(url)
        with pytest.raises(error, match=words) as caught:
            client.accounts(["4f1c"])
        client.close()
    assert type(caught.value) is error
    assert "4f1c" not in str(caught.value)


def test_a_number_that_is_none_harms_its_own_account_alone():
    rows = ", ".join(
        f'{{"ID": "cgrates.org:s{n}", "BalanceMap": {{"*data": [{{"Uuid": "u{n}", "Value": {value}}}]}}}}'
        for n, value in enumerate(["NaN", "7.5", "-Infinity"])
    )
    engine = Cgrates()
    engine.answers.append((200, f'{{"result": [{rows}], "error": null}}'))
    with serving(engine) as url:
        client = client_of(url)
        found, faults = client.accounts(["s0", "s1", "s2"])
        client.close()
    assert {name: str(one.balances[0].value) for name, one in found.items()} == {"s1": "7.50000"}
    assert faults == ["account: a Value is not finite, or larger than any balance."] * 2


def test_nothing_found_is_nothing():
    engine = Cgrates()
    engine.answers.append((200, '{"id":1,"result":null,"error":"NOT_FOUND"}'))
    with serving(engine) as url:
        client = client_of(url)
        assert client.accounts(["4f1c"]) == ({}, [])
        client.close()


def test_basic_login():
    engine = Cgrates()
    engine.login = ("admin", "s3:cret")
    engine.account("4f1c")
    with serving(engine) as url:
        client = client_of(url, user="admin", password="s3:cret")
        assert set(client.accounts(["4f1c"])[0]) == {"4f1c"}
        client.close()


def test_an_engine_that_is_away_is_for_later():
    client = client_of("http://127.0.0.1:9/jsonrpc")
    with pytest.raises(Unreachable):
        client.version()
    client.close()


def test_an_actions_top_ups_say_what_is_full():
    parts = [
        {
            "ActionType": "*topup_reset",
            "Balance": {"ID": "Data", "Type": "*data", "Value": {"Static": 53687091200}},
        },
        {"Identifier": "*topup", "Balance": {"ID": "Voice", "Type": "*voice", "Value": 60}},
        {"ActionType": "*log", "Balance": {}},
        {"ActionType": "*topup", "Balance": {"Value": {"Formula": "x"}}},
    ]
    assert allowances_of(parts) == {("*data", "Data"): Decimal(53687091200), ("*voice", "Voice"): Decimal(60)}
    assert allowances_of(None) == {}


def reading(value, *, uuid="u", expires=None, name="Data"):
    return Reading(uuid, "4f1c", "*data", name, Decimal(value), expires)


values = st.lists(st.integers(0, 100), min_size=1, max_size=20)


@given(values)
def test_history_knows_the_highest_value_and_the_last_rise(seen_values):
    seen = first_sight(reading(seen_values[0]), NOW, started=True)
    expected_rise = None
    for n, value in enumerate(seen_values[1:], start=1):
        at = NOW + timedelta(minutes=n)
        if value > seen_values[n - 1]:
            expected_rise = (at, Decimal(value))
        seen = seen_again(seen, reading(value), at)
    assert seen.highest == max(seen_values)
    assert seen.first_seen == NOW
    assert (expected_rise or (None, None)) == (seen.topped_up_at, seen.level_after_top_up)


def test_nothing_new_is_the_very_same_object():
    seen = first_sight(reading(5), NOW, started=False)
    assert seen_again(seen, reading(5), NOW + timedelta(days=1)) is seen
    assert seen.at_start == 5

"""The local Mailjet's small deciders: the minute's meter, the faults' dice, addresses, settings."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from mailworker.errors import BadInput
from mailworker.simulator import SimulatorSettings
from mailworker.simulator.address_syntax import is_address
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.calls_per_minute import CallMeter
from mailworker.simulator.case_insensitive import fold
from mailworker.simulator.cross_site_guard import _is_ours
from mailworker.simulator.fault_rules import Fault, FaultRules, Match, RuleInput
from mailworker.simulator.handle_api_call import is_authorized
from mailworker.simulator.segment_expressions import SegmentError, read_segment


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 8))
def test_the_meter_counts_any_sixty_seconds(gaps, limit):
    meter = CallMeter(limit)
    accepted, arrived, moment = [], [], 0.0
    for gap in gaps:
        moment += gap
        arrived.append(moment)
        if meter.arrive("POST /v3.1/send", moment):
            accepted.append(moment)

    def fullest(moments):
        return max((sum(end - 60 < one <= end for one in moments) for end in moments), default=0)

    assert meter.accepted.most == fullest(accepted) <= limit
    assert meter.arrived.most == fullest(arrived)
    assert meter.refused == len(arrived) - len(accepted)


def test_a_limit_of_nothing_lets_everything_through():
    meter = CallMeter(0)
    assert all(meter.arrive("x", 0.0) for _ in range(1000))


def test_a_seed_repeats_the_same_faults():
    def strikes(seed):
        rules = FaultRules()
        rules.add(RuleInput(fault=Fault.PARTIAL_FAILURE, probability=0.3, seed=seed))
        return [rules.for_message(Fault.PARTIAL_FAILURE, str(n), []) is not None for n in range(200)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 30 < sum(strikes(1)) < 90


def test_a_rule_ends_after_its_times_and_the_next_one_takes_over():
    rules = FaultRules()
    first = rules.add(
        RuleInput(fault=Fault.PARTIAL_FAILURE, times=2, match=Match(recipient_contains="@bad."))
    )
    assert rules.for_message(Fault.PARTIAL_FAILURE, "", ["a@good.fr"]) is None
    hits = [rules.for_message(Fault.PARTIAL_FAILURE, "", ["x@y.fr", "a@bad.fr"]) for _ in range(3)]
    assert hits == [first, first, None]


@pytest.mark.parametrize(
    ("match", "strikes"),
    [
        ({}, True),
        ({"path": "/v3.1/"}, True),
        ({"path": "/v3/REST"}, False),
        ({"custom_id_prefix": "b-"}, True),
        ({"custom_id_prefix": "2"}, False),
        ({"recipient_contains": "@to."}, True),
        ({"recipient_contains": "@cc."}, True),
        ({"recipient_contains": "@bcc."}, True),
        ({"recipient_contains": "@from."}, False),
        ({"custom_id_prefix": "b-", "recipient_contains": "@cc."}, True),
        ({"custom_id_prefix": "a-", "recipient_contains": "@cc."}, False),
    ],
)
def test_a_rule_strikes_a_call_for_any_message_that_it_names(match, strikes):
    first = {"CustomID": "a-1", "From": {"Email": "x@from.fr"}, "To": [{"Email": "x@to.fr"}]}
    second = {"CustomID": "b-2", "Cc": [{"Email": "x@cc.fr"}], "Bcc": [{"Email": "x@bcc.fr"}]}
    body = json.dumps({"Messages": [first, second]}).encode()
    call = ApiRequest("POST", "/v3.1/send", {}, body, datetime(2026, 9, 1, tzinfo=UTC))
    rules = FaultRules()
    rules.add(RuleInput(fault=Fault.SLOW, match=Match(**match)))
    assert (rules.for_call((Fault.SLOW,), call) is not None) is strikes
    assert rules.for_call((Fault.RESET_BEFORE,), call) is None


@pytest.mark.parametrize(
    ("match", "strikes"),
    [
        ({"custom_id_prefix": "b-"}, True),
        ({"custom_id_prefix": "a-"}, False),
        ({"recipient_contains": "@to."}, True),
        ({"recipient_contains": "@cc."}, False),
    ],
)
def test_a_rule_strikes_a_look_up_of_the_message_that_it_names(match, strikes):
    asked = {"CustomID": "b-2", "ContactAlt": "x@to.fr"}
    call = ApiRequest("GET", "/v3/REST/message", asked, b"", datetime(2026, 9, 1, tzinfo=UTC))
    rules = FaultRules()
    rules.add(RuleInput(fault=Fault.SLOW, match=Match(**match)))
    assert (rules.for_call((Fault.SLOW,), call) is not None) is strikes


def test_names_in_other_capitals_are_one_name():
    folded = fold({"Email": "a", "EMAIL": "b", "Name": "N", "Properties": {"City": {"In": 1}}})
    assert (len(folded), folded["email"], list(folded)) == (3, "b", ["EMAIL", "Name", "Properties"])
    assert folded["PROPERTIES"] == {"City": {"In": 1}}


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"host": "localhost:1"}, True),
        ({"host": "mail.localhost"}, True),
        ({"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1"}, True),
        ({"host": "127.0.0.1:1", "origin": "http://127.0.0.1:2"}, False),
        ({"host": "crm.example"}, False),
        ({"host": "[::1"}, False),
        ({}, False),
    ],
)
def test_only_this_machines_own_pages_are_answered(headers, ours):
    assert _is_ours(Headers(headers)) is ours


@pytest.mark.parametrize(
    "address", ["a@b.fr", "prénom.nom+x@sub.example.com", "a@xn--t-9fab.fr", "o'neil@example.co.uk"]
)
def test_addresses_that_pass(address):
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b.fr",
        "a@b",
        "a@b..fr",
        "a..b@c.fr",
        ".a@b.fr",
        "a.@b.fr",
        "a b@c.fr",
        "a@-b.fr",
        "a@b.f",
        "a@@b.fr",
    ],
)
def test_addresses_that_do_not(address):
    assert not is_address(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_loopback_is_taken(host):
    assert SimulatorSettings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])
def test_anything_else_is_refused_in_one_sentence(host):
    with pytest.raises(BadInput, match="localhost only"):
        SimulatorSettings(host=host)


def test_all_faults_of_the_settings_are_shown_at_once():
    with pytest.raises(BadInput) as caught:
        SimulatorSettings(host="0.0.0.0", port=70000, latency=-1)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("Basic c2ltdWxhdG9yLWtleTpzaW11bGF0b3Itc2VjcmV0", True),
        ("basic c2ltdWxhdG9yLWtleTpzaW11bGF0b3Itc2VjcmV0", True),
        ("Bearer c2ltdWxhdG9yLWtleTpzaW11bGF0b3Itc2VjcmV0", False),
        ("Basic c2ltdWxhdG9yLWtleTo=", False),
        ("Basic ???", False),
        ("", False),
    ],
)
def test_credentials(header, allowed):
    assert is_authorized(header, SimulatorSettings()) is allowed


def test_the_guides_first_example_of_a_segment_is_read_on_request_only():
    with pytest.raises(SegmentError, match="expected \\("):
        read_segment("age=40", {"age"})
    assert read_segment('age=40 AND (city="Lyon")', {"age", "city"}, loose=True)

"""The check against the real Mailjet, with a second local one in its place: what differs is told, what does not is not."""

import pytest

from mailworker.simulator import running
from tests.live.__main__ import Account, main, report, wanted_calls
from tests.live.compare import answer_of, differences

pytestmark = pytest.mark.integration

EVERYTHING = {
    "MAILJET_LIVE_FROM": "a@example.com",
    "MAILJET_LIVE_TO": "b@example.com",
    "MAILJET_LIVE_WRITES": "1",
}


def account(simulator):
    return Account(simulator.url, simulator.settings.api_key, simulator.settings.api_secret.reveal())


def test_without_keys_it_is_skipped_aloud(capsys):
    assert main({}) == 0
    assert capsys.readouterr().out.startswith("SKIPPED: set MAILJET_API_KEY")


def test_it_only_reads_unless_told():
    assert {call.method for call in wanted_calls({})} == {"GET"}
    sends = [call for call in wanted_calls({"MAILJET_LIVE_FROM": "a@example.com"}) if call.method != "GET"]
    assert all(call.body["SandboxMode"] is True for call in sends)


def test_two_equal_ones_differ_in_nothing():
    with running(calls_per_minute=0) as one, running(calls_per_minute=0) as other:
        assert report(account(one), account(other), wanted_calls(EVERYTHING)) == []


def test_each_belief_that_is_wrong_is_told():
    kinder = {"keeps-property-case", "loose-segments"}
    with running(calls_per_minute=0, assume=kinder) as real, running(calls_per_minute=0) as local:
        told = report(account(real), account(local), wanted_calls(EVERYTHING))
    assert "make it in lower case: status: Mailjet 201, the local one 400" in told
    assert "segment with a bare not: status: Mailjet 201, the local one 400" in told
    assert "segment without parentheses: status: Mailjet 201, the local one 400" in told


def test_against_an_account_it_ends_with_the_number_of_differences(capsys):
    with running(calls_per_minute=0, senders=("nobody@example.com",), strict_templates=True) as real:
        keys = {
            "MAILJET_API_KEY": real.settings.api_key,
            "MAILJET_API_SECRET": real.settings.api_secret.reveal(),
        }
        assert main({**keys, "MAILJET_API_URL": real.url}) == 0
    assert capsys.readouterr().out == f"{len(list(wanted_calls({})))} calls, 0 differences.\n"


@pytest.mark.parametrize(
    ("real", "local", "told"),
    [
        ({"A": 1}, {"A": 2}, []),
        ({"A": 1}, {"A": "1"}, ["A: Mailjet int, the local one str"]),
        ({"A": 1}, {}, []),
        ({"A": 1, "B": 1}, {"A": 1}, ["B: Mailjet int, the local one has it not"]),
        ({"Data": []}, {"Data": [{"ID": 1}]}, []),
        ({"ErrorMessage": "x"}, {"ErrorMessage": "y"}, ["words: Mailjet 'x', the local one 'y'"]),
    ],
)  # fmt: skip
def test_differences_are_of_shape_and_of_errors_words(real, local, told):
    assert differences(answer_of(200, real), answer_of(200, local)) == told

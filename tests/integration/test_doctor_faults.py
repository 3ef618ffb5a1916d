"""Faults, each really brought about in an installation that was well: the doctor names it and its cure."""

import re
from pathlib import Path

import pytest

from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.config.settings import parse_settings
from mailworker.simulator import running
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.settings_from_config import configured
from tests.integration.doctor_faults import configuration, host, mail, mailjet, redis_and_workers, webhook
from tests.integration.doctor_faults.installation import Installation
from tests.integration.doctor_faults.registry import FAULTS, QUICK, Fault

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
SENDER = "bonjour@horizon-telecom.example"
ROOT = Path(__file__).parents[2]
PARTS = (configuration, host, mail, mailjet, redis_and_workers, webhook)


@pytest.fixture(scope="module")
def account():
    """A local Mailjet with the templates of a trial, and one active sender."""
    settings = configured(SimulatorSettings(), parse_settings(trial_config({}), environ={}))
    with running(calls_per_minute=0, templates=settings.templates, senders=(SENDER,)) as simulator:
        yield simulator


@pytest.fixture
def site(tmp_path, valkey, account, monkeypatch, request):
    account.reset()
    made = Installation(tmp_path, valkey.url, account, monkeypatch, request)
    made.make_well()
    mailjet.register(made)
    try:
        yield made
    finally:
        made.close()


def only(subjects):
    return [part for subject in subjects for part in ("--only", subject)]


@pytest.mark.parametrize("subjects", [QUICK, ("invoices", "mailjet")], ids=["here", "invoices and Mailjet"])
def test_an_installation_that_is_well(site, subjects):
    code, told = site.doctor(*only(subjects))
    assert [one for check in told["checks"] for one in check["faults"]] == []
    assert (code, told["ok"]) == (0, True)


def test_no_number_is_left_out():
    assert sorted(FAULTS) == list(range(1, len(FAULTS) + 1))


def test_the_page_lists_each_with_what_is_said():
    """The rows below "The faults" of docs/doctor.md, number by number."""
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if re.match(r"\| \d+ \|", line)]
    listed = {int(number): (name, says, cure) for number, name, says, cure in rows}
    assert listed == {
        one.number: (one.name, one.says.strip().rstrip(":"), one.cure) for one in FAULTS.values()
    }


@pytest.mark.parametrize("fault", sorted(FAULTS.values(), key=lambda one: one.number), ids=lambda one: one.id)
def test_the_doctor_names_it_with_its_cure(site: Installation, fault: Fault):
    fault.bring_about(site)
    ask = site.doctor_process if fault.process else site.doctor
    code, told = ask(*only(fault.subjects))
    said = [one for check in told["checks"] for one in check["faults"]]
    named = [one for one in said if fault.says in one and fault.cure in one]
    assert code == 1
    assert len(named) == 1, f"{fault.says!r} ... {fault.cure!r} is not what was said: {said}"
    others = [one for one in said if one not in named and not any(words in one for words in fault.more)]
    assert others == [], "one fault is told once, and nothing is told that is well"

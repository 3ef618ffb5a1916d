"""Each limit of what a caller may give admits exactly so much, and one more gets one sentence that names it."""

import base64

import pytest

from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.core.json_check import json_faults, storable
from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.errors import BadInput
from mailworker.rules.campaign_rules import check_campaign
from mailworker.rules.contact_input import check_contact, check_customer
from mailworker.rules.job.attachments import read_attachments
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.check_variables import check_variables
from tests.rows import NOW
from tests.unit.test_job import file, raw

SEGMENT = {
    "name": "N",
    "segment": "city = 'Lyon'",
    "subject": "S",
    "html": "<p>x</p>",
    "from_email": "a@b.example",
}


def job(**changes):
    return refused(lambda: check_job(raw(**changes), KINDS, now=NOW))


def contact(**fields):
    return refused(lambda: check_contact({"email": "a@b.example"} | fields, asked_at=NOW))


def customer(**fields):
    return refused(lambda: check_customer({"customer_id": "C"} | fields, asked_at=NOW))


def campaign(**fields):
    return refused(lambda: check_campaign(SEGMENT | fields, KINDS, [], {}))


def refused(ask):
    try:
        ask()
    except BadInput as fault:
        return list(fault.faults)
    return []


def variables(type_, value):
    faults = []
    check_variables(Kind("api_crmCommunicationK", (Variable("v", type_),)), {"v": value}, faults)
    return faults


def many_variables(count):
    names = [f"v{n}" for n in range(count)]
    faults = []
    given = check_variables(
        Kind("api_crmCommunicationK", tuple(map(Variable, names))), dict.fromkeys(names, "x"), faults
    )
    assert given == ({} if faults else dict.fromkeys(names, "x"))
    return faults


def files(count=1, **changes):
    faults = []
    kept = read_attachments([file(**changes)] * count, faults)
    assert len(kept) == count or faults
    return faults


def nested(depth):
    inner = "x"
    for _ in range(depth):
        inner = [inner]
    return inner


#: What is given, the most of it that is taken, and a word of the sentence about one more.
LIMITS = [
    (lambda n: job(idempotency_key="k" * n), 200, "1 to 200 characters"),
    (lambda n: job(customer_id="c" * n), 64, "1 to 64 characters"),
    (lambda n: job(replaces="m" * n), 36, "1 to 36 characters"),
    (lambda n: job(kind=INVOICE, to="a@b.example", variables=..., invoice_id="1" * n), 100, "1 to 100 characters"),
    (lambda n: job(kind=INVOICE, to="a@b.example", variables=..., invoice={"invoice_number": "1" * n}), 100, "1 to 100"),
    (lambda n: job(customer_id=10**15 - 1 + (n - 1)), 1, "customer_id"),
    (lambda n: job(customer_id=-(10**15) + 1 - (n - 1)), 1, "customer_id"),
    (lambda n: job(cc=[f"z{i}@c.example" for i in range(n)]), 49, "50 recipients in all"),
    (lambda n: job(bcc=[f"z{i}@c.example" for i in range(n)]), 49, "50 recipients in all"),
    (lambda n: job(cc="c@c.example", bcc=[f"z{i}@c.example" for i in range(n)]), 48, "50 recipients in all"),
    (lambda n: variables(VariableType.TEXT, "x" * n), 10_000, "longer than 10000 characters"),
    (many_variables, 50, "are more than the 50"),
    (lambda n: variables(VariableType.TEXT, 10**15 - 1 + (n - 1)), 1, "JSON cannot carry"),
    (lambda n: variables(VariableType.INTEGER, 10**15 - 1 + (n - 1)), 1, "whole number"),
    (lambda n: variables(VariableType.INTEGER, "9" * n), 18, "whole number"),
    (lambda n: variables(VariableType.LIST, [{"a": "b"}] * n), 200, "has 201 items; the most is 200"),
    (lambda n: variables(VariableType.LIST, [{"a": "x" * n}]), 10_000, "longer than 10000"),
    (files, 50, "are more than the 50"),
    (lambda n: files(name="n" * n), 200, "plain file name"),
    (lambda n: files(kind="a/" + "b" * (n - 2)), 100, "content_type"),
    (lambda n: contact(contact_id="1" * n), 64, "1 to 64 characters"),
    (lambda n: contact(name="n" * n), 1000, "at most 1000 characters"),
    (lambda n: contact(custom_fields={f"f{i}": 1 for i in range(n)}), 200, "at most 200"),
    (lambda n: contact(custom_fields={"f": "x" * n}), 1000, "of at most 1000 characters"),
    (lambda n: contact(version=10**18 + (n - 1)), 1, "at most 18 digits"),
    (lambda n: contact(version=1 - n), 1, "whole number that grows"),
    (lambda n: customer(contacts=[{"email": f"a{i}@b.example"} for i in range(n)]), 1000, "more than 1000"),
    (lambda n: customer(city="c" * n), 1000, "at most 1000 characters"),
    (lambda n: campaign(name="n" * n), 100, "at most 100 characters"),
    (lambda n: campaign(subject="s" * n), 255, "at most 255 characters"),
    (lambda n: campaign(template_id={1: 1, 2: -1}[n], html=None), 1, "whole number of a template"),
    (lambda n: json_faults(nested(n), "x"), 31, "nested more than 32 deep"),
    (lambda n: json_faults([0] * (n - 1), "x"), 300_000, "more than 300,000 values"),
    (lambda n: json_faults(["x" * (n // 2), "x" * (n - n // 2)], "x"), 8_000_000, "8,000,000 characters"),
    (lambda n: json_faults({"n" * n: 1}, "x"), 200, "at most 200 characters"),
    (lambda n: json_faults(10**18 + (n - 1), "x"), 1, "at most 18 digits"),
    (lambda n: json_faults(-(10**18) - (n - 1), "x"), 1, "at most 18 digits"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ask", "most", "word"), LIMITS, ids=[f"{n}: {row[2]}" for n, row in enumerate(LIMITS)]
)
def test_so_much_and_not_one_more(ask, most, word):
    assert ask(most) == []
    (fault,) = ask(most + 1)
    assert word in fault


@pytest.mark.parametrize(
    ("people", "each", "fits"), [(12, 12_500_000, True), (12, 12_500_004, False), (1, 14_900_000, True)]
)
def test_one_job_brings_at_most_150_mb_of_files_to_all_its_people(people, each, fits):
    content = base64.b64encode(bytes(each // 4 * 3)).decode()
    faults = job(to=[f"p{n}@c.example" for n in range(people)], attachments=[file(content)])
    assert faults == [] if fits else "recipients' files are 150,000,048 bytes in all" in faults[0]


@pytest.mark.parametrize("depth", [30, 31, 32, 33, 40])
@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_what_is_shown_of_too_deep_a_thing_passes_the_check_and_is_cut_nowhere_else(depth, wrap):
    value = "x"
    for _ in range(depth):
        value = wrap(value)
    shown = storable(value)
    assert json_faults(shown, "x") == []
    assert (shown == value) == (json_faults(value, "x") == [])
    assert str(shown).count("[") + str(shown).count("{") == min(depth, 31)


def test_unknown_fields_get_at_most_so_many_sentences():
    assert len(job(**{f"field{n}": 1 for n in range(30)})) == 20

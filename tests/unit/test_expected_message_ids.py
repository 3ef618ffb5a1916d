"""The ids that are named for a job before anybody took it are those that it gets."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER, KINDS
from mailworker.errors import BadInput
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.expected_message_ids import named_ids
from tests.rows import NOW
from tests.unit.test_job import INVOICE_VARIABLES, raw

REMINDER = {
    "customer_name": "Z", "invoice_number": "INV-1", "due_date": "x", "days_overdue": "3",
    "total_amount": "1", "pay_url": "https://p",
}  # fmt: skip
DOCUMENT = {"invoice_number": "INV-1", "client": {"email": "zoe@client.example", "name": "Zoé"}}
PEOPLE = st.sampled_from(
    [
        "a@c.example",
        ["a@c.example"],
        ["a@c.example", "B@c.example"],
        {"email": "Ä@c.example"},
        ["a@c.example", " A@C.example"],  # one person
        ["b@c.example", "a@c.example", {"email": "B@c.example", "name": "B"}],
    ]
)
JOBS = st.one_of(
    st.builds(
        lambda key, to: raw(idempotency_key=key, to=to),
        st.sampled_from(["k", "K", 7, "é"]),
        PEOPLE,
    ),
    st.builds(
        lambda number, date, to, extra: raw(
            kind=INVOICE,
            to=to,
            variables=INVOICE_VARIABLES | {"invoice_number": number, "invoice_date": date},
            **extra,
        ),
        st.sampled_from(["INV-1", "2026-7", "INV\u202e-1\x07"]),
        st.sampled_from(["2026-07-01", "1 juillet 2025", "x"]),
        PEOPLE,
        st.sampled_from([{}, {"replaces": "m-1"}, {"invoice_id": "4711"}]),
    ),
    st.builds(
        lambda to, extra, document: raw(
            kind=INVOICE, to=to, variables=..., invoice=DOCUMENT | document, **extra
        ),
        st.sampled_from([..., None, "a@c.example", ["a@c.example", "b@c.example"]]),
        st.sampled_from([{}, {"replaces": "m-1"}, {"invoice_id": "4711"}]),
        st.sampled_from(
            [{}, {"type": "credit_note"}, {"date": "2025-01-01"}, {"client": {"email": "x@y.example"}}]
        ),
    ),
    st.just(raw(kind=INVOICE_REMINDER, variables=REMINDER)),
    st.just(raw(kind=INVOICE, to=..., variables=..., invoice_id="4711")),
)


@given(JOBS)
def test_they_are_the_ids_that_the_job_gets(asked):
    assert named_ids(asked, KINDS) == [job.id for job in check_job(asked, KINDS, now=NOW)]


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        raw(),  # two equal ones are two mails
        raw(kind="api_crmCommunicationNobody"),
        raw(kind=None),
        raw(idempotency_key=True),
    ],
)
def test_what_has_no_key_has_no_id_yet(asked):
    assert named_ids(asked, KINDS) == []


def test_a_refused_job_with_a_key_is_named_all_the_same():
    asked = raw(idempotency_key="k", variables={"nonsense": Decimal(1)})
    with pytest.raises(BadInput):
        check_job(asked, KINDS, now=NOW)
    assert named_ids(asked, KINDS) == named_ids(raw(idempotency_key="k"), KINDS) != []


@pytest.mark.parametrize("odd", [7, "x", [], None])
@pytest.mark.parametrize("field", ["invoice", "variables", "to", "replaces"])
def test_odd_parts_stop_nothing(field, odd):
    assert isinstance(named_ids({"kind": INVOICE, field: odd}, KINDS), list)

"""What a caller asks for becomes checked jobs, or one sentence for each thing wrong, without a value in it."""

import base64
import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER, KINDS
from mailworker.core.lane import Lane
from mailworker.errors import BadInput
from mailworker.rules.job.addresses import normal_email
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.fingerprint import fingerprint
from mailworker.rules.job.idempotency_key import message_id

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
RESET = "api_crmCommunicationUserPasswordReset"
WELCOME = "api_crmCommunicationUserWelcome"
RESET_VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}


def raw(**changes):
    asked = {"kind": RESET, "to": "zoe@client.example", "variables": dict(RESET_VARIABLES)}
    return {name: value for name, value in (asked | changes).items() if value is not ...}


def check(asked, **options):
    return check_job(asked, KINDS, now=NOW, **options)


def faults_of(asked):
    with pytest.raises(BadInput) as caught:
        check(asked)
    return list(caught.value.faults)


def with_variable(name, value):
    return raw(variables=RESET_VARIABLES | {name: value})


def file(content=b"%PDF", name="a.pdf", kind="application/pdf"):
    return {"filename": name, "content_type": kind, "content": content}


def test_a_good_job():
    (job,) = check(raw(to={"email": "Zoe@CLIENT.example", "name": "Zoé 🦊"}))
    assert (job.to.email, job.to.name) == ("Zoe@client.example", "Zoé 🦊")
    assert (job.lane, job.language, job.kind) == (Lane.URGENT, "fr", RESET)
    assert job.expires_at == NOW + timedelta(hours=1), "a reset link's mail is worthless after an hour"
    assert job.key == job.id, "without a key, two equal jobs are two mails"
    assert check(raw())[0].id != check(raw())[0].id


BAD = [
    # the job itself
    ("nothing", None, "job: write an object with kind, to and variables."),
    ("list", [raw()], "job: write an object"),
    ("no kind", raw(kind=...), "kind: is missing; name the kind of e-mail"),
    ("kind near", raw(kind="api_crmCommunicationUserPasswordRest"), f"there is no 'api_crmCommunicationUserPasswordRest'; did you mean '{RESET}'?"),
    ("kind far", raw(kind="newsletter"), "kind: there is no 'newsletter'; see crm_config.yaml for the kinds."),
    ("kind odd", raw(kind=["x"]), "kind: must be the name of a kind, as text."),
    ("unknown field", raw(variabels={}), "variabels: is not a field of a job; did you mean 'variables'?"),
    # recipients
    ("no to", raw(to=...), "to: is missing"),
    ("empty to", raw(to=[]), "to: is missing"),
    ("no domain", raw(to="zoe@"), "to[0].email: is not an e-mail address: nothing stands after its @."),
    ("no @", raw(to="zoe"), "it has no @"),
    ("no local part", raw(to="@client.example"), "nothing stands before its @"),
    ("no dot", raw(to="zoe@client"), "is not a whole domain"),
    ("empty", raw(to=""), "to[0].email: is not an e-mail address: it has no @."),
    ("one letter", raw(to="a"), "to[0].email: is not an e-mail address: it has no @."),
    ("320 characters", raw(to="z" * 64 + "@" + ".".join(["d" * 60] * 4) + ".example.fr"), "it is longer than mail servers take"),
    ("two @", raw(to="zoe@x@client.example"), "is not an e-mail address"),
    ("space", raw(to="zoe b@client.example"), "is not an e-mail address"),
    ("injection in address", raw(to="zoe@client.example\r\nBcc: x@y.fr"), "is not an e-mail address"),
    ("name no text", raw(to={"email": "z@c.example", "name": 7}), "to[0].name: must be text"),
    ("unknown in address", raw(to={"email": "z@c.example", "nmae": "Z"}), "to[0]: only email and name belong here, not nmae."),
    ("number", raw(to=7), "to[0]: write an address, or "),
    ("no email", raw(to={"name": "Z"}), "to[0]: write an address, or "),
    ("second wrong", raw(to=["z@c.example", "z"]), "to[1].email: is not"),
    ("501 to", raw(to=[f"z{n}@c.example" for n in range(501)]), "to: 501 recipients are more than 500"),
    ("51 recipients", raw(cc=[f"z{n}@c.example" for n in range(50)]), "one message may have 50 recipients in all"),
    ("bad cc", raw(cc="zoe"), "cc[0].email: is not"),
    ("bad bcc", raw(bcc=[None]), "bcc[0]: write an address"),
    # variables
    ("no variables", raw(variables=...), "variables: write an object"),
    ("list of variables", raw(variables=["a"]), "variables: write an object"),
    ("missing", raw(variables={"user_name": "Z", "expiry_time": "1"}), f"variables.reset_url: is missing; {RESET} cannot be sent without it."),
    ("unknown", with_variable("reset_ulr", "x"), "variables.reset_ulr: " + RESET + " has no such variable; did you mean 'reset_url'?"),
    ("unknown, far", with_variable("colour", "x"), "it has user_name, reset_url, expiry_time, account."),
    ("null", with_variable("user_name", None), "variables.user_name: is null, which Mailjet refuses"),
    ("bool", with_variable("user_name", True), "variables.user_name: must be text or a number, not true or false."),
    ("object", with_variable("user_name", {}), "must be text or a number, not an object"),
    ("list", with_variable("user_name", []), "must be text or a number, not a list"),
    ("not a number", with_variable("user_name", float("nan")), "is a number that JSON cannot carry"),
    ("infinite", with_variable("user_name", float("-inf")), "is a number that JSON cannot carry"),
    ("huge number", with_variable("user_name", 10**5000), "is a number that JSON cannot carry"),
    ("NUL in a link", with_variable("reset_url", "https://x.example/\0"), "has control characters"),
    ("half an emoji in a link", with_variable("reset_url", "https://x.example/\udd8a"), "has control characters, or half ones"),
    ("no link", with_variable("reset_url", "javascript:alert(1)"), "must be a link that begins with https://"),
    ("link and more", with_variable("reset_url", "https://x.example\n"), "must be a link"),
    ("link is a number", with_variable("reset_url", 7), "must be a link"),
    ("huge link", with_variable("reset_url", "https://x.example/" + "x" * 10_000), "is longer than"),
    # times
    ("naive text", raw(send_at="2026-12-01T09:00"), "send_at: needs its time zone, like"),
    ("naive", raw(expires_at=datetime(2026, 12, 1)), "expires_at: needs its time zone"),  # noqa: DTZ001
    (
        "never",
        raw(send_at="2026-12-24T09:00:00+01:00", expires_at="2026-12-24T08:00:00Z"),
        "expires_at: is not after send_at",
    ),
    ("no time", raw(send_at="tomorrow"), "send_at: write a moment like"),
    ("a number", raw(send_at=17), "send_at: write a moment like"),
    ("end of time", raw(send_at="9999-12-31T23:59:59+00:00"), "send_at: must lie between the years"),
    ("dawn of time", raw(send_at="0001-01-01T00:00:00+14:00"), "send_at: must lie between the years"),
    # attachments
    ("20 MB", raw(attachments=[file(bytes(20_000_000))]), "over the 15,000,000 that Mailjet takes; send a link instead"),
    ("together", raw(attachments=[file(bytes(6_000_000))] * 2), "the mail has up to 16,009,608 bytes, over"),
    ("no list", raw(attachments="a.pdf"), "attachments: write a list of"),
    ("no object", raw(attachments=["a.pdf"]), "attachments[0]: needs exactly filename, content_type and content."),
    ("field", raw(attachments=[file() | {"size": 1}]), "attachments[0]: needs exactly"),
    ("empty", raw(attachments=[file(b"")]), "attachments[0].content: must be bytes or base64 text, and not empty."),
    ("no base64", raw(attachments=[file("€")]), "attachments[0].content: must be"),
    ("no content", raw(attachments=[file(7)]), "attachments[0].content: must be"),
    ("too many", raw(attachments=[file(b"x")] * 51), "attachments: are more than the 50 that Mailjet takes"),
    ("wrapped no base64", raw(attachments=[file("AA\n")]), "attachments[0].content: must be"),
    ("folders", raw(attachments=[file(name="../../etc/passwd")]), "attachments[0].filename: must be a plain file name"),
    ("header", raw(attachments=[file(name="a.pdf\r\nX: y")]), "attachments[0].filename: must be"),
    ("no name", raw(attachments=[file(name=" ")]), "attachments[0].filename: must be"),
    ("type", raw(attachments=[file(kind="pdf")]), "attachments[0].content_type: must look like application/pdf."),
    ("type and header", raw(attachments=[file(kind="a/b\n")]), "attachments[0].content_type: must look like"),
    # the rest
    ("language", raw(language="deutsch"), "language: must be a language's tag, like fr, en or pt-BR."),
    ("key", raw(idempotency_key="k" * 201), "idempotency_key: must be one line of text of 1 to 200 characters."),
    ("our mark of copies", raw(idempotency_key="k#again"), "idempotency_key: must not end with #again, which marks mail that was sent again."),
    ("for each", raw(idempotency_key="k#again", to=["a@c.example", "b@c.example"]), "idempotency_key: must not end with #again"),
    ("empty key", raw(idempotency_key=""), "idempotency_key: must be"),
    ("NUL in key", raw(idempotency_key="k\0"), "idempotency_key: must be"),
    ("half an emoji in key", raw(idempotency_key="k\ud83e"), "idempotency_key: must be"),
    ("customer", raw(customer_id="c" * 65), "customer_id: must be one line of text of 1 to 64 characters."),
    ("customer", raw(customer_id=True), "customer_id: must be"),
    ("customer", raw(customer_id=10**5000), "customer_id: must be"),
    ("id", raw(id=str(uuid.uuid4())), "id: is not a field of a job"),
    ("invoice", raw(invoice={"invoice_number": "1"}), f"invoice: {RESET} carries no invoice."),
    ("invoice_id", raw(invoice_id="1"), f"invoice_id: {RESET} is about no invoice."),
    ("number", raw(kind=INVOICE, invoice={"date": "x"}), "invoice.invoice_number: is missing"),
    ("invoice no object", raw(kind=INVOICE, invoice="INV-1"), "invoice.invoice_number: is missing"),
    ("long number", raw(kind=INVOICE, invoice={"invoice_number": "1" * 101}), "invoice.invoice_number: must be"),
    ("huge number", raw(kind=INVOICE, invoice={"invoice_number": 10**5000}), "invoice.invoice_number: must be"),
    ("long id", raw(kind=INVOICE, invoice_id="1" * 101), "invoice_id: must be"),
    ("id no text", raw(kind=INVOICE, invoice_id={"a": 1}), "invoice_id: must be"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "told"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_told_in_a_sentence(asked, told):
    faults = faults_of(asked)
    assert any(told in fault for fault in faults), faults
    assert all(fault.endswith((".", "?")) for fault in faults), faults


def test_all_faults_at_once():
    asked = raw(
        to="zoe", variables={"user_name": None, "colour": "x"}, language="deutsch", send_at="soon", cc="bob"
    )
    assert {fault.split(":")[0] for fault in faults_of(asked)} == {
        "to[0].email", "variables.user_name", "variables.colour", "variables.reset_url",
        "variables.expiry_time", "language", "send_at", "cc[0].email",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("email", "normal"),
    [
        ("zoé@client.example", "zoé@client.example"),
        ("zoe@CLIENT.Example", "zoe@client.example"),
        ("zoe@xn--caf-dma.example", "zoe@café.example"),
        (" zoe@client.example ", "zoe@client.example"),
        ("zoe+crm@client.example", "zoe+crm@client.example"),
    ],
)
def test_unusual_addresses_are_taken(email, normal):
    assert check(raw(to=email))[0].to.email == normal


@pytest.mark.parametrize(
    ("kind", "variables"),
    [
        (RESET, RESET_VARIABLES | {"user_name": "🦊 {{ var:x }} <b>\nline"}),
        (RESET, RESET_VARIABLES | {"user_name": 7.5}),
        (WELCOME, {"user_name": "Z", "email": "z@c.example", "role": "x", "login_url": "http://a", "support_email": "s@c.example"}),
        (INVOICE_REMINDER, {"customer_name": "Z", "invoice_number": 7, "due_date": "x", "days_overdue": "-3", "total_amount": 1, "pay_url": "https://p"}),
    ],
)  # fmt: skip
def test_good_variables(kind, variables):
    (job,) = check(raw(kind=kind, variables=variables))
    optional = [one for one in KINDS[kind].variables if not one.required and not one.derived]
    left_out = {variable.name: variable.default for variable in optional}
    assert job.variables == left_out | variables, "optional ones that were left out become empty text"


@pytest.mark.parametrize("value", ["3.5", "three", "--3", "", "٣", "9" * 19, 3.5, True, 10**20])
def test_no_whole_number(value):
    variables = {"customer_name": "Z", "invoice_number": "7", "due_date": "x", "days_overdue": value, "total_amount": 1, "pay_url": "https://p"}  # fmt: skip
    assert faults_of(raw(kind=INVOICE_REMINDER, variables=variables)) == [
        "variables.days_overdue: must be a whole number."
    ]


@pytest.mark.parametrize(
    "content", [b"%PDF", bytearray(b"%PDF"), memoryview(b"%PDF"), base64.b64encode(b"%PDF").decode()]
)
def test_attachments_come_as_bytes_or_base64(content):
    assert check(raw(attachments=[file(content)]))[0].attachments[0].base64 == "JVBERg=="


def test_several_people_get_a_message_each():
    jobs = check(
        raw(to=["a@c.example", {"email": "b@c.example", "name": "B"}, "A@c.example"], idempotency_key="k")
    )
    assert [job.to.email for job in jobs] == ["a@c.example", "b@c.example"], (
        "each once, however it is written"
    )
    assert len({job.id for job in jobs}) == len({job.key for job in jobs}) == 2


def test_the_time_counts_from_when_it_may_go():
    (job,) = check(raw(send_at="2026-12-24T18:00:00+01:00"))
    assert job.send_at == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert job.expires_at == datetime(2026, 12, 24, 18, tzinfo=UTC)
    (job,) = check(raw(expires_at=datetime(2026, 12, 1, tzinfo=timezone(timedelta(hours=2)))))
    assert job.expires_at == datetime(2026, 11, 30, 22, tzinfo=UTC), (
        "the caller's word goes before the kind's"
    )


# --- keys and ids -----------------------------------------------------------------------------------------

INVOICE_VARIABLES = {"customer_name": "Z", "invoice_number": "INV-1", "invoice_date": "x", "due_date": "x",
                     "total_amount": "1", "invoice_url": "https://i", "pay_url": "https://p"}  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (raw(idempotency_key="k"), raw(idempotency_key="k"), True),
        (raw(idempotency_key="k"), raw(idempotency_key="l"), False),
        (raw(idempotency_key="k"), raw(idempotency_key="k", to="other@c.example"), True),  # a conflict, told later
        (raw(kind=INVOICE, variables=INVOICE_VARIABLES), raw(kind=INVOICE, variables=INVOICE_VARIABLES), True),
        (raw(kind=INVOICE, variables=INVOICE_VARIABLES), raw(kind=INVOICE, variables=INVOICE_VARIABLES, to="ZOE@client.example"), True),
        (raw(kind=INVOICE, variables=INVOICE_VARIABLES), raw(kind=INVOICE, variables=INVOICE_VARIABLES, to="b@c.example"), False),
        (raw(kind=INVOICE, variables=INVOICE_VARIABLES), raw(kind=INVOICE, variables=INVOICE_VARIABLES | {"invoice_number": "INV-2"}), False),
        (raw(kind=INVOICE, variables={}, invoice_id="7"), raw(kind=INVOICE, variables={}, invoice_id=7, to=None), False),
        (raw(kind=INVOICE, variables={}, invoice_id="7"), raw(kind=INVOICE, variables={}, invoice_id=7), True),
        (raw(kind=INVOICE, variables={}, invoice={"invoice_number": "INV-1"}), raw(kind=INVOICE, variables=INVOICE_VARIABLES), True),
    ],
)  # fmt: skip
def test_which_jobs_are_one_message(one, other, same):
    assert (check(one)[0].id == check(other)[0].id) is same


def test_ids_of_keys_never_change():
    assert message_id("order-17") == "024171f4-bad1-590a-af12-e6cd289ed673"


def test_no_derived_key_is_too_long_for_the_ledger():
    (job,) = check(raw(kind=INVOICE, variables=INVOICE_VARIABLES | {"invoice_number": "9" * 10_000}))
    assert len(job.key) <= 600


def test_an_invoices_own_language_and_recipient():
    invoice = {"invoice_number": "1", "language": "en", "client": {"email": "c@c.example", "name": "C"}}
    (job,) = check(raw(kind=INVOICE, variables={}, invoice=invoice, to=...))
    assert (job.language, job.to.email, job.needs_preparing) == ("en", "c@c.example", True)
    (job,) = check(raw(kind=INVOICE, variables={}, invoice=invoice | {"language": "français de France"}))
    assert job.language == "fr"
    assert check(raw(kind=INVOICE, variables={}, invoice_id="7", to=...))[0].to is None


# --- what is the same content -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"send_at": "2026-12-01T09:00:00Z"}, True),
        ({"expires_at": "2026-12-01T09:00:00Z"}, True),
        ({"to": {"email": "zoe@client.example", "name": ""}}, True),
        ({"to": "b@c.example"}, False),
        ({"to": {"email": "zoe@client.example", "name": "Z"}}, False),
        ({"variables": RESET_VARIABLES | {"user_name": "Y"}}, False),
        ({"variables": dict(reversed(RESET_VARIABLES.items()))}, True),
        ({"language": "en"}, False),
        ({"customer_id": "7"}, False),
        ({"cc": "b@c.example"}, False),
        ({"attachments": [file()]}, False),
    ],
)
def test_fingerprints(change, same):
    def of(asked):
        return fingerprint(check(asked)[0])

    assert (of(raw(idempotency_key="k")) == of(raw(idempotency_key="k", **change))) is same


def test_the_fingerprint_is_the_same_on_both_sides_of_the_wire():
    asked = raw(idempotency_key="k", to={"email": "z@c.example", "name": "Zoé"}, cc=("b@c.example",), variables=RESET_VARIABLES | {"user_name": 7.5})  # fmt: skip
    again = json.loads(json.dumps(asked))
    assert fingerprint(check(asked)[0]) == fingerprint(check(again)[0])


@pytest.mark.parametrize("value", [Decimal("1.50"), date(2026, 1, 2), UUID(int=7)])
def test_what_a_python_caller_writes_for_text_is_the_same_content(value):
    def of(value):
        job = {"kind": INVOICE, "invoice": {"invoice_number": "FA-7", "total": value}}
        return fingerprint(check(raw(idempotency_key="k", variables=..., **job))[0])

    assert of(value) == of(str(value)) != of(f"{value}0")


# --- no sentence contains a value -------------------------------------------------------------------------

# Whatever a caller gives as a value carries this mark; no sentence may.
MARK = "hush 7q"
marked = st.builds(
    lambda left, right: left + MARK + right,
    st.text(max_size=6) | st.sampled_from(["", "a@", "https://", "x\r\n"]),
    st.text(max_size=6) | st.sampled_from(["", "@x", "@client.example", "@ü..fr", "\0"]),
)
value = st.recursive(
    marked | st.none() | st.booleans() | st.floats() | st.integers() | marked.map(str.encode),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["email", "name", "filename", "content", "content_type", "invoice_number", "client"]) | marked, inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
anything = st.fixed_dictionaries(
    {"kind": st.sampled_from(sorted(KINDS))},
    optional=dict.fromkeys(("to", "cc", "bcc", "attachments", "send_at", "expires_at", "customer_id", "id", "language", "idempotency_key", "invoice", "invoice_id"), value)
    | {"variables": value | st.dictionaries(st.sampled_from(["user_name", "email", "reset_url", "days_overdue"]), value)},
)  # fmt: skip


@given(anything)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_no_sentence_contains_a_value_and_nothing_else_is_raised(asked):
    try:
        jobs = check(asked)
    except BadInput as fault:
        assert MARK not in str(fault), fault  # noqa: PT017
    else:
        for job in jobs:
            assert MARK not in repr(job).replace(repr(job.key), "").replace(repr(job.id), "").replace(repr(job.customer_id), "").replace(repr(job.invoice_id), "")  # fmt: skip
            (job.key + job.id + (job.customer_id or "") + (job.invoice_id or "")).encode()


@given(st.dictionaries(marked, value, min_size=1, max_size=3))
def test_no_sentence_contains_a_value_that_stands_where_a_name_belongs(odd):
    for asked in (
        raw(variables=odd),
        raw() | odd,
        raw(to={"email": "z@c.example"} | odd),
        raw(kind=next(iter(odd))),
    ):
        try:
            check(asked)
        except BadInput as fault:
            told = str(fault)
            assert all(f"{name}" not in told for name in odd if not name.isidentifier()), told


_LETTERS = st.text("azAZ09.-_+@!é xn", max_size=12)
_DOMAINS = st.sampled_from(
    ["client.example", "Client.EXAMPLE", "xn--caf-dma.example", "café.example", "a.test"]
)


@settings(max_examples=150)
@given(
    st.one_of(st.sampled_from(["Info", "postmaster", "PostMaster", "abuse", "a" * 64, "a" * 65]), _LETTERS),
    st.one_of(_DOMAINS, _LETTERS, st.sampled_from(["x.local", "localhost", "[1.2.3.4]", "b.fr.", ".fr"])),
)
def test_an_address_is_what_the_library_makes_of_it(local, domain):
    """Ours remembers domains and passes plain local parts; the verdict and the form stay the library's."""
    text = f"{local}@{domain}"
    try:
        wanted = validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        with pytest.raises(ValueError, match=r"."):
            normal_email(text)
    else:
        assert normal_email(text) == wanted


@given(
    content=st.binary(min_size=1, max_size=300),
    width=st.sampled_from([1, 60, 64, 76]),
    end=st.sampled_from(["\n", "\r\n", "\r\n\t"]),
)
def test_base64_may_be_wrapped_as_encoders_do(content, width, end):
    plain = base64.b64encode(content).decode()
    wrapped = "".join(plain[at : at + width] + end for at in range(0, len(plain), width))
    (job,) = check_job(raw(attachments=[file(wrapped)]), KINDS, now=NOW)
    assert job.attachments[0].base64 == plain


def test_nobody_gets_the_same_mail_twice_as_a_copy():
    (job,) = check(
        raw(
            to="zoe@exämple.fr",
            cc=["Zoe@xn--exmple-cua.fr", "boss@client.example", "BOSS@client.example"],
            bcc=[
                "zoe@exa\u0308mple.fr",
                "boss@CLIENT.example",
                "archive@client.example",
                "Archive@client.example",
            ],
        )
    )
    assert [one.email for one in job.cc] == ["boss@client.example"]
    assert [one.email for one in job.bcc] == ["archive@client.example"]


def test_of_several_people_none_is_a_copy_of_their_own_mail():
    jobs = check(raw(to=["a@c.example", "b@c.example"], cc=["A@c.example", "x@c.example"]))
    assert [[one.email for one in job.cc] for job in jobs] == [
        ["x@c.example"],
        ["A@c.example", "x@c.example"],
    ]

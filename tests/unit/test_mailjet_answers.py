"""Every shape of answer and every code, without a network."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailworker.core.message import Address, Mail
from mailworker.core.settlement import Receipt
from mailworker.errors import (
    MailworkerError,
    Misconfigured,
    Refused,
    RefusedWithoutReason,
    Throttled,
    TooLarge,
    UnknownOutcome,
)
from mailworker.mailjet.error_codes import CODES, without_values
from mailworker.mailjet.http_response import (
    DEFAULT_RETRY_AFTER,
    MAX_RETRY_AFTER,
    HttpAnswer,
    read_rest_answer,
    refusal,
    retry_after,
)
from mailworker.mailjet.send_response import read_send_answer

BIG = 2**53 + 12345


def mail(number=1):
    return Mail(f"id-{number}", "kind", Address("a@b.example"), Address("c@d.example"), 42, "", {})


def success(number=1, message_id=BIG):
    return {
        "Status": "success",
        "CustomID": f"id-{number}",
        "To": [{"MessageUUID": "u", "MessageID": message_id}],
    }


def error(code="mj-0013", status=400, **more):
    fault = {
        "ErrorIdentifier": "154364af-0000",
        "ErrorCode": code,
        "StatusCode": status,
        "ErrorMessage": "No.",
    }
    return {"Status": "error", "Errors": [fault | more]}


def read(body, status=400, count=1, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_send_answer(HttpAnswer(status, raw, headers), [mail(n + 1) for n in range(count)])


EXPECTED = {
    "send-0003": (Refused, "it has no template and no text"),
    "send-0004": (Refused, "it has a text and a template"),
    "send-0006": (Misconfigured, "this account may not set Sender; ask Mailjet's support for the permission"),
    "send-0007": (Misconfigured, "the Sender is not validated; validate it in Mailjet's account"),
    "send-0008": (
        Misconfigured,
        "From is not an active sender of this account; validate it in Mailjet's account",
    ),
    "send-0010": (
        Misconfigured,
        "this API key cannot send the template; correct template_id or share the template",
    ),
    "send-0011": (Refused, "it sets a header that Mailjet keeps for itself"),
    "send-0012": (Refused, "it de-duplicates a campaign that it does not name"),
    "send-0013": (Misconfigured, "the monitoring category does not exist; create it in Mailjet's account"),
    "send-0015": (Refused, "the call has more than 50 recipients"),
    "send-0016": (Refused, "it reports template errors without the template language"),
    "send-0019": (Misconfigured, "a header stored in the template is not a text; save the template again"),
    "mj-0001": (Misconfigured, "the API key is suspended; ask Mailjet's support"),
    "mj-0002": (Refused, "the JSON is malformed"),
    "mj-0003": (Refused, "a mandatory property is missing or null"),
    "mj-0004": (Refused, "a property has the wrong type"),
    "mj-0005": (Refused, "a property's value is not allowed"),
    "mj-0006": (Refused, "a property is too long"),
    "mj-0007": (Refused, "a list is empty"),
    "mj-0008": (Refused, "a list has more than 50 elements"),
    "mj-0011": (TooLarge, "the payload is too large"),
    "mj-0012": (Refused, "a property is an empty text"),
    "mj-0013": (Refused, "an e-mail address is not valid"),
    "mj-0015": (Misconfigured, "the API key or secret is wrong; correct api_key and api_secret"),
}


def test_the_table_has_these_codes_and_no_others():
    assert set(CODES) == set(EXPECTED)


@pytest.mark.parametrize(("code", "expected"), EXPECTED.items())
def test_each_code_of_one_message_is_that_messages_fate_and_of_a_whole_call_its(code, expected):
    bad, good = read({"Messages": [error(code), success(2)]}, count=2)
    with pytest.raises(expected[0]) as call:
        read(error(code)["Errors"][0])
    for fate in (bad, call.value):
        assert (type(fate), fate.code) == (expected[0], code)
        assert f"{code}, {expected[1]} [Mailjet's id 154364af-0000]." in str(fate)
    assert good == Receipt(BIG, "u")


GUID = " [Mailjet's id 3fa85f64-5717]."
MUTE = (
    "it gives no reason; see whether app.mailjet.com shows the account blocked, then look at api_url and the "
    "proxy on the way"
)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (429, b"", "Throttled: Mailjet answered HTTP 429: too many calls"),
        (413, b"", "TooLarge 413: Mailjet answered HTTP 413: the call's body is too large"),
        (408, b"", "Unreachable: Mailjet answered HTTP 408: the call did not arrive whole"),
        (301, b"", "Misconfigured 301: Mailjet answered HTTP 301: it redirects; correct api_url"),
        (401, b"", "Misconfigured 401: Mailjet answered HTTP 401: the API key or secret is wrong; correct api_key and api_secret"),
        (403, b"<html>", f"Misconfigured 403: Mailjet answered HTTP 403: {MUTE}"),
        (402, b"", f"Misconfigured 402: Mailjet answered HTTP 402: {MUTE}"),
        (402, [{"Status": "error"}], "Misconfigured 402: Mailjet needs a person's help: HTTP 402, without a reason"),
        (400, {"ErrorMessage": "No credit left.", "StatusCode": 402}, "Misconfigured 402: Mailjet needs a person's help: HTTP 402, No credit left"),
        (404, b"<html>", "Misconfigured 404: Mailjet answered HTTP 404: this is not Mailjet's API; correct api_url, or look at the proxy on the way"),
        (500, b"", "UnknownOutcome: Mailjet answered HTTP 500, not what it did"),
        (400, {"ErrorCode": "mj-0011"}, "TooLarge mj-0011: Mailjet refuses the call: mj-0011, the payload is too large"),
        (200, [None], "UnknownOutcome: Mailjet's answer does not speak of this message"),
        (200, [{}], "UnknownOutcome: Mailjet's answer says neither success nor error for this message"),
        (200, [{"Status": "success"}], "UnknownOutcome: Mailjet took it, and gave no MessageID"),
        (401, [{"Status": "error"}], "Misconfigured 401: Mailjet needs a person's help: HTTP 401, without a reason"),
        (400, {}, "RefusedWithoutReason 400: Mailjet refuses the message without a reason (HTTP 400)"),
        (400, {"StatusCode": 404}, "Refused 404: Mailjet refuses the message: HTTP 404, without a reason"),
        (400, {"StatusCode": 413}, "Refused 413: Mailjet refuses the message: HTTP 413, without a reason"),
        (400, {"StatusCode": 429}, "RefusedWithoutReason 400: Mailjet refuses the message without a reason (HTTP 400)"),
        (400, {"ErrorCode": "x-1", "StatusCode": 500}, "UnknownOutcome: Mailjet answered x-1, its servers failed"),
        (400, {"ErrorMessage": " Not  this. "}, "Refused 400: Mailjet refuses the message: HTTP 400, Not this"),
        (400, {"ErrorMessage": "To a@b.example"}, "Refused 400: Mailjet refuses the message: HTTP 400, in words that quote a person"),
        (400, {"ErrorCode": "mj-0013", "ErrorIdentifier": "x" * 65}, "Refused mj-0013: Mailjet refuses the message: mj-0013, an e-mail address is not valid"),
        (400, {"ErrorCode": "mj-0013", "ErrorRelatedTo": ["a" * 61, "b" * 62], "ErrorInfo": {"Properties": 7}},
            f"Refused mj-0013: Mailjet refuses the message: mj-0013, an e-mail address is not valid ({'a' * 61})"),
    ],
)  # fmt: skip
def test_each_answer_has_its_sentence_with_the_calls_identity(status, body, sentence):
    if isinstance(body, dict) and body.get("ErrorCode") != "mj-0011":
        body = [{"Status": "error", "Errors": [body]}]
    body = {"Messages": body} if isinstance(body, list) else body
    try:
        (fault,) = read(body, status, **{"x-mj-request-guid": "3fa85f64-5717"})
    except MailworkerError as raised:
        fault = raised
    named = f"{type(fault).__name__} {fault.code}".rstrip()
    assert f"{named}: {fault}" == sentence + GUID


class TestSevenShapes:
    def test_a_one_messages_own_error(self):
        (fate,) = read({"Messages": [error(ErrorRelatedTo=["To[0].Email"])]})
        assert str(fate) == (
            "Mailjet refuses the message: mj-0013, an e-mail address is not valid "
            "(To[0].Email) [Mailjet's id 154364af-0000]."
        )

    @pytest.mark.parametrize("status", [400, 403])
    def test_a_sender_that_is_not_authorised_whatever_the_status(self, status):
        (fate,) = read({"Messages": [error("send-0008", 403)]}, status=status)
        assert isinstance(fate, Misconfigured)

    def test_b_bare_error(self):
        with pytest.raises(Refused) as raised:
            read(
                {
                    "ErrorIdentifier": "x" * 8,
                    "ErrorCode": "send-0015",
                    "StatusCode": 400,
                    "ErrorRelatedTo": ["To"],
                }
            )
        assert raised.value.code == "send-0015"
        assert str(raised.value).startswith("Mailjet refuses the call: send-0015, ")

    def test_c_globals(self):
        with pytest.raises(Refused, match=r"mj-0012.*InlinedAttachments\[0\]\.Filename"):
            read({"Globals": error("mj-0012", ErrorRelatedTo=["InlinedAttachments[0].Filename"])})

    @pytest.mark.parametrize("messages", [[], None])
    def test_d_messages_absent(self, messages):
        errors = error("mj-0004")["Errors"] + error("mj-0003")["Errors"]
        with pytest.raises(Refused, match="mj-0004"):
            read({"Errors": errors, "Messages": messages})

    def test_e_credentials(self):
        with pytest.raises(Misconfigured, match=r"abcd1234") as raised:
            read(
                {"ErrorIdentifier": "abcd1234", "StatusCode": 401, "ErrorMessage": "API key failure."},
                status=401,
            )
        assert raised.value.code == "401"

    def test_f_429(self):
        with pytest.raises(Throttled) as raised:
            read(b"<html><h1>429 Too Many Requests</h1>", status=429)
        assert raised.value.retry_after == DEFAULT_RETRY_AFTER

    @pytest.mark.parametrize("body", [{"ErrorIdentifier": "abcd1234", "StatusCode": 500}, b"<html>502", b""])
    @pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
    def test_g_server(self, body, status):
        with pytest.raises(UnknownOutcome):
            read(body, status=status)


class TestDoubtfulMessages:
    @pytest.mark.parametrize("status", [200, 201, 400, 403, 500])
    def test_the_body_decides_whatever_the_status(self, status):
        assert read({"Messages": [success()]}, status=status) == [Receipt(BIG, "u")]

    @pytest.mark.parametrize(
        "message",
        [
            {},
            None,
            "success",
            {"Status": "queued"},
            {"Status": "queued", "Errors": error()["Errors"]},
            {"Status": "success", "To": []},
            {"Status": "success", "To": [{"MessageID": None}]},
            {"Status": "success", "To": "x"},
            success(7),  # somebody else's
        ],
    )
    def test_neither_success_nor_error_is_unknown(self, message):
        doubtful, good = read({"Messages": [message, success(2)]}, count=2)
        assert isinstance(doubtful, UnknownOutcome)
        assert good == Receipt(BIG, "u")

    def test_a_list_of_the_wrong_length_still_settles_whom_it_names(self):
        fates = read({"Messages": [success(3), success(1)]}, count=3)
        assert [type(fate) for fate in fates] == [Receipt, UnknownOutcome, Receipt]

    def test_the_worst_of_several_errors_is_the_fate(self):
        both = {"Status": "error", "Errors": error("send-0008", 403)["Errors"] + error("mj-0013")["Errors"]}
        (fate,) = read({"Messages": [both]})
        assert isinstance(fate, Refused)

    @pytest.mark.parametrize(
        ("errors", "status", "expected"),
        [
            ([], 400, RefusedWithoutReason),
            ([], 200, RefusedWithoutReason),
            (None, 400, RefusedWithoutReason),
            ("none", 400, RefusedWithoutReason),
            ([None, "x"], 400, RefusedWithoutReason),
            ([{}], 400, RefusedWithoutReason),
            ([{"ErrorIdentifier": "154364af-0000", "StatusCode": 400}], 400, RefusedWithoutReason),
            ([{"ErrorCode": "", "ErrorMessage": None, "StatusCode": 408}], 400, RefusedWithoutReason),
            ([{"ErrorCode": "mj-0013"}], 400, Refused),
            ([{"ErrorMessage": "Not this one."}], 400, Refused),
            ([{"ErrorMessage": "Not this one."}], 200, Refused),
            ([{}, {"ErrorCode": "send-0008", "StatusCode": 403}], 400, Misconfigured),
            ([], 401, Misconfigured),
            ([{"StatusCode": 403}], 400, Misconfigured),
            ([], 500, UnknownOutcome),
            ([{"StatusCode": 503}], 400, UnknownOutcome),
        ],
    )
    def test_an_error_without_a_reason_is_no_refusal_for_good(self, errors, status, expected):
        message = {"Status": "error"} if errors is None else {"Status": "error", "Errors": errors}
        mute, good = read({"Messages": [message, success(2)]}, status=status, count=2)
        assert type(mute) is expected
        assert good == Receipt(BIG, "u")

    def test_an_error_without_a_reason_names_what_support_asks_for(self):
        fault = {"ErrorIdentifier": "154364af-0000", "StatusCode": 400}
        (mute,) = read({"Messages": [{"Status": "error", "Errors": [fault]}]})
        assert (
            str(mute)
            == "Mailjet refuses the message without a reason (HTTP 400) [Mailjet's id 154364af-0000]."
        )
        assert mute.code == "400"

    @pytest.mark.parametrize(
        "body",
        [
            {"ErrorIdentifier": "154364af-0000", "StatusCode": 400},
            {"Errors": [{}], "Messages": []},
            {"Globals": {"Status": "error", "Errors": [{"StatusCode": 400}]}},
        ],
    )
    def test_a_call_refused_without_a_reason_says_nothing_of_its_messages(self, body):
        with pytest.raises(RefusedWithoutReason, match="refuses the call without a reason"):
            read(body)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(400, Refused), *((n, Misconfigured) for n in (401, 402, 403)), (500, UnknownOutcome)],
    )
    def test_an_unlisted_code_is_judged_by_its_status(self, status, expected):
        (fate,) = read({"Messages": [error("send-0042", status)]})
        assert type(fate) is expected
        assert "send-0042" in str(fate)

    @pytest.mark.parametrize("number", ["9" * 400, 2**63, "-1", 1.5, "²", None])
    def test_an_id_that_no_database_keeps_is_no_receipt(self, number):
        doubtful, good = read({"Messages": [success(message_id=number), success(2)]}, count=2)
        assert isinstance(doubtful, UnknownOutcome)
        assert good == Receipt(BIG, "u")

    @pytest.mark.parametrize("uuid", ["a\0b", "a\ud800", "u" * 37, ["u"], None])
    def test_a_uuid_that_no_database_keeps_is_left_out(self, uuid):
        answer = success()
        answer["To"][0]["MessageUUID"] = uuid
        assert read({"Messages": [answer]}) == [Receipt(BIG, "")]

    def test_a_status_may_come_as_text(self):
        fault = error("send-0042", "500")
        assert isinstance(read({"Messages": [fault]})[0], UnknownOutcome)

    def test_an_id_may_come_as_text(self):
        assert read({"Messages": [success(message_id=str(BIG))]}) == [Receipt(BIG, "u")]


class TestNotMailjetsOwnWords:
    @pytest.mark.parametrize(
        "body", [b"", b"null", b"[]", b"<html>", b'{"Messages"', b'{"Messages":[]}', b"\xff", b"[" * 9999]
    )
    def test_a_2xx_that_says_nothing_is_unknown(self, body):
        with pytest.raises(UnknownOutcome):
            read(body, status=200)

    @pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 403, 404, 405, 407, 414, 451])
    def test_a_proxys_4xx_fails_no_mail_for_good(self, status):
        with pytest.raises(Misconfigured, match=str(status)):
            read(b"<html>no</html>", status=status)

    def test_see_other_is_unknown(self):
        with pytest.raises(UnknownOutcome):
            read(b"", status=303)


@pytest.mark.parametrize(
    "words",
    [
        '"jean@client.example" is an invalid email address.',
        "jean@client.example is an invalid email address.",
        '"+33612345678" is an invalid email address.',
        'Jean <jean@client.example> and "Jean" at https://crm.example/reset/secret',
    ],
)
@pytest.mark.parametrize("code", ["mj-0013", "mj-9999", ""])
def test_no_address_name_or_link_gets_into_our_text(words, code):
    related = ["To[0].Email", "jean@client.example", "https://crm.example/reset/secret"]
    (fate,) = read({"Messages": [error(code, ErrorMessage=words, ErrorRelatedTo=related)]})
    assert isinstance(fate, MailworkerError)
    for private in ("jean", "client.example", "+336", "reset"):
        assert private not in str(fate).lower()
    assert "To[0].Email" in str(fate)


def test_a_long_answer_makes_no_long_sentence():
    assert len(without_values("x " * 5000)) == 200


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, DEFAULT_RETRY_AFTER),
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("-5", DEFAULT_RETRY_AFTER),
        ("soon", DEFAULT_RETRY_AFTER),
        ("", DEFAULT_RETRY_AFTER),
        ("²", DEFAULT_RETRY_AFTER),
        ("99999999", MAX_RETRY_AFTER),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 14:00:30 +0200", 30),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, NOW) == seconds


def test_retry_after_reads_dates_of_other_zones():
    later = (NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S -0000")
    assert retry_after(later, NOW) == 90


class TestRest:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (HttpAnswer(200, b'{"Count":0,"Data":[]}'), {"Count": 0, "Data": []}),
            (HttpAnswer(201, b"[1]"), [1]),
            (HttpAnswer(200, b""), None),
            (HttpAnswer(204), None),
            (HttpAnswer(304), None),
        ],
    )
    def test_what_is_well(self, answer, expected):
        assert read_rest_answer(answer) == expected

    @pytest.mark.parametrize(
        ("status", "body", "expected", "code"),
        [
            (404, {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404}, Refused, "404"),
            (
                400,
                {"ErrorMessage": 'MJ18 A Contact with value "x@y.z" exists.', "StatusCode": 400},
                Refused,
                "MJ18",
            ),
            (401, {"ErrorMessage": "Operation not allowed", "StatusCode": 401}, Misconfigured, "401"),
        ],
    )
    def test_what_is_refused(self, status, body, expected, code):
        with pytest.raises(expected) as raised:
            read_rest_answer(HttpAnswer(status, json.dumps(body).encode()))
        assert raised.value.code == code
        assert "x@y.z" not in str(raised.value)

    def test_the_properties_at_fault_are_named(self):
        info = {
            "Properties": [
                {"plan": "Property not defined"},
                {"age": "Property type does not match definition"},
            ]
        }
        body = {"ErrorInfo": info, "ErrorMessage": "Object properties invalid", "StatusCode": 400}
        with pytest.raises(Refused, match=r"Object properties invalid \(plan, age\)"):
            read_rest_answer(HttpAnswer(400, json.dumps(body).encode()))

    def test_a_2xx_that_is_no_json_is_unknown(self):
        with pytest.raises(UnknownOutcome):
            read_rest_answer(HttpAnswer(200, b"<html>"))


def test_a_message_id_of_other_digits_is_no_receipt():
    (fate,) = read({"Messages": [success(message_id="\u0661\u0662\u0663")]}, 200)
    assert isinstance(fate, UnknownOutcome)


@pytest.mark.parametrize("status", ["Success", "SUCCESS"])
def test_the_status_is_read_in_any_case(status):
    assert read({"Messages": [success() | {"Status": status}]}, 200) == [Receipt(BIG, "u")]


@pytest.mark.parametrize("errors", ["mj-0013", {"ErrorCode": "mj-0013"}, [], 7])
def test_errors_of_another_shape_are_no_verdict_about_the_call(errors):
    with pytest.raises(MailworkerError) as raised:
        read({"Errors": errors}, 500)
    assert isinstance(raised.value, UnknownOutcome)


# --- whose fate is it? --------------------------------------------------------------------------------------


def named_error(number):
    return error() | {"CustomID": f"id-{number}"}


def test_a_byte_that_is_no_utf8_hides_nobodys_receipt():
    body = {"Messages": [success(1), error(ErrorMessage="adresse refus\u00e9e")]}
    raw = json.dumps(body, ensure_ascii=False).encode("latin-1")
    taken, refused = read(raw, count=2)
    assert (taken, type(refused)) == (Receipt(BIG, "u"), Refused)


@pytest.mark.parametrize("messages", [{"0": success()}, success(), "success", 1, True])
@pytest.mark.parametrize("status", [200, 400, 403, 404])
def test_messages_in_a_shape_that_nobody_knows_prove_nothing(messages, status):
    with pytest.raises(UnknownOutcome, match="cannot be read"):
        read({"Messages": messages, "ErrorCode": "mj-0013"}, status)


@pytest.mark.parametrize("spoil", [lambda raw: raw + b"<!-- x -->", lambda raw: raw[:-9]])
@pytest.mark.parametrize("status", [200, 400, 403])
def test_an_answer_about_messages_that_breaks_off_proves_nothing(spoil, status):
    with pytest.raises(UnknownOutcome, match="cannot be read"):
        read(spoil(json.dumps({"Messages": [success(1), error()]}).encode()), status, count=2)


@pytest.mark.parametrize(
    ("status", "expected"), [(499, UnknownOutcome), (460, UnknownOutcome), (451, Misconfigured)]
)
def test_a_proxy_that_let_the_call_pass_does_not_say_that_nothing_left(status, expected):
    with pytest.raises(expected):
        read(b"<html>", status)


@pytest.mark.parametrize("status", [404, 405, 415])
def test_no_message_fails_for_good_because_something_else_was_asked(status):
    with pytest.raises(Misconfigured):
        read({"ErrorInfo": "", "ErrorMessage": "Method not allowed", "StatusCode": status}, status)
    with pytest.raises(Refused):
        read({"ErrorCode": "send-0011", "ErrorMessage": "No.", "StatusCode": status}, status)


@pytest.mark.parametrize("code", ["", "mj-0099"])
def test_one_message_too_many_is_tried_again(code):
    taken, later = read({"Messages": [success(1), error(code, 429)]}, 429, count=2)
    assert (taken, type(later), later.code) == (Receipt(BIG, "u"), RefusedWithoutReason, "429")


def test_reordered_elements_are_matched_by_their_ids():
    fates = read({"Messages": [success(3, 33), named_error(1), success(2, 22)]}, count=3)
    assert [type(fate) for fate in fates] == [Refused, Receipt, Receipt]
    assert [fates[1].message_id, fates[2].message_id] == [22, 33]


def test_an_element_without_an_id_counts_at_its_place_only_in_an_answer_in_order():
    fates = read({"Messages": [success(1), error(), success(3)]}, count=3)
    assert [type(fate) for fate in fates] == [Receipt, Refused, Receipt]
    fates = read({"Messages": [success(3), error(), success(1)]}, count=3)
    assert [type(fate) for fate in fates] == [Receipt, UnknownOutcome, Receipt]


def test_an_id_named_twice_with_two_stories_proves_nothing():
    (one, two) = read({"Messages": [success(1), named_error(1)]}, count=2)
    assert [type(one), type(two)] == [UnknownOutcome, UnknownOutcome]
    assert isinstance(read({"Messages": [success(1), success(1)]}, count=2)[0], Receipt)


@hypothesis_settings(max_examples=150)
@given(data=st.data(), count=st.integers(1, 6))
def test_no_answer_gives_anybody_another_ones_fate(data, count):
    """Whatever Mailjet drops, repeats, shuffles or leaves nameless, whoever gets a fate gets their own."""
    taken = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    true = [
        success(n + 1, 100 + n) if ok else named_error(n + 1) | {"Errors": error(f"mj-00{n}")["Errors"]}
        for n, ok in enumerate(taken)
    ]
    shuffled = data.draw(st.permutations(true))
    shown = data.draw(st.lists(st.sampled_from(shuffled), min_size=1, max_size=count + 2))
    if data.draw(st.booleans()):
        shown = [
            {name: value for name, value in one.items() if name != "CustomID" or data.draw(st.booleans())}
            for one in true
        ]
    for n, fate in enumerate(read({"Messages": shown}, count=count)):
        if isinstance(fate, Receipt):
            assert (taken[n], fate.message_id) == (True, 100 + n)
        elif not isinstance(fate, UnknownOutcome):
            assert not taken[n]
            assert f"mj-00{n}" in str(fate)


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "120"}, 120.0), ({}, 0.0)])
def test_a_server_that_failed_says_when_to_come_again(headers, seconds):
    failed = refusal(HttpAnswer(503, b"", headers), [])
    assert isinstance(failed, UnknownOutcome)
    assert failed.retry_after == seconds


# --- whose words are they? ----------------------------------------------------------------------------------

NOT_MAILJETS = [402, 406, 409, 410, 418, 421, 422, 423, 425, 428, 444, 449, 451, 495]


@pytest.mark.parametrize("status", NOT_MAILJETS)
@pytest.mark.parametrize(
    "body", [{"message": "no"}, {"ErrorMessage": "No.", "StatusCode": 400}, {"ErrorIdentifier": "154364af"}]
)
def test_a_status_that_mailjet_does_not_have_fails_nothing_for_good_without_a_code(status, body):
    answer = HttpAnswer(status, json.dumps(body).encode())
    for reader in (read_rest_answer, lambda one: read_send_answer(one, [mail()])):
        with pytest.raises(Misconfigured):
            reader(answer)
    with pytest.raises(Refused):
        read(error()["Errors"][0], status)


@pytest.mark.parametrize("status", [400, 404, 405, 410])
@pytest.mark.parametrize("body", [{"message": "no Route matched"}, {"error": {"code": 7}}, [], {}])
def test_a_gateways_object_is_no_answer_of_mailjets(status, body):
    """An API gateway's 404 must not read as "Mailjet has no such contact"."""
    with pytest.raises(Misconfigured):
        read_rest_answer(HttpAnswer(status, json.dumps(body).encode()))


@pytest.mark.parametrize("status", [200, 202, 460, 499])
def test_a_call_that_may_have_passed_is_never_one_to_make_again(status):
    with pytest.raises(UnknownOutcome):
        read({"ErrorIdentifier": "154364af-0000"}, status)


def test_a_suspended_account_holds_all_mail():
    """The shape that others had in October 2023 (ThetaTau/CMT#903): 401, bare, with Mailjet's code."""
    suspended = {"ErrorIdentifier": "154364af-0000", "ErrorCode": "mj-0001", "StatusCode": 401}
    with pytest.raises(Misconfigured, match="the API key is suspended") as raised:
        read(suspended | {"ErrorMessage": "Your account"}, 401)
    assert raised.value.code == "mj-0001"


@pytest.mark.parametrize("status", [402, 403])
def test_an_account_that_may_send_no_more_holds_all_mail_in_mailjets_words(status):
    with pytest.raises(Misconfigured, match=f"HTTP {status}, The account has no credit left"):
        read({"ErrorMessage": "The account has no credit left.", "StatusCode": status}, status)


@pytest.mark.parametrize("zone", ["+99999999999999", "-9999", "+2400", "x"])
@pytest.mark.parametrize("year", ["2026", "0001", "9999", "99999999999"])
def test_no_date_in_a_header_ends_a_worker(year, zone):
    assert 0 <= retry_after(f"Mon, 01 Jan {year} 00:00:00 {zone}", NOW) <= MAX_RETRY_AFTER

"""What a message looks like on Mailjet's side, and how many bytes it takes."""

import json
import unicodedata
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.core.message import Address, Attachment, Mail
from mailworker.errors import BadInput
from mailworker.mailjet.send_payload import ENVELOPE_BYTES, batch_body, encoded_size
from mailworker.mailjet.shorten_subject import MAX_SUBJECT, fit_subject
from tests.send_payload import message_payload


def mail(**changes):
    parts = {
        "id": "0192-id",
        "kind": "api_crmCommunicationCustomerInvoice",
        "from_": Address("billing@crm.example", "CRM"),
        "to": Address("jean@client.example", "Jean"),
        "template_id": 42,
        "subject": "Votre Facture - INV-1",
        "variables": {"invoice": "INV-1"},
    }
    return Mail(**(parts | changes))


def test_the_whole_message():
    pdf = Attachment("INV-1.pdf", "application/pdf", "JVBERi0=")
    full = mail(
        cc=(Address("boss@client.example"),), bcc=(Address("archive@crm.example"),), attachments=(pdf,)
    )
    assert message_payload(full) == {
        "From": {"Email": "billing@crm.example", "Name": "CRM"},
        "To": [{"Email": "jean@client.example", "Name": "Jean"}],
        "Cc": [{"Email": "boss@client.example"}],
        "Bcc": [{"Email": "archive@crm.example"}],
        "TemplateID": 42,
        "TemplateLanguage": True,
        "Subject": "Votre Facture - INV-1",
        "Variables": {"invoice": "INV-1"},
        "CustomID": "0192-id",
        "Headers": {"Auto-Submitted": "auto-generated"},
        "EventPayload": '{"v":1,"kind":"api_crmCommunicationCustomerInvoice"}',
        "Attachments": [
            {"ContentType": "application/pdf", "Filename": "INV-1.pdf", "Base64Content": "JVBERi0="}
        ],
    }


def test_nothing_empty_is_sent():
    bare = message_payload(mail(subject=" \n", to=Address("jean@client.example")))
    assert set(bare) == {
        "From", "To", "TemplateID", "TemplateLanguage", "Variables", "CustomID", "Headers", "EventPayload",
    }  # fmt: skip
    assert bare["To"] == [{"Email": "jean@client.example"}]


def test_secret_links_are_never_tracked_and_answers_go_where_they_are_read():
    urgent = message_payload(mail(quiet=True, reply_to="aide@crm.example"))
    assert (urgent["TrackClicks"], urgent["TrackOpens"]) == ("disabled", "disabled")
    assert urgent["ReplyTo"] == {"Email": "aide@crm.example"}
    assert not {"TrackClicks", "TrackOpens", "ReplyTo"} & message_payload(mail()).keys()


def test_null_variables_become_empty_texts_at_any_depth():
    variables = MappingProxyType({"a": None, "b": {"c": None, "d": [None, 1, True, "x"]}})
    assert message_payload(mail(variables=variables))["Variables"] == {
        "a": "",
        "b": {"c": "", "d": ["", 1, True, "x"]},
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_write_is_named(number):
    with pytest.raises(
        BadInput, match=r"^The variable rows\[0\]\.price is not a finite number; JSON cannot carry it\.$"
    ):
        batch_body([mail(variables={"rows": [{"price": number}]})])


@pytest.mark.parametrize(
    ("email", "written"),
    [
        ("jean@müller.de", "jean@xn--mller-kva.de"),
        ("jean@MÜLLER.de", "jean@xn--mller-kva.de"),
        ("jean@例え.jp", "jean@xn--r8jz45g.jp"),
        ("jérôme@client.example", "jérôme@client.example"),
        ("jean@..é", "jean@..é"),  # no domain at all: Mailjet will say so
    ],
)
def test_domains_travel_in_punycode(email, written):
    assert message_payload(mail(to=Address(email)))["To"] == [{"Email": written}]


def test_a_name_stays_on_one_line():
    assert (
        message_payload(mail(to=Address("a@b.example", "Jean\r\nBcc: x")))["To"][0]["Name"] == "Jean Bcc: x"
    )


class TestSubject:
    @pytest.mark.parametrize("subject", ["", "Bonjour", "x" * MAX_SUBJECT])
    def test_what_fits_is_left_alone(self, subject):
        assert fit_subject(subject) == subject

    def test_a_long_one_ends_at_a_word(self):
        assert fit_subject("mot " * 100) == "mot " * 62 + "mot…"

    def test_a_space_far_before_the_end_cuts_nothing_off(self):
        assert fit_subject("Bonjour " + "x" * 300) == "Bonjour " + "x" * (MAX_SUBJECT - 9) + "…"

    def test_one_word_is_cut_anyway(self):
        assert fit_subject("x" * 300) == "x" * 254 + "…"

    @pytest.mark.parametrize(
        "expression", ["{{var:name:'one two'}}", "{% if var:x %}a{% endif %}", "[[data:a b c]]"]
    )
    def test_an_expression_is_kept_whole_or_left_out(self, expression):
        assert fit_subject("x" * 245 + " " + expression + " fin") == "x" * 245 + "…"

    def test_an_accent_stays_with_its_letter(self):
        assert fit_subject("e\u0301" * 200) == "e\u0301" * 127 + "…"

    def test_a_family_is_not_torn_apart(self):
        family = "👨\u200d👩\u200d👧"
        cut = fit_subject(family * 60)
        assert cut.rstrip("…") == family * ((len(cut) - 1) // len(family))

    @pytest.mark.parametrize(
        "seen", ["👨\u200d👧", "e\u0301", "👍\U0001f3fb", "👍\U0001f3ff", "☎\ufe0f", "☎\ufe0e", "ж"]
    )
    @pytest.mark.parametrize("before", range(240, 256))
    def test_wherever_the_end_falls_what_is_seen_as_one_is_kept_whole(self, seen, before):
        head, ellipsis = fit_subject("x" * before + seen * 20)[:-1], fit_subject("x" * before + seen * 20)[-1]
        whole = (MAX_SUBJECT - 1 - before) // len(seen) if before < MAX_SUBJECT else 0
        assert (head, ellipsis) == (("x" * before + seen * whole)[: MAX_SUBJECT - 1], "…")

    @given(st.text(max_size=600))
    def test_it_always_fits_and_never_breaks_a_line(self, subject):
        fitted = fit_subject(subject)
        assert len(fitted) <= MAX_SUBJECT
        assert fitted == " ".join(fitted.split())
        assert (
            not fitted
            or not unicodedata.combining(fitted[-1])
            or len(subject) <= MAX_SUBJECT
            or fitted[-1] == "…"
        )


words = st.text(max_size=40)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
files = st.builds(
    Attachment, words, words, st.sampled_from(["", "QUJD", "QUJD\r\nREVG", 'no "base64"\\', "é"])
)
mails = st.builds(
    mail,
    subject=words,
    variables=st.dictionaries(words, trees, max_size=4),
    to=st.builds(Address, st.sampled_from(["a@b.example", "a@müller.de"]), words),
    attachments=st.lists(files, max_size=3).map(tuple),
)


def attached(file):
    return {"ContentType": file.content_type, "Filename": file.filename, "Base64Content": file.base64}


def as_utf8(value):
    """The value as it looks after a journey in UTF-8, where a lone surrogate is a question mark."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


@given(st.lists(mails, min_size=1, max_size=4))
def test_the_size_is_exact_and_the_body_is_the_payloads(batch):
    body = batch_body(batch)
    assert len(body) == ENVELOPE_BYTES + sum(map(encoded_size, batch)) + len(batch) - 1
    compact = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    assert body == compact.encode(), "spaces would count against the limit of a call"
    assert json.loads(body) == {
        "AdvanceErrorHandling": True,
        "Messages": [
            message_payload(replace(one, attachments=()))
            | (
                {"Attachments": [as_utf8(attached(file)) for file in one.attachments]}
                if one.attachments
                else {}
            )
            for one in batch
        ],
    }


def test_a_lone_surrogate_does_not_stop_the_batch():
    body = batch_body([mail(variables={"name": "\ud83d"}), mail()])
    assert json.loads(body)["Messages"][0]["Variables"] == {"name": "?"}


def test_the_sandbox_is_asked_for_at_the_root():
    assert json.loads(batch_body([mail()], sandbox=True))["SandboxMode"] is True

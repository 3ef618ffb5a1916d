"""One rule of size: what the client takes never weighs more at dispatch than Mailjet's proxy lets through."""

import base64

import pytest

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import parse_settings
from mailworker.core.kind import VariableType
from mailworker.core.mailjet_limits import CALL_BYTES
from mailworker.core.message import AttachmentRef
from mailworker.dispatch.outgoing_mail import mail_of
from mailworker.errors import BadInput
from mailworker.intake.job_row import row_of
from mailworker.mailjet.send_payload import batch_body
from mailworker.rules.fill_call import ENVELOPE_BYTES
from mailworker.rules.job.check_job import check_job
from tests.rows import NOW

RESET = "api_crmCommunicationUserPasswordReset"
NEWS = "api_crmCommunicationOurNews"
_BLOCK = f"from_email: {'a' * 60}@c.example, from_name: '{'𝕏' * 100}', template_id: 3, subject: '{'𝕏' * 250}'"
SETTINGS = parse_settings(
    "mailjet:\n  api_key: k\n  api_secret: s\n"
    + "".join(f"  {name}: {{{_BLOCK}, reply_to: {'b' * 60}@c.example}}\n" for name in KINDS)
    + f"  {NEWS}: {{{_BLOCK}, variables: [{{name: rows, type: list}}, text]}}\n",
    environ={},
)


def sent_bytes(job):
    """The body of a call with this message alone, as dispatch writes it."""
    refs, kept = [], {}
    for number, file in enumerate(job.attachments):
        content = base64.b64decode(file.base64)
        refs.append(_ref(f"f{number}", file, len(content)))
        kept[f"f{number}"] = content
    row = row_of(job, refs, NOW)
    link = "https://crm.example/unsubscribe/" + "x" * 300
    body = batch_body([mail_of(row, SETTINGS, kept, unsubscribe=link)])
    return len(body), row["content_bytes"]


def _ref(key, file, size):
    return AttachmentRef(key, file.filename, file.content_type, size, "")


def values(kind, character, times):
    """The heaviest value of each variable, made of this character."""
    by_type = {
        VariableType.INTEGER: 10**14,
        VariableType.URL: "https://crm.example/" + "ü" * min(times, 9_000),
        VariableType.EMAIL: "zoe@client.example",
        VariableType.LIST: [{"amount": 1, "due_date": "2026-11-30", "number": character}] * min(times, 200),
    }
    return {
        one.name: by_type.get(one.type, "s3cret" if one.secret else f"x{character * times}"[:10_000])
        for one in kind.variables
        if not one.derived
    }


@pytest.mark.parametrize("times", [1, 50, 10_000])
#: What grows most on the way: JSON's escapes, four bytes of UTF-8, and markup that is replaced.
@pytest.mark.parametrize("character", ['"', "\\", "𝕏", "é", "a", "‹"])
@pytest.mark.parametrize("kind", list(KINDS.values()), ids=lambda kind: kind.name[20:])
def test_a_message_never_weighs_more_than_it_is_thought_to(kind, character, times):
    raw = {
        "kind": kind.name,
        "to": {"email": f"{'z' * 60}@client.example", "name": "𝕏" * 200},
        "variables": values(kind, character, times),
        "attachments": [
            {"filename": "𝕏" * 200, "content_type": "a/" + "b" * 98, "content": bytes(size)}
            for size in range(1, 1 + min(times, 50))
        ],
        "cc": [{"email": f"p{n}@client.example", "name": "𝕏" * 200} for n in range(min(times, 49))],
    }
    (job,) = check_job(raw, KINDS, now=NOW)
    weight, thought = sent_bytes(job)
    assert weight <= thought + ENVELOPE_BYTES


def with_file(size):
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": bytes(size)}
    variables = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}
    return {"kind": RESET, "to": "zoe@client.example", "variables": variables, "attachments": [file]}


def largest():
    """The most bytes of a file that the client takes, found by halving."""
    low, high = 0, CALL_BYTES
    while high - low > 1:
        middle = (low + high) // 2
        try:
            check_job(with_file(middle), KINDS, now=NOW)
        except BadInput:
            high = middle
        else:
            low = middle
    return low


def test_the_largest_file_that_the_client_takes_leaves_in_a_call():
    size = largest()
    (job,) = check_job(with_file(size), KINDS, now=NOW)
    weight, thought = sent_bytes(job)
    assert weight <= thought + ENVELOPE_BYTES <= CALL_BYTES < weight + 20_000, "nearly all of 15 MB is files"
    with pytest.raises(BadInput) as caught:
        check_job(with_file(size + 3), KINDS, now=NOW)
    (fault,) = caught.value.faults
    assert fault.startswith("attachments: with its files in base64 the mail has up to 15,000,")
    assert fault.endswith("over the 15,000,000 that Mailjet takes; send a link instead, or less.")


def test_a_mail_that_is_too_heavy_by_its_variables_alone_is_refused_too():
    def faults(rows):
        try:
            asked = {"kind": NEWS, "to": "z@c.example", "variables": {"rows": rows, "text": "t"}}
            check_job(asked, SETTINGS.kinds, now=NOW)
        except BadInput as fault:
            return list(fault.faults)
        return []

    row = dict.fromkeys("abcde", "x" * 9000)
    assert faults([row] * 100) == []
    (fault,) = faults([row] * 200)
    assert fault.startswith("variables: with them the mail has up to 18,0")

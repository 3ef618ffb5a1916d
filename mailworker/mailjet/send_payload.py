"""A mail as the Send API v3.1 wants it, and its exact size there.

An invoice's PDF is 99 % of a message, and base64 needs no JSON escapes. So the JSON encoder never sees
the attachments: they are spliced in, which costs a copy instead of a scan of every character.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from mailworker.core.canonical_address import with_ascii_domain
from mailworker.core.inert_markup import without_markup
from mailworker.core.message import Address, Attachment, Mail
from mailworker.errors import BadInput
from mailworker.mailjet.shorten_subject import fit_subject

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_HEAD = b'{"AdvanceErrorHandling":true,"Messages":['
_SANDBOX_HEAD = b'{"SandboxMode":true,"AdvanceErrorHandling":true,"Messages":['
_TAIL = b"]}"

#: A body of n messages has this many bytes, plus their `encoded_size`s, plus n - 1 commas.
ENVELOPE_BYTES = len(_HEAD) + len(_TAIL)


def encoded_size(mail: Mail) -> int:
    """How many bytes this message takes in the body of a call, with base64 and escapes counted."""
    return sum(map(len, _message_parts(mail)))


def batch_body(mails: Sequence[Mail], *, sandbox: bool = False) -> bytes:
    """The whole body of a Send call. With `sandbox`, Mailjet checks everything and sends nothing.

    `AdvanceErrorHandling` makes Mailjet refuse a template that it cannot send; without it the answer
    is "success" and the mail never leaves. Raises BadInput for a number that JSON cannot write.
    """
    body = BytesIO()  # its parts joined at the end would be in memory twice
    body.write(_SANDBOX_HEAD if sandbox else _HEAD)
    for position, mail in enumerate(mails):
        body.write(b"," if position else b"")
        body.writelines(_message_parts(mail))
    body.write(_TAIL)
    return body.getvalue()


def _message_parts(mail: Mail) -> list[bytes]:
    head = _json(_without_attachments(mail))
    if not mail.attachments:
        return [head]
    parts = [head[:-1], b',"Attachments":[']
    for position, file in enumerate(mail.attachments):
        parts += [b"," if position else b"", _json(_file_head(file))[:-1]]
        parts += [b',"Base64Content":', *_base64_parts(file.base64), b"}"]
    return [*parts, b"]}"]


def _base64_parts(text: str) -> Iterable[bytes]:
    raw = text.encode("utf-8", "replace")
    if raw.translate(None, _BASE64):  # line breaks, or no base64 at all: let JSON escape it
        return (_json(text),)
    return (b'"', raw, b'"')


def _without_attachments(mail: Mail) -> dict[str, Any]:
    """One element of `Messages`, by Mailjet's Send API guide.

    `From` is always there (Mailjet has answered "success" and sent nothing without it), an empty
    `Subject` never (it would be refused instead of leaving the template's own), and null variables
    are empty texts (refused as null).
    """
    subject = fit_subject(mail.subject)
    people = {"To": (mail.to,), "Cc": mail.cc, "Bcc": mail.bcc}
    return {
        "From": _mailbox(mail.from_),
        **{field: [_mailbox(one) for one in addresses] for field, addresses in people.items() if addresses},
        "TemplateID": mail.template_id,
        "TemplateLanguage": True,
        **({"Subject": subject} if subject else {}),
        "Variables": {str(name): _value(value, str(name)) for name, value in mail.variables.items()},
        "CustomID": mail.id,
        **({"ReplyTo": _mailbox(Address(mail.reply_to))} if mail.reply_to else {}),
        # A tracked link carries its secret through another host, whatever the account's default is.
        **({"TrackClicks": "disabled", "TrackOpens": "disabled"} if mail.quiet else {}),
        "Headers": {"Auto-Submitted": "auto-generated"} | _one_click(mail),
        "EventPayload": json.dumps({"v": 1, "kind": mail.kind}, separators=(",", ":")),
    }


def _one_click(mail: Mail) -> dict[str, str]:
    """RFC 8058: both headers. Neither is among those that Mailjet's guide keeps to itself.

    Mailjet was seen to replace them by its own (Notifuse#348); then its `unsub` event says who left.
    """
    if not mail.unsubscribe:
        return {}
    return {
        "List-Unsubscribe": f"<{mail.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _file_head(file: Attachment) -> dict[str, str]:
    return {"ContentType": file.content_type, "Filename": file.filename}


def _mailbox(address: Address) -> dict[str, str]:
    name = without_markup(" ".join(address.name.split()))
    return {"Email": with_ascii_domain(address.email)} | ({"Name": name} if name else {})


def _value(value: Any, name: str) -> Any:
    """A variable as Mailjet takes it. Booleans stay, since the templates' conditions are ours.

    No text carries `<` or `>`: it stays text in templates that print it unescaped, too.
    """
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return {str(key): _value(inner, f"{name}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value(inner, f"{name}[{position}]") for position, inner in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"The variable {name} is not a finite number; JSON cannot carry it.")
    return value if isinstance(value, int | float) else without_markup(str(value))


def _json(value: Any) -> bytes:
    """UTF-8 without spaces. A lone surrogate, which UTF-8 cannot write, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

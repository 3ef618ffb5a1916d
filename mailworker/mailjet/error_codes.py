"""Mailjet's error codes: what each means, and what we do about it.

Sources: the error tables of Mailjet's Send API guide (2023 and later); `send-0019` is in no table and
was reported to Mailjet's .NET client by its users. Our own words stand here, because Mailjet's
sentences quote the customer's address.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Fate(Enum):
    """What follows from a code."""

    REFUSED = auto()
    """This message will never be taken."""
    TOO_LARGE = auto()
    """This message is over a size limit."""
    MISCONFIGURED = auto()
    """A person has to act; the message may leave afterwards."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One of Mailjet's codes: its fate, and its meaning in a sentence's end."""

    fate: Fate
    words: str


_REFUSED: dict[str, str] = {
    "send-0003": "it has no template and no text",
    "send-0004": "it has a text and a template",
    "send-0011": "it sets a header that Mailjet keeps for itself",
    "send-0012": "it de-duplicates a campaign that it does not name",
    "send-0015": "the call has more than 50 recipients",
    "send-0016": "it reports template errors without the template language",
    "mj-0002": "the JSON is malformed",
    "mj-0003": "a mandatory property is missing or null",
    "mj-0004": "a property has the wrong type",
    "mj-0005": "a property's value is not allowed",
    "mj-0006": "a property is too long",
    "mj-0007": "a list is empty",
    "mj-0008": "a list has more than 50 elements",
    "mj-0012": "a property is an empty text",
    "mj-0013": "an e-mail address is not valid",
}

_MISCONFIGURED: dict[str, str] = {
    "send-0006": "this account may not set Sender; ask Mailjet's support for the permission",
    "send-0007": "the Sender is not validated; validate it in Mailjet's account",
    "send-0008": "From is not an active sender of this account; validate it in Mailjet's account",
    "send-0010": "this API key cannot send the template; correct template_id or share the template",
    "send-0013": "the monitoring category does not exist; create it in Mailjet's account",
    "send-0019": "a header stored in the template is not a text; save the template again",
    "mj-0001": "the API key is suspended; ask Mailjet's support",
    "mj-0015": "the API key or secret is wrong; correct api_key and api_secret",
}

_TOO_LARGE: dict[str, str] = {
    "mj-0011": "the payload is too large",
}

CODES: dict[str, ErrorCode] = {
    code: ErrorCode(fate, words)
    for fate, table in (
        (Fate.REFUSED, _REFUSED),
        (Fate.MISCONFIGURED, _MISCONFIGURED),
        (Fate.TOO_LARGE, _TOO_LARGE),
    )
    for code, words in table.items()
}

"""The errors of the Send API, in Mailjet's own words where these were recorded."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class SendError:
    """One thing wrong with a message or a call; `related` are the property paths it is about."""

    code: str
    message: str
    related: tuple[str, ...]
    status: int = 400

    def document(self) -> dict[str, Any]:
        """As it stands in an answer's `Errors`."""
        return {
            "ErrorIdentifier": str(uuid4()),
            "ErrorCode": self.code,
            "StatusCode": self.status,
            "ErrorMessage": self.message,
            "ErrorRelatedTo": list(self.related),
        }


def missing(path: str) -> SendError:
    """A mandatory property is absent."""
    return SendError("mj-0003", "Missing mandatory property.", (path,))


def is_null(path: str) -> SendError:
    """A property is null, which Mailjet never takes."""
    return SendError("mj-0003", "Property value cannot be null.", (path,))


def wrong_type(path: str, expected: str) -> SendError:
    """A property has another JSON type; this refuses the whole call."""
    return SendError("mj-0004", f'Type mismatch. Expected type "{expected}".', (path,))


def not_allowed(path: str, allowed: str) -> SendError:
    """A value outside of its list or range."""
    return SendError("mj-0005", f"Property value is not allowed. Allowed: {allowed}.", (path,))


def too_long(path: str, most: int) -> SendError:
    """A text over its length."""
    return SendError("mj-0006", f"Property value length is over the limit of {most}.", (path,))


def empty_array(path: str) -> SendError:
    """An array that needs an element has none."""
    return SendError("mj-0007", "You must provide at least one item in the collection.", (path,))


def too_many(path: str) -> SendError:
    """An array or object of more than fifty elements (Mailjet's Send API guide, mj-0008)."""
    return SendError("mj-0008", "Max Allowed item limit is 50.", (path,))


def empty_text(path: str) -> SendError:
    """An empty string where content is needed."""
    return SendError("mj-0012", "Empty string not allowed.", (path,))


def bad_address(address: str, path: str) -> SendError:
    """An invalid e-mail address."""
    return SendError("mj-0013", f'"{address}" is an invalid email address.', (path,))


def bad_base64(path: str) -> SendError:
    """Content that is not base64. Mailjet's code for this was never seen; this one is a stand-in."""
    return SendError("mj-0005", "Property value is not valid base64.", (path,))


MALFORMED = SendError("mj-0002", "Malformed JSON, please review the syntax and properties types.", ())
TOO_MANY_RECIPIENTS = SendError(
    "send-0015", "Total number of recipients exceeded. Max allowed - 50.", ("To", "Bcc", "Cc")
)
NO_CONTENT = SendError(
    "send-0003",
    'At least "HTMLPart", "TextPart" or "TemplateID" must be provided.',
    ("TextPart", "HTMLPart", "TemplateID"),
)
TWO_CONTENTS = SendError(
    "send-0004", "Content is given twice: by the message and by its template.", ("HTMLPart", "TemplateID")
)
NO_CAMPAIGN = SendError(
    "send-0012", "DeduplicateCampaign needs a CustomCampaign.", ("DeduplicateCampaign", "CustomCampaign")
)
TOO_LARGE = SendError("mj-0011", "Payload size is over the limit.", ("Attachments", "InlinedAttachments"))
SENDER_NOT_PERMITTED = SendError(
    "send-0006", "You are not permitted to use the Sender property.", ("Sender",), 403
)


def needs_template_language(path: str) -> SendError:
    """A template-error setting without the template language."""
    return SendError("send-0016", f"{path} needs TemplateLanguage.", (path, "TemplateLanguage"))


def forbidden_header(name: str) -> SendError:
    """A header that only Mailjet sets."""
    return SendError("send-0011", f'Header "{name}" cannot be customized.', (f'Headers["{name}"]',))


def sender_unknown(address: str) -> SendError:
    """The sender is not active on this account."""
    text = f'"{address}" is not an authorized sender email address for your account.'
    return SendError("send-0008", text, ("From",), 403)


def template_unknown(number: int) -> SendError:
    """The template does not exist for this key; only answered with AdvanceErrorHandling."""
    return SendError("send-0010", f'Template id "{number}" doesn\'t exist for your account.', ("TemplateID",))


def template_header_wrong(name: str) -> SendError:
    """The template's stored header is no string (seen in an undocumented error)."""
    return SendError("send-0019", 'Wrong type for template header, expected type "string"', (name,))

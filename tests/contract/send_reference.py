"""The reference of Send API v3.1, as types: what a call may carry, and what answers look like.

Properties and limits are the guide's; the shapes of errors are recorded answers and reports (FACTS.md beside the
local Mailjet names them). Files are shortened in a record, so nothing is said here of what is in them.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MOST = 50
_Text = Annotated[str, Field(min_length=1)]
_Tracking = Literal["account_default", "disabled", "enabled"]


class _Reference(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Person(_Reference):
    """One address."""

    Email: _Text
    Name: str = ""


class File(_Reference):
    """One attachment."""

    ContentType: _Text
    Filename: _Text
    Base64Content: _Text


class InlinedFile(File):
    """One picture that the HTML names."""

    ContentID: _Text


class Shared(_Reference):
    """What a message and Globals may both have."""

    From: Person | None = None
    Sender: Person | None = None
    Cc: list[Person] = Field(default=[], max_length=MOST)
    Bcc: list[Person] = Field(default=[], max_length=MOST)
    ReplyTo: Person | None = None
    Subject: str = Field(default="", max_length=255)
    TextPart: str = ""
    HTMLPart: str = ""
    TemplateID: Annotated[int, Field(gt=0)] = 1
    TemplateLanguage: bool = False
    TemplateErrorReporting: Person | None = None
    TemplateErrorDeliver: bool = False
    Variables: dict[str, Any] = Field(default={}, max_length=MOST)
    Attachments: list[File] = Field(default=[], max_length=MOST)
    InlinedAttachments: list[InlinedFile] = Field(default=[], max_length=MOST)
    CustomID: str = ""
    EventPayload: str = ""
    CustomCampaign: str = Field(default="", max_length=255)
    DeduplicateCampaign: bool = False
    Priority: Annotated[int, Field(ge=0, le=3)] = 2
    TrackOpens: _Tracking = "account_default"
    TrackClicks: _Tracking = "account_default"
    URLTags: str = Field(default="", max_length=256)
    MonitoringCategory: str = ""
    Headers: dict[str, str] = Field(default={}, max_length=MOST)


class Message(Shared):
    """One mail."""

    To: list[Person] = Field(min_length=1, max_length=MOST)


class Call(_Reference):
    """The whole call."""

    Messages: list[Message] = Field(min_length=1, max_length=MOST)
    Globals: Shared | None = None
    SandboxMode: bool = False
    AdvanceErrorHandling: bool = False


class Taken(_Reference):
    """What a recipient of a taken mail is known by."""

    Email: _Text
    MessageUUID: str
    MessageID: int
    MessageHref: _Text


class Success(_Reference):
    """The answer for a taken mail."""

    Status: Literal["success"]
    CustomID: str
    To: list[Taken]
    Cc: list[Taken]
    Bcc: list[Taken]


class Fault(_Reference):
    """One error; without a code for wrong credentials."""

    ErrorIdentifier: Annotated[UUID, Field(strict=False)]
    ErrorCode: Annotated[str, Field(pattern=r"^(mj|send)-\d{4}$")] = "mj-0000"
    StatusCode: int
    ErrorMessage: _Text
    ErrorRelatedTo: list[str] = []


class Refusal(_Reference):
    """The answer for a refused mail."""

    Status: Literal["error"]
    Errors: list[Fault] = Field(min_length=1)


class Answers(_Reference):
    """Every mail its own answer."""

    Messages: list[Annotated[Success | Refusal, Field(discriminator="Status")]]


class GlobalsRefused(_Reference):
    """What Globals has is wrong."""

    Globals: Refusal


_ANSWER: TypeAdapter[Any] = TypeAdapter(Answers | GlobalsRefused | Fault)
_PARTIAL = frozenset({200, 400, 403})


def send_misfits(body: Any, status: int, answer: Any) -> Iterator[str]:
    """What in a call of the Send API, and in its answer, the reference does not have."""
    yield from (f"send: {text}" for text in _faults(TypeAdapter(Call), body))
    if status in (413, 429):
        return
    yield from (f"send answers: {text}" for text in _faults(_ANSWER, answer))
    if isinstance(answer, dict) and "Messages" in answer:
        if status not in _PARTIAL:
            yield f"send answers messages with {status}"
        if len(answer["Messages"]) != len(body["Messages"]):
            yield "send answers another number of messages"
        wholly = all(one.get("Status") == "success" for one in answer["Messages"])
        if wholly is not (status == 200):
            yield f"send answers {status} although success is {wholly}"


def _faults(kind: TypeAdapter[Any], value: Any) -> Iterator[str]:
    try:
        kind.validate_python(value)
    except ValidationError as errors:
        for error in errors.errors(include_input=False, include_url=False):
            place = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
            yield f"{place}: {error['msg']}"

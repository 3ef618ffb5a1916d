"""The `mailjet:` section: OmniCRM's own, plus the address and the pace."""

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.kind_block import PREFIX, KindBlock, UnlistedVariables
from mailworker.config.section import Section
from mailworker.core.kind import Kind
from mailworker.core.mailjet_limits import CALL_BYTES
from mailworker.core.masked_secret import Secret
from mailworker.errors import Misconfigured


def _proxy(value: Secret) -> Secret:
    if value.is_known and not _is_proxy(value.reveal()):
        raise ValueError(
            "is the URL of an HTTP proxy: write http://proxy.example:3128, or "
            "http://user:password@proxy.example:3128 with %23 for #, %2F for /, %3F for ?, %40 for @"
        )
    return value


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:  # a port or a host that is none; its words would show the password
        return False
    rest = parts.path.strip("/") + parts.query + parts.fragment
    sound = text.isprintable() and " " not in text
    return sound and parts.scheme in {"http", "https"} and bool(parts.hostname) and not rest


class MailjetSettings(Section):
    """Access to Mailjet, its limits, and one block for each kind of e-mail.

    `calls_per_minute` holds over all workers and endpoints together. `max_body_bytes` is the most that one
    call's JSON may weigh, base64 counted: Mailjet's proxy answers 413 above about 15 MB.
    `unanswered_messages` is how many may ever be without Mailjet's answer at once: the most that an outage
    leaves in doubt. One full call's are enough for full speed where Mailjet answers within 0.25 seconds; with
    200, calls overlap, and an answer may take a second.
    """

    api_key: Secret
    api_secret: Secret
    api_url: str = Field("https://api.mailjet.com/", pattern=r"^https?://[^/]+/?$")
    #: A PEM file of a company's own authorities, trusted besides the usual ones.
    ca_bundle: Path | None = None
    #: http://user:password@proxy.example:3128, for hosts that reach the Internet through one.
    proxy: Annotated[Secret, AfterValidator(_proxy)] | None = None
    calls_per_minute: int = Field(200, ge=1)
    unanswered_messages: int = Field(50, ge=1, le=400)
    max_body_bytes: int = Field(CALL_BYTES, ge=10_000)
    blocks: dict[str, KindBlock] = Field(default_factory=dict)

    @field_validator("api_url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        """Plain HTTP is for a Mailjet on this machine."""
        if re.match(r"http://([^/:]+\.)?mailjet\.com(:|/|$)", value, re.IGNORECASE):
            raise ValueError("the key and customers' data would travel in the clear; write https://")
        return value

    @model_validator(mode="before")
    @classmethod
    def _gather_blocks(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "blocks" in data:
            return data
        blocks = {
            name: _with_variables_listed(name, value)
            for name, value in data.items()
            if str(name).startswith(PREFIX)
        }
        return {name: value for name, value in data.items() if name not in blocks} | {"blocks": blocks}

    @property
    def is_local(self) -> bool:
        """Whether mails go to a local Mailjet, and reach no customer."""
        return self.api_url.startswith("http://")

    def kinds(self) -> dict[str, Kind]:
        """Every kind: the catalogue's ten as the blocks change them, and the user's own."""
        own = {name: block.kind(name, KINDS.get(name)) for name, block in self.blocks.items()}
        return KINDS | own

    def block(self, kind: str) -> KindBlock:
        """The kind's block; Misconfigured where the file has none."""
        if kind not in self.blocks:
            raise Misconfigured(
                f"mailjet.{kind} is not in the configuration: add it with from_email, from_name, "
                "template_id and subject."
            )
        return self.blocks[kind]

    def template_ids(self, kind: str) -> tuple[int, ...]:
        """A kind's templates at Mailjet, in all its languages; none of a kind that the file does not have."""
        return self.blocks[kind].template_ids() if kind in self.blocks else ()


def _with_variables_listed(name: str, block: Any) -> Any:
    """The block; where it makes a kind of the user's own and lists no variables, so that this is reported."""
    if name in KINDS or not isinstance(block, dict) or block.get("variables") is not None:
        return block
    return block | {"variables": UnlistedVariables(name)}

"""The `mailjet:` section: OmniCRM's own, plus the address and the pace."""

from typing import Any

from pydantic import Field, model_validator

from mailworker.config.catalogue import KINDS
from mailworker.config.kind_block import PREFIX, KindBlock
from mailworker.config.section import Section
from mailworker.errors import Misconfigured
from mailworker.kind import Kind
from mailworker.nearest import did_you_mean
from mailworker.secrets import Secret


class MailjetSettings(Section):
    """Access to Mailjet, its limits, and one block for each kind of e-mail.

    `calls_per_minute` holds over all workers and endpoints together. `max_body_bytes` is the most that one
    call's JSON may weigh, base64 counted: Mailjet's proxy answers 413 above about 15 MB.
    """

    api_key: Secret
    api_secret: Secret
    api_url: str = Field("https://api.mailjet.com/", pattern=r"^https?://[^/]+/?$")
    calls_per_minute: int = Field(200, ge=1)
    max_body_bytes: int = Field(15_000_000, ge=10_000)
    blocks: dict[str, KindBlock] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_blocks(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "blocks" in data:
            return data
        blocks = {name: value for name, value in data.items() if str(name).startswith(PREFIX)}
        return {name: value for name, value in data.items() if name not in blocks} | {"blocks": blocks}

    @model_validator(mode="after")
    def _know_their_variables(self) -> "MailjetSettings":
        for name, block in self.blocks.items():
            if name not in KINDS and block.variables is None:
                raise ValueError(
                    f"{name} is none of OmniCRM's kinds{did_you_mean(name, KINDS)} "
                    "A kind of your own needs `variables: [...]`."
                )
        return self

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

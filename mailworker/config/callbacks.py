"""The `callbacks:` section: what became of mails, posted to the CRM."""

import base64
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from mailworker.config.duration import Timeout
from mailworker.config.section import Section
from mailworker.core.masked_secret import Secret

#: What may be reported: states of a message, and how far a sent one got.
Reported = Literal[
    "sent",
    "failed",
    "suppressed",
    "expired",
    "cancelled",
    "held",
    "delivered",
    "deferred",
    "soft_bounced",
    "bounced",
    "blocked",
    "spam",
    "unsubscribed",
    "opened",
    "clicked",
]
#: Standard Webhooks writes its secrets with this before the base64 of the key.
_PREFIX = "whsec_"


class CallbackSettings(Section):
    """A signed HTTP call (Standard Webhooks), or a Celery task, for each change of a mail that is wanted."""

    url: str = Field(
        "", pattern=r"^(https?://[^\s@]+)?$", description="Where changes are posted; empty: not."
    )
    secret: Secret | None = Field(
        None,
        description="What signs the posts: whsec_ and base64 (openssl rand -base64 32).",
    )
    task: str = Field("", description="A Celery task's name on the same Redis, in place of the URL.")
    queue: str = Field("celery", description="That task's queue.")
    states: tuple[Reported, ...] = Field(
        ("sent", "delivered", "bounced", "blocked", "spam", "failed", "suppressed", "expired"),
        description="What is posted of mails of all kinds.",
    )
    kinds: dict[str, tuple[Reported, ...]] = Field(
        default={},
        description="What is posted of mails of one kind, in place of `states`; [] for nothing.",
    )
    timeout: Timeout = Field(default=timedelta(seconds=10), description="How long to wait for an answer.")
    give_up_after: Timeout = Field(
        default=timedelta(days=3), description="How long it is tried to post a change."
    )

    @property
    def enabled(self) -> bool:
        """Whether anything is reported."""
        return bool(self.url or self.task)

    @property
    def key(self) -> bytes:
        """The key that signs."""
        text = self.secret.reveal().removeprefix(_PREFIX) if self.secret else ""
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.url and self.task:
            raise ValueError("has a url and a task; keep one of them")
        if self.url and not self.secret:
            raise ValueError("url needs a secret, so that the CRM knows who calls: openssl rand -base64 32")
        return self

    def fault_of_secret(self) -> str | None:
        """What is wrong with the secret; None where it signs."""
        try:
            return (
                None if len(self.key) >= 24 else "callbacks.secret is shorter than 24 bytes; make a new one."
            )
        except ValueError:
            return "callbacks.secret is no base64: write the output of `openssl rand -base64 32`."

"""The `web:` section: the webhook that Mailjet posts events to, and the operators' page."""

from typing import Self

from pydantic import Field, model_validator

from mailworker.config.section import Section
from mailworker.core.secrets import Secret

_PAIRS = (
    ("ocs_user", "ocs_password"),
    ("webhook_user", "webhook_password"),
    ("operator_user", "operator_password"),
)


class WebSettings(Section):
    """Where `mailworker webhook` listens, and who may come in.

    Mailjet signs nothing: the user and password in the webhook's URL are all that tells its events from
    forged ones. Without them the webhook refuses everything. Without the operators' pair their page is off.
    """

    host: str = "127.0.0.1"
    port: int = Field(8070, ge=0, le=65535)
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s@/?#]+(/[^\s?#]*)?$",
        description="Where the web process is reached from outside, as https://mail.example.net.",
    )
    flower_url: str | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="Where Flower is, for a link on the operators' page."
    )
    webhook_user: str | None = Field(None, pattern=r"^[^:\s]+$")
    webhook_password: Secret | None = None
    ocs_user: str | None = Field(
        None, pattern=r"^[^:\s]+$", description="Whom CGRateS posts as; left out: as Mailjet does."
    )
    ocs_password: Secret | None = None
    operator_user: str | None = Field(None, pattern=r"^[^:\s]+$")
    operator_password: Secret | None = None

    actions: bool = Field(
        default=False,
        description="Whether operators may act on their page: send again, cancel, hold, lift.",
    )

    @property
    def ocs_login(self) -> tuple[str | None, Secret | None]:
        """Who may post to /ocs/cgrates."""
        own = (self.ocs_user, self.ocs_password)
        return own if self.ocs_user else (self.webhook_user, self.webhook_password)

    @model_validator(mode="after")
    def _whole_pairs(self) -> Self:
        for user, password in _PAIRS:
            if bool(getattr(self, user)) != bool(getattr(self, password)):
                raise ValueError(f"{user} and {password} belong together: give both, or neither")
        if self.actions and not self.operator_user:
            raise ValueError("actions need operator_user and operator_password: nobody else may act")
        return self

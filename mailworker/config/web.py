"""The `web:` section: the webhook that Mailjet posts events to, and the operators' page."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from mailworker.config.section import Section
from mailworker.core.masked_secret import Secret
from mailworker.core.password_hash import PasswordHash, read_password_hash
from mailworker.errors import ConfigError

_PAIRS = (
    ("ocs_user", "ocs_password"),
    ("webhook_user", "webhook_password"),
    ("operator_user", "operator_password"),
)


class OperatorLoginSettings(Section):
    """One operator's own login: the hash that `mailworker operator-password` makes, and their rights."""

    password_hash: Secret
    may_act: bool = Field(
        default=False, description="Whether this login may act, where web.actions is on; else it only reads."
    )

    def hash(self) -> PasswordHash:
        """What a password is tried against. Raises ConfigError where its variable is not set or odd."""
        try:
            return read_password_hash(self.password_hash.reveal())
        except ValueError as fault:
            raise ConfigError(f"web.logins: password_hash: {fault}.") from None

    @field_validator("password_hash")
    @classmethod
    def _is_a_hash(cls, given: Secret) -> Secret:
        if given.is_known:
            read_password_hash(given.reveal())
        return given


class WebSettings(Section):
    """Where `mailworker webhook` listens, and who may come in.

    Mailjet signs nothing: the user and password in the webhook's URL are all that tells its events from
    forged ones. Without them the webhook refuses everything. Without operators their page is off.
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

    logins: dict[Annotated[str, StringConstraints(pattern=r"^[^:\s]{1,64}$")], OperatorLoginSettings] = Field(
        default_factory=dict,
        description="Operators with a login of their own, by name, beside operator_user or without it.",
    )

    actions: bool = Field(
        default=False,
        description="Whether operators may act on their page: send again, cancel, hold, lift.",
    )

    @property
    def webhook_login(self) -> tuple[str, Secret] | None:
        """Who Mailjet posts as; None where its events are refused."""
        user, password = self.webhook_user, self.webhook_password
        return None if user is None or password is None else (user, password)

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
        if self.actions and not self.operator_user and not any(one.may_act for one in self.logins.values()):
            raise ValueError("actions need operator_user and operator_password, or a login that may_act")
        if self.operator_user in self.logins:
            raise ValueError(f"logins.{self.operator_user} is operator_user as well: give it another name")
        return self

"""The `crm.omnicrm:` section: what OmniCRM's own database has no column for, and how to reach it."""

import re
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from mailworker.config.section import DefaultCurrency, Section
from mailworker.core.masked_secret import Secret

#: The two names of the database in OmniCRM's manual: fixed as `omnicrm` in its configuration page, `crm` in
#: its containers' environment.
DATABASE_NAMES = ("omnicrm", "crm")

_PLAIN = re.compile(r"[\w .:/-]{1,100}")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class SharedDatabase(BaseModel):
    """OmniCRM's own top-level `database:` section; its keys are the manual's, and others are not read."""

    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)

    username: str
    password: Secret | None = None
    server: str = "localhost"

    @field_validator("username", "password", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """OmniCRM puts them into a URL, so that a number without quotes does for it."""
        return str(value) if isinstance(value, int) else value


def _plain(value: str) -> str:
    if not _PLAIN.fullmatch(value):
        raise ValueError("must be made of letters, digits, spaces and . : / - _")
    return value


Plain = Annotated[str, AfterValidator(_plain)]


def _link(placeholders: frozenset[str], value: str) -> str:
    wrong = [name for name in _PLACEHOLDER.findall(value) if name not in placeholders]
    if wrong:
        known = " or ".join(f"{{{name}}}" for name in sorted(placeholders))
        raise ValueError(f"knows no {{{wrong[0]}}}; write {known}")
    if value and not re.match(r"https?://[^\s'\"\\]+$", value):
        raise ValueError("must be a link that begins with https://")
    return value


#: A link with the ids of an invoice, or of a service, in it.
InvoiceLink = Annotated[str, AfterValidator(partial(_link, frozenset({"invoice_id", "customer_id"})))]
ServiceLink = Annotated[str, AfterValidator(partial(_link, frozenset({"service_uuid", "customer_id"})))]


class AttributeNames(Section):
    """Names of customer attributes (OmniCRM: Administration > Attributes), empty where there is none."""

    language: Plain = Field("language", description="The customer's language, as fr or en-GB.")
    timezone: Plain = Field("timezone", description="The customer's time zone, as Europe/Paris.")
    reminders: Plain = Field("reminders", description="off, no or false: no reminders for this customer.")
    marketing: Plain = Field(
        "marketing", description="yes, on or true: campaigns; anything else, or none: no campaigns."
    )
    custom_fields: tuple[Plain, ...] = Field(
        (), description="Attributes that become contact properties at Mailjet; no others leave."
    )


class OmnicrmSettings(Section):
    """OmniCRM's database as OmniCRM has it. Its columns are found by looking; nothing is assumed of them."""

    url: Secret | None = Field(
        default=None,
        description="SQLAlchemy URL; left out: from OmniCRM's own `database:` section of this file.",
    )
    database: SharedDatabase | None = Field(
        default=None, description="Not for writing: OmniCRM's own `database:` section is read into it."
    )
    currency: DefaultCurrency = Field(
        "EUR",
        description="ISO 4217 code of all invoices: OmniCRM has one for an installation, outside its "
        "database. Left out: `invoice.currency`.",
    )
    pay_url: InvoiceLink = Field(
        "", description="Where a customer pays an invoice; {invoice_id} and {customer_id} are filled in."
    )
    invoice_url: InvoiceLink = Field("", description="Where a customer sees an invoice; as pay_url.")
    billing_contact: Plain = Field(
        "billing", description="The contact type whose address gets invoices and reminders before others."
    )
    attributes: AttributeNames = Field(default_factory=AttributeNames, description="Names of attributes.")

    @model_validator(mode="after")
    def _reachable(self) -> "OmnicrmSettings":
        if self.url and self.url.is_known and not re.match(r"(mysql|mariadb)(\+\w+)?://", self.url.reveal()):
            raise ValueError("url must be of MariaDB or MySQL, as mysql+pymysql://user:password@host/omnicrm")
        return self

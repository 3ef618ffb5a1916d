"""The `balances.cgrates:` section: OmniCRM's charging engine, where balances are."""

from datetime import timedelta
from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from mailworker.config.duration import Timeout
from mailworker.config.omnicrm import ServiceLink
from mailworker.config.section import Section
from mailworker.core.masked_secret import Secret


class UnitBlock(Section):
    """How a type of balance is shown to people: its value is divided, and has a unit and a name behind it."""

    divide: Decimal = Field(Decimal(1), gt=0, description="How many of the engine's units are one.")
    unit: str = Field("", description="The unit as people write it: Go, min, SMS; a currency as EUR.")
    type: str = Field(
        "", description="The type's name for people, as `low` lines have it; empty: the engine's."
    )


#: CGRateS counts `*voice` in nanoseconds; `*data` in what the agent counts, at OmniCRM bytes.
UNITS = {
    "*data": UnitBlock(divide=Decimal(1024**3), unit="Go", type="Données"),
    "*voice": UnitBlock(divide=Decimal(60_000_000_000), unit="min", type="Voix"),
    "*sms": UnitBlock(unit="SMS", type="SMS"),
    "*mms": UnitBlock(unit="MMS", type="MMS"),
    "*monetary": UnitBlock(unit="EUR", type="Crédit"),
    "*service": UnitBlock(type="Service"),
}


class CgratesSettings(Section):
    """OmniCRM's OCS over JSON-RPC. A service's account there is its `service_uuid`."""

    url: str = Field(
        "", pattern=r"^(https?://[^\s]+)?$", description="As http://ocs:2080/jsonrpc; empty: no CGRateS."
    )
    user: str = Field("", description="For HTTP Basic, where CGRateS asks for it.")
    password: Secret | None = Field(None, description="For HTTP Basic.")
    tenant: str = Field("cgrates.org", pattern=r"^[^:\s]+$", description="OmniCRM's tenant at CGRateS.")
    units: dict[str, UnitBlock] = Field(
        default={}, description="By type of balance; a type that is left out has its default."
    )
    names: dict[str, str] = Field(
        default={}, description="A balance's ID, and its name for people: `Data Package: Internet mobile`."
    )
    ignore_ids: tuple[str, ...] = Field(
        ("*default",), description="Balances of these IDs are announced to nobody."
    )
    actions: str = Field(
        "Action_{product}",
        description="The name of a product's Action, whose top-up says what a full balance holds; empty: the "
        "highest value seen counts as full.",
    )
    post_url: str = Field(
        "",
        pattern=r"^(https?://[^\s@]+/ocs/cgrates)?$",
        description="Where CGRateS reaches `mailworker webhook`, as http://mailworker:8070/ocs/cgrates; for "
        "`mailworker cgrates setup`.",
    )
    topup_url: ServiceLink = Field("", description="Where a customer tops up; {service_uuid} is filled in.")
    renewal_url: ServiceLink = Field("", description="Where a customer renews; {service_uuid} is filled in.")
    service_ends: bool = Field(
        default=True, description="Whether a service whose end date is reached is announced as expired."
    )
    batch: int = Field(200, ge=1, le=1000, description="Accounts in one call.")
    timeout: Timeout = Field(default=timedelta(seconds=10), description="How long to wait for an answer.")

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together: give both, or neither")
        return self

    def unit_of(self, type_: str) -> UnitBlock:
        """How balances of this type are shown."""
        return self.units.get(type_) or UNITS.get(type_) or UnitBlock()

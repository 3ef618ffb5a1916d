"""The `contacts:` section: what Mailjet knows of the CRM's contacts, and what campaigns start from."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mailworker.config.duration import Duration
from mailworker.config.section import Section, normal_address
from mailworker.core.did_you_mean import did_you_mean

#: What a property may be taken from, besides the custom fields.
SOURCES = (
    "contact.contact_id",
    "contact.contact_type",
    "contact.language",
    "customer.customer_id",
    "customer.name",
    "customer.city",
    "customer.postal_code",
    "customer.country",
    "customer.language",
    "customer.timezone",
)
_CUSTOM = re.compile(r"(contact|customer)\.custom_fields\.\S.*")
_NAME = re.compile(r"[A-Za-z]\w{0,49}", re.ASCII)


def _source(path: str) -> str:
    if path in SOURCES or _CUSTOM.fullmatch(path):
        return path
    hint = (
        did_you_mean(path, SOURCES) or f"; write one of {', '.join(SOURCES)}, or customer.custom_fields.name"
    )
    raise ValueError(f"{path!r} is nothing that the CRM tells of a contact{hint}")


Source = Annotated[str, AfterValidator(_source)]


def _from_bare_source(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class PropertyBlock(Section):
    """One contact property at Mailjet. A bare text is its `from`."""

    source: Source = Field(alias="from", description="As customer.city or contact.custom_fields.age.")
    type: Literal["str", "int", "float", "bool", "datetime"] = Field(
        default="str", description="Mailjet's type: str, int, float, bool or datetime."
    )


def _in_lower_case(value: Any) -> Any:
    """Names as Mailjet keeps them."""
    if not isinstance(value, dict):
        return value
    lowered = {str(name).lower(): block for name, block in value.items()}
    if len(lowered) < len(value):
        raise ValueError("two names differ in capitals only, and Mailjet keeps names in lower case")
    return lowered


Properties = Annotated[
    dict[str, Annotated[PropertyBlock, BeforeValidator(_from_bare_source)]], BeforeValidator(_in_lower_case)
]


def _default_properties() -> dict[str, PropertyBlock]:
    sources = {
        "customer_name": "customer.name",
        "contact_type": "contact.contact_type",
        "city": "customer.city",
        "postal_code": "customer.postal_code",
        "country": "customer.country",
        "language": "contact.language",
    }
    return {name: PropertyBlock.model_validate({"from": source}) for name, source in sources.items()}


class CampaignDefaults(Section):
    """What a campaign has when its command says nothing else."""

    from_email: Annotated[str, AfterValidator(lambda value: value and normal_address(value))] = Field(
        default="", description="The sender's address, validated in Mailjet's account."
    )
    from_name: str = Field(default="", description="The sender's name.")
    locale: str = Field(
        default="fr_FR", pattern=r"^[a-z]{2}_[A-Z]{2}$", description="The language of Mailjet's footer."
    )


class ContactSettings(Section):
    """How the CRM's contacts become Mailjet's. An empty block synchronises all that the manual names."""

    properties: Properties = Field(
        default_factory=_default_properties,
        description="Mailjet's property, and what of the CRM it holds: `town: customer.city`.",
    )
    custom_fields: bool = Field(
        default=True, description="Whether custom fields that no line above names become text properties too."
    )
    list: str = Field(
        default="OmniCRM", min_length=1, description="The list of all contacts; made on first use."
    )
    type_list: str = Field(
        default="OmniCRM {type}", description="The name of a contact type's list, where `lists` has none."
    )
    lists: dict[str, str] = Field(default={}, description="A contact type's list: `billing: Facturation`.")
    consent: Source | None = Field(
        default=None,
        description="What says whether a contact wants campaigns; a no excludes from campaigns, never from "
        "service mail.",
    )
    settle: Duration = Field(
        default=timedelta(seconds=2),
        description="Changes of one contact within this time are pushed in one call.",
    )
    largest_removal: int = Field(
        default=10,
        ge=0,
        le=100,
        description="A full sync that would remove more than this share (in percent) stops and asks.",
    )
    campaigns: CampaignDefaults = CampaignDefaults()

    @model_validator(mode="after")
    def _right_names(self) -> "ContactSettings":
        odd = [name for name in self.properties if not _NAME.fullmatch(name)]
        if odd:
            raise ValueError(f"properties: {odd[0]!r} is no name for a property; use letters, digits and _")
        if "{type}" not in self.type_list:
            raise ValueError("type_list must say where the type goes, as `OmniCRM {type}`")
        names = [self.list, *self.lists.values()]
        if len(set(names)) < len(names):
            raise ValueError("list, lists: two of them have the same name; give each its own")
        return self

    def list_name(self, contact_type: str) -> str:
        """The list of this contact type at Mailjet; of all contacts for the empty type."""
        if not contact_type:
            return self.list
        return self.lists.get(contact_type) or self.type_list.replace("{type}", contact_type)

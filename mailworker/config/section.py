"""What every part of the configuration has in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mailworker.core.currency import current_currency
from mailworker.core.email_syntax import normal_form


def normal_address(value: str) -> str:
    """An address in its normal form. Raises ValueError with the library's sentence."""
    try:
        return normal_form(value)
    except ValueError as fault:
        raise ValueError(f"is not an e-mail address: {fault}") from None


EmailAddress = Annotated[str, AfterValidator(normal_address)]
#: An id that YAML reads as a whole number is the text that stands there.
CustomerId = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
#: The currency of what names none.
DefaultCurrency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(current_currency)]


class Section(BaseModel):
    """A block of crm_config.yaml: frozen, and strict about names so that a typo is reported, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

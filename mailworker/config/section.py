"""What every part of the configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

#: An id that YAML reads as a whole number is the text that stands there.
CustomerId = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


class Section(BaseModel):
    """A block of crm_config.yaml: frozen, and strict about names so that a typo is reported, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

"""The type of a secret of the configuration: it prints ***."""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from mailworker.core.unset_text import UnsetText
from mailworker.errors import ConfigError


class Secret:
    """A value that no log, repr, format string or JSON dump shows; `reveal()` is the only way in.

    A secret that is to come from an environment variable is looked for when it is revealed: a process that
    never uses it does not need the variable.
    """

    __slots__ = ("_fault", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._fault = value.fault if isinstance(value, UnsetText) else ""

    @property
    def is_known(self) -> bool:
        """Whether the value is here."""
        return not self._fault

    def reveal(self) -> str:
        """Give the value itself. Call it where the value leaves for its one purpose, and keep no copy.

        Raises ConfigError where its environment variable is not set.
        """
        if self._fault:
            raise ConfigError(self._fault)
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self._value or self._fault)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (other._value, other._fault) == (self._value, self._fault)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A Secret is not serialised: pass the setting's name instead.")

    @classmethod
    def _coerce(cls, value: Any) -> "Secret":
        if isinstance(value, Secret):
            return value
        if isinstance(value, UnsetText):
            value.may_wait = True
            return cls(value)
        if not isinstance(value, str) or not value:
            raise ValueError('is a secret: write it in quotes, or "${NAME}" to take it from the environment')
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let settings declare `api_secret: Secret`; dumps show ***."""
        return core_schema.no_info_plain_validator_function(
            cls._coerce, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

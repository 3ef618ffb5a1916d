"""A text of the configuration whose environment variable is not set: missed when it is used, not before."""

from typing import Self

from mailworker.errors import ConfigError


class UnsetText(str):
    """Stands in the configuration for a text whose environment variable is not set; `fault` names it.

    Whoever can do without the text until it is used sets `may_wait`; for all others it is a fault at once.
    """

    __slots__ = ("fault", "may_wait")

    def __new__(cls, fault: str) -> Self:
        """An empty text with its fault."""
        made = super().__new__(cls, "")
        made.fault, made.may_wait = fault, False
        return made

    fault: str
    may_wait: bool


def known(text: str) -> str:
    """The text. Raises ConfigError where it stands for an environment variable that is not set."""
    if isinstance(text, UnsetText):
        raise ConfigError(text.fault)
    return text

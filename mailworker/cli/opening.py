"""The house, for the time of one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailworker.house import House


@contextmanager
def opened() -> Iterator["House"]:
    """The house that crm_config.yaml describes. Raises ConfigError."""
    from mailworker.house import House

    house = House.from_environment()
    try:
        yield house
    finally:
        house.close()

"""Durations as people write them: 90, 90s, 15m, 1h, 3d."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 36_500 * 86400
_SHAPE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*$")


def parse_duration(value: Any) -> timedelta:
    """Read a duration: a number of seconds, or a number with s, m, h or d behind it.

    Raises ValueError with a sentence for anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = None if isinstance(value, bool) else _SHAPE.match(str(value))
    if match is None:
        raise ValueError("is not a duration: write 90s, 15m, 1h or 3d")
    seconds = float(match[1]) * _SECONDS[match[2] or "s"]
    if seconds > _LONGEST:
        raise ValueError("is not a duration that ends: write 90s, 15m, 1h or 3d")
    return timedelta(seconds=seconds)


def _lasting(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be longer than nothing: write 90s, 15m, 1h or 3d")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
#: Of what would never come to its end, or end before it begins, if it took no time.
Timeout = Annotated[Duration, AfterValidator(_lasting)]

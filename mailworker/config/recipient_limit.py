"""How often one address may get a kind of mail, as people write it: 5/h, 20/d."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from mailworker.config.duration import parse_duration
from mailworker.core.kind import RecipientLimit

_SHAPE = re.compile(r"\s*(\d+)\s*/\s*(\d*\s*[smhd])\s*")
NO_LIMIT = "none"


def parse_recipient_limit(value: Any) -> RecipientLimit | str:
    """Read `5/h` or `20/12h`; `none` is no limit. Raises ValueError with a sentence for anything else."""
    if isinstance(value, RecipientLimit):
        return value
    if value == NO_LIMIT:
        return NO_LIMIT
    match = _SHAPE.fullmatch(str(value))
    if match is None or int(match[1]) < 1:
        raise ValueError("is no number of mails in a time: write 5/h, 20/d, or none")
    period = match[2].strip()
    duration = parse_duration(period if period[0].isdigit() else f"1{period}")
    if not duration:
        raise ValueError("is no number of mails in a time: write 5/h, 20/d, or none")
    return RecipientLimit(int(match[1]), duration)


RecipientLimitText = Annotated[RecipientLimit | str, BeforeValidator(parse_recipient_limit)]

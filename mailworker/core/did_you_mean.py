"""Which known name was probably meant?"""

from collections.abc import Iterable
from difflib import get_close_matches

#: Longer names are nobody's typing error, and comparing takes the square of their length.
_LONGEST = 100


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause for the end of a sentence: `; did you mean 'api_key'?`, empty where nothing is near."""
    if len(name) > _LONGEST:
        return ""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""

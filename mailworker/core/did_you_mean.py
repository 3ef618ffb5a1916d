"""Which known name was probably meant?"""

from collections.abc import Iterable
from difflib import get_close_matches

#: Longer names are nobody's typing error, and comparing takes the square of their length.
_LONGEST = 100


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause for the end of a sentence: `; did you mean 'api_key'?`, empty where nothing is near."""
    if len(name) > _LONGEST:
        return ""
    # What all known names begin with makes none of them likelier.
    known = sorted(known)
    ends_of_order = zip(known[0], known[-1], strict=False) if known else ()
    start = next((at for at, (one, other) in enumerate(ends_of_order) if one != other), 0)
    start = start if known and name.startswith(known[0][:start]) else 0
    ends = {one[start:]: one for one in known}
    near = get_close_matches(name[start:], list(ends), n=1, cutoff=0.6)
    return f"; did you mean '{ends[near[0]]}'?" if near else ""

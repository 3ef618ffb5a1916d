"""Which known name was probably meant?"""

from collections.abc import Iterable
from difflib import get_close_matches
from os.path import commonprefix

#: Longer names are nobody's typing error, and comparing takes the square of their length.
_LONGEST = 100


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause for the end of a sentence: `; did you mean 'api_key'?`, empty where nothing is near."""
    if len(name) > _LONGEST:
        return ""
    known = sorted(known)
    # What all known names begin with makes none of them likelier.
    shared = commonprefix(known)  # noqa: RUF071 - names, no paths: character by character is what is meant
    start = len(shared) if shared not in known else 0
    ends = {one[start:]: one for one in known}
    if name.startswith(shared):
        near = get_close_matches(name[start:], ends, n=1, cutoff=0.6)
    else:  # whoever left it out, as people do, named the rest
        whole = get_close_matches(name, known, n=1, cutoff=0.6)
        near = [one[start:] for one in whole] or get_close_matches(name, ends, n=1, cutoff=0.6)
    return f"; did you mean '{ends[near[0]]}'?" if near else ""

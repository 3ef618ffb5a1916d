"""Where public sources disagree or are silent about Mailjet, and the kinder reading that may be asked for.

By default the local Mailjet takes the reading that hurts, so that a green test can be trusted.
"""

from collections.abc import Iterable
from enum import StrEnum

from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput


class Assumption(StrEnum):
    """A kinder Mailjet, in one respect each."""

    CHECKS_SENDERS = "checks-senders"
    """Mail from no active sender is refused with send-0008. By default it is taken, and gone."""
    ESCAPES_HTML = "escapes-html"
    """The template language escapes what it prints into HTML. By default it prints values as they are."""
    KEEPS_PROPERTY_CASE = "keeps-property-case"
    """`Name` and `name` are two contact properties. By default names are kept in lower case."""
    LOOSE_SEGMENTS = "loose-segments"
    """`(not (a=1))` is read. By default `not` stands in two pairs of parentheses, as in the guide."""


def assumptions(names: Iterable[str]) -> frozenset[Assumption]:
    """The assumptions of these names. Raises BadInput for a name that is none."""
    known = [str(one) for one in Assumption]
    odd = [
        f"assume: there is no {name}{did_you_mean(name, known) or '; there are ' + ', '.join(known) + '.'}"
        for name in names
        if name not in known
    ]
    if odd:
        raise BadInput(odd)
    return frozenset(Assumption(name) for name in names)

"""May this person be written to? The one question before every way out, asked of what is known of an address.

Service mail, marketing of our own lane, campaigns that Mailjet sends, and test mails all ask it; they differ
only in what they are for.
"""

from dataclasses import dataclass
from enum import StrEnum

#: These stop even a password reset: the address does not work, its owner called our mail spam, or an operator
#: stopped all mail to it.
HARD_REASONS = frozenset({"hard_bounce", "spam", "blocked"})


class Purpose(StrEnum):
    """What a mail is for."""

    SERVICE = "service"
    """Asked for, or owed: it passes an unsubscribe and a missing consent."""
    MARKETING = "marketing"
    """To an address that a caller names."""
    CAMPAIGN = "campaign"
    """To a contact of the CRM, because it is one."""
    TEST = "test"
    """A campaign's content, to a colleague who looks at it."""


class Objection(StrEnum):
    """What kind of no it is, as a campaign's preview counts them."""

    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    EXCLUDED = "excluded"
    NO_CONTACT = "no contact"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an address.

    `suppressed` is the reason of its entry on the suppression list. `unsubscribed` and `left_out` are what
    Mailjet knows of it: it left a list, or somebody excluded it from campaigns there. `consents` is the CRM's
    word, None where the CRM was not asked. `lists` are the contact types of the CRM's contacts that have the
    address, "" among them, and empty where none has. `switched_off` are kinds of mail that its owner wants no
    more.
    """

    suppressed: str | None = None
    unsubscribed: bool = False
    left_out: bool = False
    consents: bool | None = None
    lists: frozenset[str] = frozenset()
    switched_off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an address gets this mail not: in a sentence's end, for people."""

    objection: Objection
    why: str


UNKNOWN = Standing()


def refusal(standing: Standing, purpose: Purpose, *, needs_consent: bool = False) -> Refusal | None:
    """Why this mail must not go there; None where it may.

    `needs_consent` is whether the configuration has the CRM asked for it: marketing then goes to nobody of
    whom no consent is known.
    """
    if standing.suppressed in HARD_REASONS:
        return _listed(standing)
    return None if purpose is Purpose.SERVICE else _marketing(standing, purpose, needs_consent)


def _listed(standing: Standing) -> Refusal:
    why = f"the address is on the suppression list: {standing.suppressed}"
    return Refusal(Objection.SUPPRESSED, why)


def _marketing(standing: Standing, purpose: Purpose, needs_consent: bool) -> Refusal | None:  # noqa: FBT001
    if (opted_out := _opted_out(standing)) is not None:
        return opted_out
    if standing.suppressed is not None:
        return _listed(standing)
    if purpose is Purpose.CAMPAIGN and not standing.lists:
        return Refusal(Objection.NO_CONTACT, "no contact received from the CRM has the address")
    if purpose is Purpose.MARKETING and needs_consent and standing.consents is None:
        return Refusal(Objection.EXCLUDED, "no consent of its owner to marketing is known")
    return None


def _opted_out(standing: Standing) -> Refusal | None:
    if standing.unsubscribed:
        return Refusal(Objection.UNSUBSCRIBED, "its owner unsubscribed at Mailjet")
    if standing.left_out:
        return Refusal(Objection.EXCLUDED, "it is excluded from campaigns at Mailjet")
    if standing.consents is False:
        return Refusal(Objection.EXCLUDED, "the CRM knows no consent of its owner to campaigns")
    return None

"""Whose mails these are: what stands in the header and the footer of every template."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Brand:
    """The operator's name, postal address, contact and colour; `logo_url` empty shows the name instead.

    `colour` is `#rrggbb`, dark enough for white text on it.
    """

    name: str
    address: str
    support_email: str
    colour: str = "#0b4f8a"
    logo_url: str = ""


_DEFAULTS = {
    "fr": Brand("Votre Entreprise", "123 rue du Commerce, 75001 Paris, France", "support@yourcompany.com"),
    "en": Brand("Your Company", "123 Business Street, Paris, France", "support@yourcompany.com"),
}


def default_brand(language: str) -> Brand:
    """The placeholder of the manual page, for who has set no brand."""
    return _DEFAULTS[language]

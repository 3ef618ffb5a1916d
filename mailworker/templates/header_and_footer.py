"""Whose mails these are: what stands in the header and the footer of every template."""

from dataclasses import dataclass

from mailworker.config.settings import Settings

#: The manual page's example company, printed until an operator sets their own.
PLACEHOLDER_NAMES = frozenset({"Votre Entreprise", "Your Company"})
_LEGAL = {"fr": "Mentions légales", "en": "Legal notice"}
_PRIVACY = {"fr": "Vos données personnelles", "en": "Your personal data"}


@dataclass(frozen=True, slots=True)
class Brand:
    """The operator's name, postal address, contact and colour; `logo_url` empty shows the name instead.

    `colour` is `#rrggbb`, dark enough for white text on it. `links` are labels with their https addresses.
    """

    name: str
    address: str
    support_email: str
    colour: str = "#0b4f8a"
    logo_url: str = ""
    legal: str = ""
    support_phone: str = ""
    links: tuple[tuple[str, str], ...] = ()

    @property
    def is_placeholder(self) -> bool:
        """Whether customers would read the manual's example company."""
        return self.name in PLACEHOLDER_NAMES


#: The placeholder of the manual page, for who has set no brand.
DEFAULT_BRANDS = {
    "fr": Brand("Votre Entreprise", "123 rue du Commerce, 75001 Paris, France", "support@yourcompany.com"),
    "en": Brand("Your Company", "123 Business Street, Paris, France", "support@yourcompany.com"),
}


def brand_of(settings: Settings, language: str) -> Brand:
    """The configured brand, what it leaves out from `invoice.seller`; the placeholder without a name."""
    own, seller = settings.brand, settings.invoice.seller
    name = own.name or ("" if seller.name in PLACEHOLDER_NAMES else seller.name)
    if not name:
        return DEFAULT_BRANDS[language]
    country = "France" if seller.country == "FR" else seller.country
    lines = (*seller.address, f"{seller.postcode} {seller.city}".strip(), country)
    links = ((_LEGAL[language], own.legal_url), (_PRIVACY[language], own.privacy_url))
    return Brand(
        name=name,
        address=own.address or (", ".join(line for line in lines if line) if seller.address else ""),
        support_email=own.support_email or seller.email,
        colour=own.colour or seller.colour,
        logo_url=own.logo_url,
        legal=own.legal or seller.registration,
        support_phone=own.support_phone or seller.phone,
        links=tuple((label, url) for label, url in links if url),
    )

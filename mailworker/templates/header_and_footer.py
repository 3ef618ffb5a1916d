"""Whose mails these are: what stands in the header and the footer of every template."""

from dataclasses import dataclass
from html import escape

from mailworker.config.settings import Settings
from mailworker.core.language_tag import base_language
from mailworker.templates.inline_styles import FONT

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


def html_header(brand: Brand) -> str:
    """The logo, or the name where there is none."""
    if brand.logo_url:
        name, source = escape(brand.name, quote=True), escape(brand.logo_url, quote=True)
        # Where pictures are not loaded, the name stands in its place as it would without a logo.
        shown = f"display:block;border:0;height:36px;{FONT}font-size:20px;line-height:36px;font-weight:700;"
        return f'<img src="{source}" alt="{name}" height="36" style="{shown}color:{brand.colour};">'
    return (
        f'<span class="mw-brand" style="{FONT}font-size:20px;line-height:28px;font-weight:700;'
        f'color:{brand.colour};letter-spacing:-0.2px;">{escape(brand.name)}</span>'
    )


def html_identity(brand: Brand) -> str:
    """Who sends this and how to reach them; nothing stands there empty."""
    link = '<a class="mw-quiet" style="color:#55697f;" href="{href}">{label}</a>'
    mail = link.format(href=f"mailto:{escape(brand.support_email)}", label=escape(brand.support_email))
    phone = f'<span style="white-space:nowrap;">{escape(brand.support_phone)}</span>'
    first = [escape(brand.name), mail if brand.support_email else "", phone if brand.support_phone else ""]
    links = [link.format(href=escape(url), label=escape(label)) for label, url in brand.links]
    lines = [
        " &middot; ".join(part for part in first if part),
        escape(brand.legal),
        escape(brand.address),
        " &middot; ".join(links),
    ]
    return "<br>".join(line for line in lines if line)


def text_identity(brand: Brand, language: str) -> list[str]:
    """The same as lines of the text part."""
    contact = " | ".join(part for part in (brand.name, brand.support_email, brand.support_phone) if part)
    colon = "\u00a0:" if base_language(language) == "fr" else ":"
    return [contact, brand.legal, brand.address, *(f"{label}{colon} {url}" for label, url in brand.links)]

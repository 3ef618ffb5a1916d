"""The `brand:` section: whose mails these are. Templates, previews, the local inbox and invoices use it."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mailworker.config.section import Section

#: What white text needs on the colour behind it (WCAG 2.2, success criterion 1.4.3).
CONTRAST = 4.5
_URL = r"^(https://[^\s\"<>]+)?$"


class BrandSettings(Section):
    """The operator, as customers know it. What is left out is taken from `invoice.seller`, or not printed."""

    name: str = Field("", description="The name in the header, the footer and on the page's title.")
    legal: str = Field(
        "", description="Legal form, capital, register: French law wants them in e-mails too (R123-237)."
    )
    address: str = Field("", description="Postal address on one line.")
    support_email: str = Field("", description="Where a customer's answer goes.")
    support_phone: str = Field(
        "", description="With the price of the call, as '04 91 00 00 00 (no surcharge)'."
    )
    website: str = Field("", pattern=_URL, description="The operator's site, https only.")
    legal_url: str = Field("", pattern=_URL, description="The legal notice.")
    privacy_url: str = Field("", pattern=_URL, description="What happens to personal data.")
    logo_url: str = Field(
        "",
        pattern=_URL,
        description="A PNG at a public https address, shown 36 pixels high instead of the name.",
    )
    colour: str = Field(
        "", pattern=r"^(#[0-9a-fA-F]{6})?$", description="Buttons and links; dark enough for white text."
    )
    template_dir: Path | None = Field(
        None,
        description="Where your own e-mail templates are: KIND.LANGUAGE.html and .txt.",
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.colour and (found := contrast_with_white(self.colour)) < CONTRAST:
            raise ValueError(
                f"colour {self.colour} is too light for white text: its contrast is {found:.2f}, "
                f"and {CONTRAST} is needed; choose a darker one"
            )
        return self


def contrast_with_white(colour: str) -> float:
    """The contrast of white text on `#rrggbb`, 1 to 21 (WCAG 2.2, relative luminance)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)

"""Pictures as a PDF takes them: none broken or too large, in sRGB for PDF/A, the logo as small as printed."""

import io
import warnings
from xml.etree.ElementTree import ParseError, fromstring

from PIL import Image

from mailworker.config.invoice import LimitSettings
from mailworker.errors import RenderFailed

RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff")
#: A logo is printed at most this many pixels wide: 60 mm at 300 dpi.
LOGO_PIXELS = 700


def check_pixels(data: bytes, name: str, limits: LimitSettings) -> None:
    """Refuse a picture whose unpacked size would eat the memory."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as picture:
            pixels = picture.width * picture.height
    except (OSError, ValueError, Image.DecompressionBombError):
        raise RenderFailed(f"The file {name} of the invoice template is no readable picture.") from None
    if pixels > limits.asset_pixels:
        raise RenderFailed(
            f"The picture {name} has {pixels} pixels; "
            f"the most is {limits.asset_pixels} (invoice.limits.asset_pixels)."
        )


def check_svg(data: bytes, name: str) -> None:
    """Refuse an SVG that cannot be read: WeasyPrint would leave it out, and the page would go without."""
    try:
        root = fromstring(data)  # noqa: S314 - expat here refuses entity bombs; the file is the operator's
    except ParseError as wrong:
        raise RenderFailed(
            f"The file {name} of the invoice template is no readable picture: its SVG is broken "
            f"at line {wrong.position[0]}."
        ) from None
    if b"<!ENTITY" in data:
        raise RenderFailed(
            f"The file {name} of the invoice template has XML entities, which no picture needs; save it "
            "without them."
        )
    if not root.tag.endswith("svg"):
        raise RenderFailed(f"The file {name} of the invoice template is no SVG: its root is {root.tag}.")


def in_rgb(data: bytes, media: str) -> tuple[bytes, str]:
    """A picture in four inks as sRGB, for PDF/A with its one output intent; others as they are."""
    if media not in RASTER:
        return data, media
    with Image.open(io.BytesIO(data)) as picture:
        if picture.mode != "CMYK":
            return data, media
        out = io.BytesIO()
        picture.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue(), "image/jpeg"


def flat_logo(data: bytes, media: str) -> tuple[bytes, str]:
    """The seller's logo as WeasyPrint draws it fastest: a JPEG on white, no wider than it is printed.

    WeasyPrint packs a PNG with transparency anew for each invoice (6 ms); a JPEG passes straight through.
    """
    if media not in RASTER:
        return data, media
    with Image.open(io.BytesIO(data)) as picture:
        rgba = picture.convert("RGBA")
    rgba.thumbnail((LOGO_PIXELS, LOGO_PIXELS))
    page = Image.new("RGB", rgba.size, "white")
    page.paste(rgba, mask=rgba.getchannel("A"))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue(), "image/jpeg"

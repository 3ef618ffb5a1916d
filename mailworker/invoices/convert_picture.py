"""Pictures as a PDF takes them: in sRGB for PDF/A, and the logo as small as it is printed."""

import io

from PIL import Image

from mailworker.invoices.check_picture import RASTER

#: A logo is printed at most this many pixels wide: 60 mm at 300 dpi.
LOGO_PIXELS = 700


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

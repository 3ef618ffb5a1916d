"""Pictures, fonts and stylesheets from allowed folders only, and within limits."""

import io
import mimetypes
import warnings
from pathlib import Path
from xml.etree.ElementTree import ParseError, fromstring

from PIL import Image

from mailworker.config.invoice import InvoiceSettings, LimitSettings
from mailworker.errors import Misconfigured, RenderFailed

#: Our own templates, stylesheet and fonts.
PACKAGE = Path(__file__).parent
OURS = PACKAGE / "templates"
FONTS = PACKAGE / "fonts"
#: A logo is printed at most this many pixels wide: 60 mm at 300 dpi.
LOGO_PIXELS = 700
_RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff")


class Assets:
    """Reads files by name. A name that leaves its folder, by `..` or by a symbolic link, does not exist."""

    def __init__(self, settings: InvoiceSettings) -> None:
        folders = (settings.assets, settings.template_dir, OURS, FONTS)
        self.folders = [folder.resolve() for folder in folders if folder is not None]
        self.limits = settings.limits
        self._kept: dict[str, tuple[bytes, str]] = {}

    def read(self, name: str) -> tuple[bytes, str]:
        """The file's bytes and media type.

        Raises Misconfigured where it is missing, too large or broken: it is the operator's, who mends it.
        """
        if name not in self._kept:
            try:
                self._kept[name] = self._load(name)
            except RenderFailed as fault:
                raise Misconfigured(str(fault)) from None
            except OSError as fault:
                raise Misconfigured(
                    f"The file {name} of the invoice template cannot be read ({fault.strerror}): "
                    "let this user read it."
                ) from None
        return self._kept[name]

    def _load(self, name: str) -> tuple[bytes, str]:
        path = self._path(name)
        if (size := path.stat().st_size) > self.limits.asset_bytes:
            raise RenderFailed(
                f"The file {name} of the invoice template has {size} bytes; "
                f"the most is {self.limits.asset_bytes} (invoice.limits.asset_bytes)."
            )
        data = path.read_bytes()
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if media in _RASTER:
            check_pixels(data, name, self.limits)
        elif media == "image/svg+xml":
            check_svg(data, name)
        return data, media

    def _path(self, name: str) -> Path:
        for folder in self.folders:
            path = (folder / name).resolve()
            if path.is_relative_to(folder) and path.is_file():
                return path
        raise RenderFailed(
            f"The invoice template asks for {name}, which is in none of its folders; "
            "put it into invoice.assets."
        )


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
    if media not in _RASTER:
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
    if media not in _RASTER:
        return data, media
    with Image.open(io.BytesIO(data)) as picture:
        rgba = picture.convert("RGBA")
    rgba.thumbnail((LOGO_PIXELS, LOGO_PIXELS))
    page = Image.new("RGB", rgba.size, "white")
    page.paste(rgba, mask=rgba.getchannel("A"))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue(), "image/jpeg"

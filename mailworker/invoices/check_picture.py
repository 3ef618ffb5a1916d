"""Refusing pictures that are broken or too large: the page would go without them, or the memory be eaten."""

import io
import warnings
from xml.etree.ElementTree import ParseError, fromstring

from PIL import Image

from mailworker.config.invoice import LimitSettings
from mailworker.errors import RenderFailed

RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff")


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

"""The only way out of a render: a fetcher that opens no socket and no file of its own."""

import base64
import binascii
from urllib.parse import unquote, unquote_to_bytes

from weasyprint.urls import URLFetcher, URLFetcherResponse

from mailworker.errors import MailworkerError, Misconfigured, RenderFailed
from mailworker.invoices.asset_files import Assets
from mailworker.invoices.pictures import check_pixels, flat_logo, in_rgb

#: Relative names in templates resolve against this; RFC 6761 keeps .invalid from ever naming a host.
BASE = "https://assets.invalid/"
LOGO = BASE + "-logo-"
QR = BASE + "-qr-"
#: Pictures that a template may carry inside itself, by their first bytes. No SVG: it can draw for ever.
_INLINE = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


class LockedFetcher(URLFetcher):  # type: ignore[misc]
    """Serves named assets and small inline pictures; everything else does not exist.

    `qr` is the payment code of the current invoice. `missing` and `blocked` keep what one
    render requested in vain. `rgb` turns pictures in CMYK into sRGB, as PDF/A wants them here.
    """

    def __init__(self, assets: Assets, logo: str, *, rgb: bool = False) -> None:
        super().__init__(allow_redirects=False, allowed_protocols=())
        self.assets = assets
        self.logo = logo
        self.rgb = rgb
        self.missing: list[MailworkerError] = []
        self.blocked = 0
        self.qr = b""

    def reset(self, qr: bytes) -> None:
        """Begin another invoice."""
        self.qr, self.missing, self.blocked = qr, [], 0

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:  # noqa: ARG002 - WeasyPrint's own
        """One resource; ValueError, which WeasyPrint takes as "not there", for what is not allowed."""
        if url == LOGO:
            return _response(url, *flat_logo(*self._asset(self.logo)))
        if url == QR and self.qr:
            return _response(url, self.qr, "image/jpeg")
        if url.startswith(BASE):
            return _response(url, *self._asset(unquote(url.removeprefix(BASE).split("?")[0].split("#")[0])))
        if url.startswith("data:"):
            return self._inline(url)
        self.blocked += 1
        raise ValueError("blocked")

    def _asset(self, name: str) -> tuple[bytes, str]:
        try:
            data, media = self.assets.read(name)
            return in_rgb(data, media) if self.rgb else (data, media)
        except Misconfigured as fault:
            self.missing.append(fault)
            raise ValueError("missing") from None

    def _inline(self, url: str) -> URLFetcherResponse:
        head, _, body = url.partition(",")
        try:
            data = base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
        except binascii.Error:
            data = b""
        media = next((kind for magic, kind in _INLINE.items() if data.startswith(magic)), "")
        if not media or len(data) > self.assets.limits.asset_bytes:
            self.blocked += 1
            raise ValueError("blocked")
        try:
            check_pixels(data, "inside the template", self.assets.limits)
        except RenderFailed as fault:
            self.missing.append(fault)
            raise ValueError("too large") from None
        return _response(url, *(in_rgb(data, media) if self.rgb else (data, media)))


def _response(url: str, data: bytes, media: str) -> URLFetcherResponse:
    return URLFetcherResponse(url, body=data, headers={"Content-Type": media})

"""Pictures, fonts and stylesheets from allowed folders only, and within limits."""

import mimetypes
from pathlib import Path

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import Misconfigured, RenderFailed
from mailworker.invoices.pictures import RASTER, check_pixels, check_svg

#: Our own templates, stylesheet and fonts.
PACKAGE = Path(__file__).parent
OURS = PACKAGE / "templates"
FONTS = PACKAGE / "fonts"


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
        if media in RASTER:
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

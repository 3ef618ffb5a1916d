"""PDF/A-3, of any page, and the title and dates of the file.

What can be made conformant is; of what cannot, the file must not say that it is. Source: ISO 19005-3, by its
sections. WeasyPrint writes the output intent, metadata and embedded fonts itself.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pydyf  # type: ignore[import-untyped]
from weasyprint import Document

Finisher = Callable[[Document, pydyf.PDF], None]

#: Operators that set a colour in four inks; the output intent here is sRGB (6.2.4.3).
_CMYK_COLOUR = re.compile(
    rb"(?:^|\s)(?:[\d.-]+ ){4}[kK](?:\s|$)|/(?:device-cmyk|DeviceCMYK) (?:cs|CS)", re.ASCII
)


def conforming(finish: Finisher | None, causes: list[str]) -> Finisher:
    """A last step of writing: mends pictures, and adds to `causes` why the file is no PDF/A after all."""

    def finisher(document: Document, pdf: pydyf.PDF) -> None:
        if finish is not None:
            finish(document, pdf)
        for picture in _pictures(pdf):
            if picture.extra.get("Interpolate") == "true":
                picture.extra["Interpolate"] = "false"  # 6.2.8
        causes.extend(_causes(pdf))

    return finisher


def complete_metadata(document: Document, title: str, language: str, issued: date) -> None:
    """The same invoice gives the same bytes: every date in the file is the invoice's own."""
    metadata = document.metadata
    metadata.title = metadata.title or title
    metadata.lang = metadata.lang or language
    metadata.created = metadata.modified = f"{issued.isoformat()}T00:00:00Z"


def _pictures(pdf: pydyf.PDF) -> Iterator[Any]:
    for item in pdf.objects:
        if isinstance(item, pydyf.Stream) and item.extra.get("Subtype") == "/Image":
            yield item


def _causes(pdf: pydyf.PDF) -> Iterator[str]:
    if any(picture.extra.get("ColorSpace") == "/DeviceCMYK" for picture in _pictures(pdf)):
        yield "a picture is in CMYK"
    streams = (item.stream for item in pdf.objects if isinstance(item, pydyf.Stream))
    parts = (part for stream in streams for part in stream if isinstance(part, bytes) and len(part) < 200)
    if any(_CMYK_COLOUR.search(part) for part in parts):
        yield "a colour is in CMYK (device-cmyk)"


def not_archival(causes: list[str]) -> str:
    """The sentence for the operator."""
    return f"The PDF is not labelled PDF/A-3, because {' and '.join(dict.fromkeys(causes))}."

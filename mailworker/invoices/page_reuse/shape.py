"""What a page of ours is apart from its words: its elements, and in which of them words stand.

Two invoices of one shape differ in words only. Whether they also look alike (each text as many lines high) is
for `form` to find out.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from xml.etree.ElementTree import Element

#: Attributes whose values are words of the invoice: they stand in a margin, or are a link's address.
WORDS = frozenset({"data-name", "data-foot", "data-running", "data-carry", "data-report", "href"})


@dataclass(slots=True)
class PageShape:
    """A page's source, taken apart."""

    #: The same for two pages of one shape.
    key: bytes = b""
    #: Every text that is more than white space, in the page's order, and the element that it stands in.
    texts: list[str] = field(default_factory=list)
    owners: list[Element] = field(default_factory=list)
    #: The elements that have words in attributes, in the page's order.
    worded: list[Element] = field(default_factory=list)


def shape_of(root: Element) -> PageShape:
    """Take a page's source apart."""
    shape, parts = PageShape(), list[str]()
    _walk(root, shape, parts)
    shape.key = sha256("\0".join(parts).encode()).digest()
    return shape


def _walk(element: Element, shape: PageShape, parts: list[str]) -> None:
    """Put an element's words into `shape`, and all else of it into `parts`."""
    parts.append(element.tag)
    if not WORDS.isdisjoint(element.keys()):
        shape.worded.append(element)
    for name, value in element.items():
        parts += name, value if name not in WORDS else "…" if value else ""
    _add_text(element.text, element, shape, parts)
    for child in element:
        _walk(child, shape, parts)
        _add_text(child.tail, element, shape, parts)
    parts.append("/")


def _add_text(text: str | None, owner: Element, shape: PageShape, parts: list[str]) -> None:
    if text and text.isspace():
        parts.append(text)
    elif text:
        parts.append("…")
        shape.texts.append(text)
        shape.owners.append(owner)

"""What a page of ours is apart from its words: its elements, and in which of them words stand.

Two invoices of one shape differ in words only. Whether they also look alike (each text as many lines high) is
for `page_form` to find out.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from xml.etree.ElementTree import Element

#: Attributes whose values are words of the invoice: they stand in a margin, or are a link's address.
WORDS = ("data-name", "data-foot", "data-running", "data-carry", "data-report", "href")


@dataclass(slots=True)
class PageShape:
    """A page's source, taken apart."""

    #: The same for two pages of one shape.
    key: bytes
    #: Every text that is more than white space, in the page's order, and the element that it stands in.
    texts: list[str]
    owners: list[Element]
    #: The elements that have words in attributes, in the page's order.
    worded: list[Element]


@dataclass(slots=True)
class _Walk:
    key: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    owners: list[Element] = field(default_factory=list)
    worded: list[Element] = field(default_factory=list)

    def element(self, element: Element) -> None:
        self.key.append(element.tag)
        if element.attrib:
            self._attributes(element)
        self._text(element.text, element)
        for child in element:
            self.element(child)
            self._text(child.tail, element)
        self.key.append("/")

    def _attributes(self, element: Element) -> None:
        worded = False
        for name, value in element.items():
            self.key.append(name)
            if name in WORDS:
                worded = True
                self.key.append("…" if value else "")
            else:
                self.key.append(value)
        if worded:
            self.worded.append(element)

    def _text(self, text: str | None, owner: Element) -> None:
        if not text:
            return
        if text.isspace():
            self.key.append(text)
            return
        self.key.append("…")
        self.texts.append(text)
        self.owners.append(owner)


def shape_of(root: Element) -> PageShape:
    """Take a page's source apart."""
    walk = _Walk()
    walk.element(root)
    key = sha256("\0".join(walk.key).encode()).digest()
    return PageShape(key, walk.texts, walk.owners, walk.worded)

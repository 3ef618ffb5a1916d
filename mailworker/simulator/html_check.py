"""What mail clients make of a mail's HTML: the few things that go wrong most often, each in a sentence."""

import re
from html.parser import HTMLParser

#: Gmail cuts a mail off above this many bytes of HTML.
CLIPPED_AT = 102_000
_DROPPED = frozenset(
    {"script", "form", "input", "button", "iframe", "object", "embed", "video", "audio", "svg", "link"}
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.dropped: set[str] = set()
        self.unnamed_pictures = 0
        self.plain_links: set[str] = set()
        self.relative: set[str] = set()
        self.language = self.title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _DROPPED:
            self.dropped.add(tag)
        if tag == "img" and given.get("alt") is None:
            self.unnamed_pictures += 1
        target = given.get("href") or given.get("src") or ""
        if target.startswith("http://"):
            self.plain_links.add(target)
        elif target and not re.match(r"(https?:|mailto:|tel:|cid:|data:|#)", target):
            self.relative.add(target)
        self.language = self.language or (tag == "html" and bool(given.get("lang")))
        self.title = self.title or tag == "title"


def html_notes(html: str, text: str) -> list[str]:
    """Sentences; an empty list for a mail that every client shows as it is."""
    if not html:
        return ["This mail has no HTML part."]
    reader = _Reader()
    reader.feed(html)
    size = len(html.encode())
    notes = {
        f"The HTML weighs {size / 1000:.0f} kB; Gmail cuts it off above {CLIPPED_AT / 1000:.0f} kB.": size
        > CLIPPED_AT,
        f"Mail clients drop {', '.join(f'<{tag}>' for tag in sorted(reader.dropped))}.": bool(reader.dropped),
        f"{reader.unnamed_pictures} pictures have no alt text.": bool(reader.unnamed_pictures),
        f"Links without https: {', '.join(sorted(reader.plain_links)[:3])}.": bool(reader.plain_links),
        f"Links that lead nowhere from a mail: {', '.join(sorted(reader.relative)[:3])}.": bool(
            reader.relative
        ),
        "The language is not declared (<html lang>); screen readers guess.": not reader.language,
        "There is no <title>.": not reader.title,
        "There is no text part; some readers and filters want one.": not text.strip(),
    }
    return [sentence for sentence, wrong in notes.items() if wrong]

"""The links of a mail, each with what is wrong with it. None is called: it may be good for one use only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

_PLAIN = re.compile(r"\bhttps?://[^\s<>\"]+")
_SHOWN_HOST = re.compile(r"(?:https?://)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:[/:?#].*)?", re.IGNORECASE)
#: What stands instead of a link that Mailjet writes when it delivers.
_MAILJETS = "#unsubscribe"
_OURS = ("http:", "https:", "mailto:", "tel:", _MAILJETS)


@dataclass(frozen=True, slots=True)
class MailLink:
    """A link: what a reader sees of it, where it leads, and sentences about what is wrong."""

    shown: str
    target: str
    notes: tuple[str, ...]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._target: str | None = None
        self._shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and "href" in given:
            self._target, self._shown = (given["href"] or "").strip(), []
        elif tag == "img" and self._target is not None:
            self._shown.append(given.get("alt") or "")

    def handle_data(self, data: str) -> None:
        self._shown.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._target is not None:
            self.found.append((" ".join("".join(self._shown).split()), self._target))
            self._target = None


def links_of(html: str, text: str) -> list[MailLink]:
    """The links of both parts, in order, each once."""
    reader = _Anchors()
    reader.feed(html)
    in_text = [link.rstrip(".,;:)!?") for link in _PLAIN.findall(text)]
    found = dict.fromkeys(reader.found)
    targets = {target for _, target in found}
    alone = [("", link) for link in dict.fromkeys(in_text) if link not in targets]
    links = []
    for shown, target in found:
        missing = bool(text.strip()) and target.startswith("http") and target not in in_text
        notes = [*_faults(shown, target), *(["is not in the text part"] if missing else [])]
        links.append(MailLink(shown, target, tuple(notes)))
    for shown, target in alone:
        only = ["is in the text part only"] if html else []
        links.append(MailLink(shown, target, (*_faults(target, target), *only)))
    return links


def _faults(shown: str, target: str) -> Iterator[str]:
    if not target:
        yield "leads nowhere"
        return
    if "{{" in target or "{%" in target:
        yield "has template code in it that was not rendered"
    elif not target.startswith(_OURS):
        yield "leads nowhere from a mail: it needs https:// and a host"
    elif target.startswith("http:"):
        yield "is not https"
    if not shown:
        yield "has no text that a reader could follow"
    host = _SHOWN_HOST.fullmatch(shown)
    if host and target.startswith("http") and host[1].lower() != (urlsplit(target).hostname or "").lower():
        yield f"shows {host[1]} and leads elsewhere, as fraud does"

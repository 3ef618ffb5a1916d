"""The operators' pages in English and French: what the browser prefers, or what was chosen on the page."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request

LANGUAGES = ("en", "fr")
COOKIE = "mailworker_language"
#: How deep a sentence may stand inside another.
_DEPTH = 3


def _texts(name: str) -> Any:
    return yaml.safe_load(files("mailworker.web").joinpath(f"templates/{name}").read_text(encoding="utf-8"))


_FRENCH: Mapping[str, str] = _texts("texts.fr.yaml")
_OF_MESSAGES: Mapping[str, Mapping[str, str]] = _texts("reasons.fr.yaml")


def _pattern(sentence: str) -> re.Pattern[str]:
    """A sentence with gaps, as a pattern that finds what stands in them."""
    return re.compile("(.+?)".join(re.escape(part) for part in sentence.split("{}")), re.DOTALL)


#: The longest first: what is said most exactly counts.
_SENTENCES = [
    (_pattern(english), french)
    for english, french in sorted(_OF_MESSAGES["sentences"].items(), key=lambda one: -len(one[0]))
]


class PageLanguage:
    """The words of one request's language."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self, text: str) -> str:
        """A text of the pages in this language; texts that nobody translated stay English."""
        return _FRENCH.get(text, text) if self.code == "fr" else text

    def number(self, text: str) -> str:
        """A number as it is written in English, `1,234.5%`, in this language: `1 234,5 %` in French."""
        if self.code != "fr":
            return text
        return text.replace(",", "\u202f").replace(".", ",").replace("%", "\u202f%")

    def count(self, number: int) -> str:
        """A whole number, its thousands set apart."""
        return self.number(f"{number:,}")

    @property
    def colon(self) -> str:
        """What stands between a label and its value."""
        return "\u00a0: " if self.code == "fr" else ": "

    def word(self, word: str) -> str:
        """A state, a delivery status, a lane or a step of a timeline, said of one message."""
        return _OF_MESSAGES["words"].get(word, word) if self.code == "fr" else word

    def sentence(self, text: str) -> str:
        """What the ledger says of a message; Mailjet's own words stay English."""
        return _in_french(text) if self.code == "fr" and text else text


@lru_cache(maxsize=4_000)
def _in_french(text: str, depth: int = _DEPTH) -> str:
    bare = text.rstrip(".")
    for pattern, french in _SENTENCES:
        if match := pattern.fullmatch(bare):
            gaps = [_in_french(gap, depth - 1) if depth else gap for gap in match.groups()]
            return french.format(*gaps) + text[len(bare) :]
    return text


def language_of(request: Request) -> PageLanguage:
    """What was chosen on the page, else the first of ours that the browser accepts, else English."""
    chosen = request.query_params.get("lang") or request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return PageLanguage(chosen)
    accepted = (
        part.split(";")[0].strip()[:2].lower()
        for part in request.headers.get("accept-language", "").split(",")
    )
    return PageLanguage(next((code for code in accepted if code in LANGUAGES), "en"))


def common_values(request: Request, language: PageLanguage) -> Mapping[str, Any]:
    """What every page knows of its request."""
    return {
        "_": language,
        "lang": language.code,
        "path": request.url.path,
        "host": request.url.hostname or "",
    }

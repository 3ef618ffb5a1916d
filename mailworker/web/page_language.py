"""The operators' pages in English and French: what the browser prefers, or what was chosen on the page."""

from collections.abc import Mapping
from importlib.resources import files

import yaml
from starlette.requests import Request

LANGUAGES = ("en", "fr")
COOKIE = "mailworker_language"

_FRENCH: Mapping[str, str] = yaml.safe_load(
    files(__package__).joinpath("templates/texts.fr.yaml").read_text(encoding="utf-8")
)


class PageLanguage:
    """The words of one request's language."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self, text: str) -> str:
        """The text in this language; texts that nobody translated stay English."""
        return _FRENCH.get(text, text) if self.code == "fr" else text


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

"""A language as staff write it: by its tag, or by its name."""

from functools import cache

from mailworker.core.language_tag import canonical_language

#: Languages whose names are known in themselves, too: `Deutsch`.
_BY_THEMSELVES = ("de", "es", "it", "nl", "pt", "ar", "pl", "ro", "tr")


def language_of(text: str) -> str:
    """The tag of a language that is named in English, in French or in itself; anything else as it is."""
    if canonical_language(text):
        return text
    return _tags().get(text.partition("(")[0].strip().casefold(), text)


@cache
def _tags() -> dict[str, str]:
    from babel import Locale  # noqa: PLC0415 - commands that read no language's name need not wait for it

    tags = {Locale(tag).languages[tag].casefold(): tag for tag in _BY_THEMSELVES}
    for locale in ("en", "fr"):
        tags |= {name.casefold(): tag for tag, name in Locale(locale).languages.items()}
    return tags

"""One spelling for a language's tag: EN, en_GB and en-gb are the same."""

import re

#: A language, and maybe a script and a region (BCP 47, the part that people use).
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?")


def canonical_language(tag: str) -> str | None:
    """The tag in small letters with hyphens (`en-gb`), or None where it is none."""
    text = tag.strip().replace("_", "-").lower()
    return text if _TAG.fullmatch(text) else None


def base_language(tag: str) -> str:
    """The language without script and region: `en` of `en-GB`; empty of what is no tag."""
    return (canonical_language(tag) or "").split("-")[0]

"""`${NAME}` and `${NAME:-default}` in the configuration, filled in from the environment."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def malformed(text: str) -> bool:
    """Whether something begins like a placeholder and is none, as `${MY-KEY}`; or is one within another."""
    return "${" in _PLACEHOLDER.sub(lambda match: match["default"] or "", text)


def unset_variable(text: str, environ: Mapping[str, str]) -> str | None:
    """The first variable that `text` needs and that neither the environment nor a default has."""
    found = _PLACEHOLDER.finditer(text)
    return next((match["name"] for match in found if _value(match, environ) is None), None)


def fill_in(text: str, environ: Mapping[str, str]) -> str:
    """The text with each placeholder's value; an empty variable counts as one that is not set."""
    return _PLACEHOLDER.sub(lambda match: _value(match, environ) or "", text)


def _value(match: re.Match[str], environ: Mapping[str, str]) -> str | None:
    return environ.get(match["name"]) or match["default"]

"""Which variables may be kept once a message is done, and which may people see?"""

from collections.abc import Mapping
from typing import Any

from mailworker.core.kind import Kind


def wiped(kind: Kind, variables: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The variables without the kind's secrets, or None where there is nothing to wipe."""
    if not variables or not kind.secrets & variables.keys():
        return None
    return {name: value for name, value in variables.items() if name not in kind.secrets}


def masked(kind: Kind | None, variables: Mapping[str, Any] | None, mask: str) -> dict[str, Any]:
    """The variables as people see them: `mask` for the secret ones, for all where the kind is unknown."""
    secret = kind.secrets if kind else frozenset(variables or ())
    return {name: mask if name in secret else value for name, value in (variables or {}).items()}

"""Names in any capitals: Mailjet's own SDK tests post `email`, its guide `action`, Symfony `SandBoxMode`."""

from collections.abc import Iterable, Mapping
from typing import Any

from requests.structures import CaseInsensitiveDict

#: Below these, names are the caller's own.
_OWN_NAMES = frozenset({"properties", "variables", "headers"})


def fold(value: Any) -> Any:
    """JSON whose objects are found by name in any capitals; what stands in `Properties` keeps its names."""
    if isinstance(value, list):
        return [fold(one) for one in value]
    if not isinstance(value, dict):
        return value
    return CaseInsensitiveDict(
        (name, inner if name.lower() in _OWN_NAMES else fold(inner)) for name, inner in value.items()
    )


def spell(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The object with these names spelled as here; others stay as they are."""
    right = {name.lower(): name for name in names}
    return {right.get(name.lower(), name): inner for name, inner in value.items()}

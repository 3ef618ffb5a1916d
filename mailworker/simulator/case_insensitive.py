"""Names in any capitals: Mailjet's own SDK tests post `email`, its guide `action`, Symfony `SandBoxMode`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: Below these, names are the caller's own.
_OWN_NAMES = frozenset({"properties", "variables", "headers"})


class AnyCase(Mapping[str, Any]):
    """A mapping whose names are found in any capitals and shown as given; the last of equals counts.

    `requests` has one, too, whose import takes longer than this whole server's.
    """

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = {name.lower(): (name, value) for name, value in items.items()}

    def __getitem__(self, name: str) -> Any:
        return self._items[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._items

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)


def fold(value: Any) -> Any:
    """JSON whose objects are found by name in any capitals; what stands in `Properties` keeps its names."""
    if isinstance(value, list):
        return [fold(one) for one in value]
    if not isinstance(value, dict):
        return value
    return AnyCase(
        {name: inner if name.lower() in _OWN_NAMES else fold(inner) for name, inner in value.items()}
    )


def spell(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The object with these names spelled as here; others stay as they are."""
    right = {name.lower(): name for name in names}
    return {right.get(name.lower(), name): inner for name, inner in value.items()}

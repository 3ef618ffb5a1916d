"""Many things, some at a time: what `itertools.batched` does from Python 3.12 on, with lists."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """All of these in their order, up to `size` of them in each list."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk

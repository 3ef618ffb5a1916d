"""Which kind of e-mail a word on the command line names: a whole name, or enough of its end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailworker.cli.console import short
from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput

if TYPE_CHECKING:
    from mailworker.container import Container


def whole_kind(word: str, kinds: Iterable[str]) -> str:
    """The kind that this word is the end of; the word itself where none is, or several."""
    matching = [name for name in kinds if word and name.endswith(word)]
    return matching[0] if len(matching) == 1 else word


def known_kind(word: str | None, kinds: Iterable[str]) -> str | None:
    """The kind that this word names, with or without what all begin with; None for none. Raises BadInput."""
    known = sorted(set(kinds))
    if word is None or word in known:
        return word
    if (whole := whole_kind(word, known)) not in known:
        near = did_you_mean(word, [*map(short, known), *known])
        raise BadInput(f"--kind: there is no kind {word}{near or '.'}")
    return whole


def kind_in_ledger(container: "Container", word: str | None) -> str | None:
    """The same among the configured kinds and those of old messages. Raises BadInput."""
    if word is None or word in container.settings.kinds:
        return word
    from sqlalchemy import select

    from mailworker.ledger.tables import messages

    with container.ledger.read() as connection:
        old = connection.execute(select(messages.c.kind).distinct()).scalars().all()
    return known_kind(word, {*container.settings.kinds, *old})

"""Which kind of e-mail a word on the command line names: a whole name, or enough of its end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput

if TYPE_CHECKING:
    from mailworker.container import Container


def known_kind(word: str | None, kinds: Iterable[str]) -> str | None:
    """The kind that this word names, with or without what all begin with; None for none. Raises BadInput."""
    known = sorted(set(kinds))
    if word is None or word in known:
        return word
    matching = [name for name in known if name.endswith(word)]
    if len(matching) != 1:
        from mailworker.cli.console import short

        near = did_you_mean(word, [*map(short, known), *known])
        raise BadInput(f"--kind: there is no kind {word}{near or '.'}")
    return matching[0]


def kind_in_ledger(container: "Container", word: str | None) -> str | None:
    """The same among the configured kinds and those of old messages. Raises BadInput."""
    if word is None or word in container.settings.kinds:
        return word
    from sqlalchemy import select

    from mailworker.ledger.tables import messages

    with container.ledger.read() as connection:
        old = connection.execute(select(messages.c.kind).distinct()).scalars().all()
    return known_kind(word, {*container.settings.kinds, *old})

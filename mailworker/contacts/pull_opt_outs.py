"""Looking at Mailjet: who unsubscribed, whom campaigns leave out, and who is not there any more."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.core.canonical_address import canonical_address
from mailworker.ledger import contact_counts, contacts_seen_at_mailjet
from mailworker.mailjet.contact_queries import members, unsubscribed
from mailworker.mailjet.rest_rows import PAGE
from mailworker.rules.contact_diff import EVERYBODY

#: Mailjet may need so long to show a contact that it has just taken; a mistake costs a call.
_INDEXED = timedelta(minutes=5)
_UNSUBSCRIBED, _MEMBERS, _DONE = "unsubscribed", "members", "done"


@dataclass(slots=True)
class PullResult:
    """What was found at Mailjet so far, and where to go on.

    `ours` of the `members` of our list are in the ledger; the others are in no CRM, and left alone.
    """

    began: datetime
    stage: str = _UNSUBSCRIBED
    offset: int = 0
    unsubscribed: int = 0
    newly_unsubscribed: int = 0
    members: int = 0
    ours: int = 0
    excluded: int = 0
    put_back: int = 0

    @property
    def strangers(self) -> int:
        """Who is on our list, and in no CRM."""
        return self.members - self.ours

    @property
    def is_done(self) -> bool:
        """Whether everything was seen."""
        return self.stage == _DONE

    def as_json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return asdict(self) | {"began": self.began.isoformat()}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "PullResult":
        """As the ledger kept it."""
        return cls(**{**kept, "began": datetime.fromisoformat(kept["began"])})


class ContactPull:
    """Reads Mailjet's side, a thousand contacts a call, in the memory of one page."""

    def __init__(self, deps: ContactDependencies, names: PropertyRegistry) -> None:
        self._deps = deps
        self._names = names
        self._addresses: dict[int, str] = {}  # of who unsubscribed, for the next pull

    def begin(self) -> PullResult:
        """A look at which nothing has been seen yet; which lists there are is asked anew."""
        self._names.forget()
        return PullResult(self._deps.clock())

    def steps(self, look: PullResult) -> Iterator[int]:
        """Go on with a look, page by page; gives how many contacts of ours each page held.

        Raises NoCallFree, and what the questions raise. Another call goes on after the last page seen.
        """
        if look.stage == _UNSUBSCRIBED:
            yield from self._unsubscribed(look)
            look.stage, look.offset = _MEMBERS, 0
        if look.stage == _MEMBERS:
            yield from self._members(look)
            look.stage = _DONE

    def _unsubscribed(self, look: PullResult) -> Iterator[int]:
        """Everybody who left one of our lists gets no campaigns from our own batch lane either."""
        deps = self._deps
        pages = unsubscribed(
            deps.api,
            offset=look.offset,
            addresses=self._addresses,
        )
        for page in pages:
            left = {canonical_address(one.email): one.at for one in page if one.email}
            with deps.ledger.write() as connection:
                look.newly_unsubscribed += len(
                    contacts_seen_at_mailjet.unsubscribed(connection, left, now=deps.clock())
                )
            look.offset += PAGE
            yield 0
        with deps.ledger.read() as connection:
            look.unsubscribed = contact_counts.count_opted_out(connection)

    def _members(self, look: PullResult) -> Iterator[int]:
        name = self._deps.settings.list_name(EVERYBODY)
        list_id = self._names.known_lists([name], now=self._deps.clock()).get(name)
        if list_id is not None:
            yield from self._on_list(list_id, look)
        # A list that is gone holds nobody, whatever Mailjet's index has still to show.
        pushed_before = look.began - (_INDEXED if list_id is not None else timedelta())
        with self._deps.ledger.write() as connection:
            look.put_back = contacts_seen_at_mailjet.put_back_unseen(
                connection, pulled_since=look.began, pushed_before=pushed_before
            )

    def _on_list(self, list_id: int, look: PullResult) -> Iterator[int]:
        deps = self._deps
        for page in members(deps.api, list_id, offset=look.offset):
            left_out = {canonical_address(one.email): one.excluded for one in page}
            with deps.ledger.write() as connection:
                ours = contacts_seen_at_mailjet.seen(connection, left_out, now=deps.clock())
            look.members += len(left_out)
            look.excluded += sum(left_out.values())
            look.ours += ours
            look.offset += PAGE
            yield ours

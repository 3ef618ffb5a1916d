"""Properties and lists at Mailjet, by name: made on first use, with the type that the configuration gives."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from mailworker.errors import Misconfigured, Refused
from mailworker.mailjet import contact_calls as mailjet
from mailworker.mailjet.rest_api import RestApi

#: What others may have changed at Mailjet is looked up again after this.
FRESH = timedelta(minutes=30)
#: Mailjet's words for "this name is taken".
_TAKEN = "MJ18"


class PropertyRegistry:
    """One process's knowledge of them. `types` are those of the configuration; other properties are text.

    Our names are in lower case. Whether Mailjet takes `Age` and `age` for one property is not known: where it
    spells one with capitals, ours is made besides, and taken for the same where Mailjet has it already.
    """

    def __init__(self, api: RestApi, types: Mapping[str, str]) -> None:
        self._api = api
        self._types = types
        self._read_at: datetime | None = None
        self._properties: dict[str, str] = {}
        self._lists: dict[str, int] = {}

    def properties(self, needed: Collection[str], *, now: datetime) -> Mapping[str, str]:
        """All properties at Mailjet with their types, the needed ones among them.

        Misconfigured where Mailjet has one of the needed ones with another type than the configuration.
        """
        self._read(now)
        for name in sorted(set(needed) - self._properties.keys()):
            self._make_property(name)
        faults = [
            f"contacts.properties.{name} is {self._type(name)} in the configuration and "
            f"{self._properties[name]} at Mailjet; use Mailjet's type, or another name."
            for name in sorted(needed)
            if self._properties[name] != self._type(name)
        ]
        if faults:
            raise Misconfigured(" ".join(faults), code="property-type")
        return self._properties

    def lists(self, needed: Collection[str], *, now: datetime) -> Mapping[str, int]:
        """The numbers of these lists, by name."""
        self._read(now)
        for name in sorted(set(needed) - self._lists.keys()):
            self._make_list(name)
        return {name: self._lists[name] for name in needed}

    def known_lists(self, wanted: Collection[str], *, now: datetime) -> Mapping[str, int]:
        """Of these lists, the numbers of those that there are."""
        self._read(now)
        return {name: self._lists[name] for name in wanted if name in self._lists}

    def forget(self) -> None:
        """Look everything up again at the next question: Mailjet spoke of something that we did not know."""
        self._read_at = None

    def _type(self, name: str) -> str:
        return self._types.get(name, "str")

    def _read(self, now: datetime) -> None:
        if self._read_at is not None and now - self._read_at < FRESH:
            return
        self._properties = mailjet.property_types(self._api)
        self._lists = mailjet.list_ids(self._api)
        self._read_at = now

    def _make_property(self, name: str) -> None:
        try:
            mailjet.create_property(self._api, name, self._type(name))
        except Refused as error:
            if error.code != _TAKEN:
                raise
            # Taken, in these letters or in others: somebody else made it, or Mailjet keeps one spelling.
            found = mailjet.property_types(self._api)
            types = {spelled.lower(): datatype for spelled, datatype in found.items()}
            self._properties[name] = types.get(name, self._type(name))
            return
        self._properties[name] = self._type(name)

    def _make_list(self, name: str) -> None:
        try:
            self._lists[name] = mailjet.create_list(self._api, name)
        except Refused as error:
            if error.code != _TAKEN:
                raise
            self._lists = mailjet.list_ids(self._api)
            if name not in self._lists:
                raise Misconfigured(
                    "Mailjet has a deleted list of this name; change contacts.list or contacts.lists, or "
                    "restore the list.",
                    code=_TAKEN,
                ) from None

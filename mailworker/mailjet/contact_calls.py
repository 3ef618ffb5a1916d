"""Contacts, their properties and lists at Mailjet: thin calls, one function each.

Every function raises as `RestApi.rest` does.
Source: Mailjet's contact guides. Contacts always join lists as `addnoforce`: `addforce` would bring
back people who unsubscribed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mailworker.core.canonical_address import with_ascii_domain
from mailworker.core.inert_markup import without_markup
from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import first_row, id_of, number_of, pages, truth_of

#: Mailjet documents no limit; 10,000 contacts in one call were taken, 50,000 cut the connection.
MAX_CONTACTS_A_CALL = 1000


class ListAction(StrEnum):
    """What a call does to a contact on a list."""

    ADD = "addnoforce"
    """Put it there; who unsubscribed stays unsubscribed."""
    REMOVE = "remove"
    UNSUBSCRIBE = "unsub"
    RESUBSCRIBE = "addforce"
    """Also who unsubscribed: only on a person's own word."""


class ImportState(StrEnum):
    """How far an import is. Mailjet's unknown words mean that it runs."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MailjetContact:
    """A contact as we give it. A property that is None is cleared; those not named stay.

    `excluded` is whether campaigns leave it out; None leaves that as it is. Only imports take it.
    """

    email: str = field(repr=False)
    name: str = field(default="", repr=False)
    properties: Mapping[str, str | int | float | bool | None] = field(default_factory=dict, repr=False)
    excluded: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """Mailjet's names for it; without a name, the one that Mailjet knows stays.

        Campaigns print names and properties, escaped or not, so no text among them is markup. An empty
        `Properties` is left out: a 404 was reported for it (mailjet-apiv3-nodejs#245).
        """
        name = {"Name": without_markup(self.name)} if self.name else {}
        properties = {
            key: without_markup(value) if isinstance(value, str) else value
            for key, value in self.properties.items()
        }
        known = {"Properties": properties} if properties else {}
        return {"Email": with_ascii_domain(self.email), **name, **known}

    def as_import(self) -> dict[str, Any]:
        """The same for an import, with the exclusion where it is to be set."""
        return self.as_json() | ({} if self.excluded is None else {"IsExcludedFromCampaigns": self.excluded})


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import's progress: `count` contacts were read; an error file lists those not taken."""

    state: ImportState
    count: int
    has_error_file: bool


def manage_contact(
    api: RestApi,
    list_id: int,
    contact: MailjetContact,
    *,
    action: ListAction = ListAction.ADD,
) -> int:
    """Create or update a contact and put it on a list or take it off, at once. Gives the contact's number."""
    data = contact.as_json() | {"Action": action.value}
    return id_of(
        first_row(api.rest(RestCall("contactslist_managecontact", "POST", id=list_id, data=data))),
        "ContactID",
    )


def start_import(
    api: RestApi,
    contacts: Sequence[MailjetContact],
    list_ids: Sequence[int],
    *,
    remove_from: Sequence[int] = (),
) -> int:
    """Hand over up to MAX_CONTACTS_A_CALL contacts for lists, and off others; gives the number of the job."""
    lists = [{"ListID": number, "Action": ListAction.ADD.value} for number in list_ids]
    lists += [{"ListID": number, "Action": ListAction.REMOVE.value} for number in remove_from]
    data = {"Contacts": [contact.as_import() for contact in contacts]} | (
        {"ContactsLists": lists} if lists else {}
    )
    return id_of(first_row(api.rest(RestCall("contact_managemanycontacts", "POST", data=data))), "JobID")


def import_job(api: RestApi, job_id: int) -> ImportJob:
    """How far the job is. Ask with growing pauses: Mailjet documents that hours are possible."""
    row = first_row(api.rest(RestCall("contact_managemanycontacts", action_id=job_id)))
    words = {"completed": ImportState.COMPLETED, "error": ImportState.FAILED, "abort": ImportState.FAILED}
    state = words.get(str(row.get("Status")).lower(), ImportState.RUNNING)
    return ImportJob(state, number_of(row, "Count") or 0, bool(row.get("ErrorFile")))


def import_errors(api: RestApi, job_id: int) -> Any:
    """The job's error file as Mailjet wrote it. It quotes addresses: show it, never log it."""
    return api.raw("GET", f"v3/DATA/batchjob/{job_id}/JSONError/application:json/LAST")


def exclude_from_campaigns(api: RestApi, contact_id: int, *, excluded: bool) -> None:
    """Set whether campaigns leave this contact out. Transactional mail goes out all the same."""
    data = {"IsExcludedFromCampaigns": excluded}
    api.rest(RestCall("contact", "PUT", id=contact_id, data=data))


def erase_contact(api: RestApi, contact_id: int) -> None:
    """Anonymise a contact for good (GDPR). Mailjet answers 200 for an unknown number, too."""
    api.raw("DELETE", f"v4/contacts/{contact_id}")


def property_types(api: RestApi) -> dict[str, str]:
    """All contact properties as Mailjet spells them, with their types: str, int, float, bool, datetime."""
    found = pages(api, RestCall("contactmetadata"))
    return {str(row.get("Name")): str(row.get("Datatype")) for page in found for row in page}


def create_property(api: RestApi, name: str, datatype: str) -> None:
    """Define a static contact property. Refused(code="MJ18") where it exists."""
    data = {"Name": name, "Datatype": datatype, "NameSpace": "static"}
    api.rest(RestCall("contactmetadata", "POST", data=data))


def list_ids(api: RestApi) -> dict[str, int]:
    """All contact lists that are not deleted: name and number."""
    found = pages(api, RestCall("contactslist"))
    return {
        str(row.get("Name")): id_of(row) for page in found for row in page if not truth_of(row, "IsDeleted")
    }


def create_list(api: RestApi, name: str) -> int:
    """Make a contact list; gives its number. Names are unique at Mailjet."""
    return id_of(first_row(api.rest(RestCall("contactslist", "POST", data={"Name": name}))))

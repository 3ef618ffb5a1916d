"""A contact's address changes, an address is barred or erased: what Mailjet is told, and what is kept of the former one."""

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from sqlalchemy import insert, select

from mailworker.config.contacts import ContactSettings
from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.move_and_erase_at_mailjet import AddressChange
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.errors import Refused, TransientError
from mailworker.ledger.contact_push_queue import claim
from mailworker.ledger.contact_tables import erased_contacts, mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.recipient_standings import suppressed
from mailworker.rules.pseudonym import pseudonym
from tests.doubles import mailjet_list

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
OLD, NEW = "old@x.example", "new@x.example"
LISTS = {41: "crm-billing", 42: "crm-tech", 50: "others"}
TYPES = {"city": "str", "age": "int", "score": "float", "vip": "bool"}


class Mailjet:
    """Knows contacts by address, with places and properties; keeps what is written."""

    def __init__(self):
        self.known, self.places, self.properties, self.written = {}, [], {}, []

    def raw(self, method, path):
        if method == "DELETE":
            self.written.append(("erase", path))
            return {}
        found = self.known.get(unquote(path.rpartition("/")[2]))
        if found is None:
            raise Refused("none", code="404")
        return mailjet_list([found])

    def rest(self, call):
        if call.method != "GET":
            data = {name: value for name, value in call.data.items() if name != "Email"}
            self.written.append((call.endpoint, call.id, call.data.get("Email"), data))
        rows = {
            "contactslist": [{"ID": number, "Name": name} for number, name in LISTS.items()],
            "contactmetadata": [{"Name": name, "Datatype": kind} for name, kind in TYPES.items()],
            "listrecipient": self.places,
            "contactdata": [{"Data": [{"Name": n, "Value": v} for n, v in self.properties.items()]}],
            "contactslist_managecontact": [{"ContactID": 9}],
        }
        return mailjet_list(rows.get(call.endpoint, []))


@pytest.fixture
def scene(ledger):
    mailjet, left = Mailjet(), []
    bucket = SimpleNamespace(take=lambda *_, **__: 0.0)
    settings = ContactSettings(type_list="crm-{type}")
    forget = lambda email: left.append(email) or scene.on_their_way  # noqa: E731
    deps = ContactDependencies(ledger, bucket, mailjet, settings, lambda: NOW, forget=forget)
    scene = SimpleNamespace(ledger=ledger, mailjet=mailjet, forgotten=left, on_their_way=0)
    scene.change = AddressChange(deps, PropertyRegistry(deps.api, {}))
    return scene


def claimed(scene, **own):
    """The row of the contact, in a call of ours."""
    known = {
        "email": NEW,
        "name": "Zoé",
        "properties": {"city": "Lyon"},
        "lists": ["billing"],
        "excluded": None,
    }
    known |= {"fingerprint": "f", "audience": "a", "due_at": NOW, "changed_at": NOW, "moved_from": OLD}
    with scene.ledger.write() as connection:
        add_entries(connection, [new_entry(**known | {"task": "move"} | own)])
        (row,) = claim(connection, "c", now=NOW, until=NOW, limit=1)
    return row


def was_told(scene, **own):
    """What the former address had from us."""
    known = {"email": OLD, "name": "", "properties": {}, "lists": [], "excluded": None, "fingerprint": "f"}
    more = {"task": "erase", "audience": "a", "due_at": NOW, "changed_at": NOW, "state": "waiting"}
    with scene.ledger.write() as connection:
        add_entries(connection, [new_entry(**known | more | own)])


def at_mailjet(scene, email, **more):
    scene.mailjet.known[email] = {"ID": len(scene.mailjet.known) + 7, "Email": email} | more


def joined(scene):
    return [
        (id_, data["Action"], data.get("Properties", {}))
        for name, id_, email, data in scene.mailjet.written
        if name == "contactslist_managecontact" and email == NEW
    ]


def excluded(scene):
    return [
        data["IsExcludedFromCampaigns"] for name, _, _, data in scene.mailjet.written if name == "contact"
    ]


def state(scene, email=NEW):
    with scene.ledger.read() as connection:
        query = select(mailjet_contacts.c.state).where(mailjet_contacts.c.email == email)
        return connection.execute(query).scalar()


def place(number, *, unsubscribed=False):
    return {"ListID": number, "IsUnsubscribed": unsubscribed}


@pytest.mark.parametrize(
    ("places", "told", "lists", "calls"),
    [
        ([], [], ["billing"], [(41, "addnoforce")]),
        ([place(41)], ["billing"], ["billing"], [(41, "addnoforce")]),
        ([place(41, unsubscribed=True)], ["billing"], ["billing"], [(41, "unsub")]),
        ([place(42)], ["tech"], ["billing"], [(41, "addnoforce")]),  # ours, and the CRM has it there no more
        ([place(50)], [], ["billing"], [(41, "addnoforce"), (50, "addnoforce")]),  # somebody else's
        ([place(50, unsubscribed=True)], [], ["billing"], [(41, "addnoforce"), (50, "unsub")]),
        ([place(50)], [], [], [(50, "addnoforce")]),
    ],
)
def test_the_new_address_is_on_the_lists_of_the_former_one(scene, places, told, lists, calls):
    at_mailjet(scene, OLD)
    scene.mailjet.places = places
    was_told(scene, told_lists=told)
    scene.change.move("c", claimed(scene, lists=lists))
    assert [(id_, action) for id_, action, _ in joined(scene)] == calls
    assert joined(scene)[0][2] == {"city": "Lyon"}
    assert all(properties == {} for _, _, properties in joined(scene)[1:])
    left = any(one["IsUnsubscribed"] for one in places)
    with scene.ledger.read() as connection:
        assert set(suppressed(connection, [NEW])) == ({NEW} if left else set())
    assert state(scene) in {"in_step", "pending"}


@pytest.mark.parametrize(
    ("theirs", "own", "told", "copied"),
    [
        ({"age": "30", "score": "1.5", "vip": "true"}, {}, [], {"age": 30, "score": 1.5, "vip": True}),
        ({"Age": "30"}, {}, [], {"age": 30}),
        ({"city": "Paris"}, {}, [], {}),  # ours
        ({"age": "30"}, {"told_names": ["age"]}, [], {}),
        ({"age": "30"}, {}, ["age"], {}),
        ({"age": "old"}, {}, [], {}),
        ({"unknown": "x"}, {}, [], {}),
    ],
)
def test_what_others_set_at_the_former_address_goes_along(scene, theirs, own, told, copied):
    at_mailjet(scene, OLD)
    scene.mailjet.properties = theirs
    was_told(scene, told_names=told)
    scene.change.move("c", claimed(scene, **own))
    assert joined(scene)[0][2] == copied | {"city": "Lyon"}


@pytest.mark.parametrize("known", [[], [NEW], [OLD, NEW]])
def test_nothing_is_copied_where_there_was_nobody_or_somebody_is_there_already(scene, known):
    for email in known:
        at_mailjet(scene, email)
    scene.mailjet.properties = {"age": "30"}
    was_told(scene)
    scene.change.move("c", claimed(scene))
    assert joined(scene)[0][2] == {"city": "Lyon"}


@pytest.mark.parametrize(
    ("own", "former", "told"),
    [
        ({}, False, []), ({}, True, [True]), ({"excluded": True}, False, [True]), ({"barred": "spam"}, False, [True]),
        ({"excluded": False}, False, []),
    ],
)  # fmt: skip
def test_who_was_left_out_of_campaigns_stays_so(scene, own, former, told):
    at_mailjet(scene, OLD, IsExcludedFromCampaigns=former)
    was_told(scene)
    scene.change.move("c", claimed(scene, **own))
    assert excluded(scene) == told


@pytest.mark.parametrize(("there", "told"), [(None, []), (False, [True]), (True, [])])
def test_a_barred_address_is_left_out_where_mailjet_has_it(scene, there, told):
    if there is not None:
        at_mailjet(scene, NEW, IsExcludedFromCampaigns=there)
    claimed(scene, task="bar", barred="spam", moved_from=None)
    scene.change.bar("c", NEW)
    assert excluded(scene) == told
    assert state(scene) == "in_step"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("asked_for", "on_their_way"), [(False, 0), (True, 0), (True, 2)])
def test_an_erasure(scene, there, asked_for, on_their_way):
    if there:
        at_mailjet(scene, NEW)
    claimed(scene, task="erase", moved_from=None)
    scene.on_their_way = on_their_way
    if asked_for:
        with scene.ledger.write() as connection:
            connection.execute(insert(erased_contacts), [{"stand_in": pseudonym(NEW), "erased_at": NOW}])
    if on_their_way:
        with pytest.raises(TransientError, match="2 mails to an erased address are still on their way"):
            scene.change.erase("c", NEW)
    else:
        scene.change.erase("c", NEW)
    assert scene.mailjet.written == ([("erase", "v4/contacts/7")] if there else [])
    assert scene.forgotten == ([NEW] if asked_for else [])
    assert state(scene) == ("flying" if on_their_way else None)

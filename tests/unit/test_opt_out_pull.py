"""A look at Mailjet's side, page by page: who left, who is excluded, who is ours, who is put back, and where it goes on."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from mailworker.campaigns.exclude_barred_at_mailjet import MailjetAudience
from mailworker.config.contacts import ContactSettings
from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.contacts.pull_opt_outs import ContactPull
from mailworker.errors import TransientError
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.recipient_standings import suppressed
from mailworker.mailjet.rest_rows import PAGE
from tests.doubles import mailjet_list

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Mailjet:
    """People by number, on a list each; those in `left` unsubscribed from it, those in `excluded` are excluded."""

    def __init__(self, people=(), left=(), excluded=(), lists=(("OmniCRM", 41), ("OmniCRM tech", 42))):
        self.people, self.left, self.excluded, self.lists = list(people), list(left), set(excluded), lists
        self.calls, self.deaf = [], False

    def rest(self, call):
        self.calls.append((call.method, call.endpoint, call.id))
        if call.method == "PUT":
            if not self.deaf:
                self.excluded.add(call.id)
            return mailjet_list([])
        return mailjet_list(self._rows(call))

    def _rows(self, call):
        given = call.filters or {}
        start = given.get("Offset", 0)
        if call.endpoint == "contactslist":
            return [{"ID": number, "Name": name} for name, number in self.lists][start:]
        if call.endpoint == "listrecipient":
            return [
                {
                    "ContactID": one,
                    "ListID": on,
                    "IsUnsubscribed": True,
                    "UnsubscribedAt": "2026-11-01T00:00:00Z",
                }
                for one, on in self.left
            ][start : start + PAGE]
        if call.endpoint == "contact" and call.id:
            return [self._person(call.id)]
        if call.endpoint == "contact":
            return [self._person(one) for one in self.people][start : start + PAGE]
        return []

    def raw(self, _method, path):
        number = int(path.rpartition("/p")[2].partition("@")[0])
        self.calls.append(("GET", "raw", number))
        return mailjet_list([self._person(number)])

    def _person(self, number):
        return {
            "ID": number,
            "Email": f"P{number}@x.example",
            "IsExcludedFromCampaigns": number in self.excluded,
        }


def put(ledger, *numbers, **own):
    plain = {
        "name": "",
        "properties": {},
        "lists": ["", "tech"],
        "excluded": None,
        "fingerprint": "f",
        "told": "f",
    }
    plain |= {
        "task": "tell",
        "audience": "a",
        "due_at": NOW,
        "changed_at": NOW - 10 * MINUTE,
        "state": "in_step",
    }
    with ledger.write() as connection:
        add_entries(
            connection, [new_entry(**plain | {"email": f"p{number}@x.example"} | own) for number in numbers]
        )


def pull_of(ledger, mailjet):
    bucket = SimpleNamespace(take=lambda *_, **__: 0.0)
    deps = ContactDependencies(ledger, bucket, mailjet, ContactSettings(), lambda: NOW)
    return ContactPull(deps, PropertyRegistry(deps.api, {}))


def test_a_whole_look(ledger):
    put(ledger, 1, 2, 3)
    mailjet = Mailjet([1, 2, 9], left=[(2, 41), (3, 42)], excluded=[1])
    pull = pull_of(ledger, mailjet)
    look = pull.begin()
    assert (look.began, look.is_done) == (NOW, False)
    assert list(pull.steps(look)) == [0, 2]
    found = look.unsubscribed, look.newly_unsubscribed, look.members, look.ours, look.excluded, look.strangers
    assert found == (2, 2, 3, 2, 1, 1)
    assert (look.is_done, list(pull.steps(look))) == (True, [])
    with ledger.read() as connection:
        assert suppressed(connection, ["p2@x.example", "p3@x.example", "p1@x.example"]) == dict.fromkeys(
            ("p2@x.example", "p3@x.example"), "unsubscribed"
        )
    again = pull.begin()
    list(pull.steps(again))
    assert (again.newly_unsubscribed, again.unsubscribed) == (0, 2)
    assert sum(1 for call in mailjet.calls if call[:2] == ("GET", "contact") and call[2]) == 2, (
        "addresses are kept"
    )


def test_a_look_counts_over_all_of_its_pages(ledger):
    put(ledger, *range(1, PAGE + 2))
    people = range(1, PAGE + 4)
    mailjet = Mailjet(people, left=[(one, 41) for one in people[: PAGE + 1]], excluded=[1, 2, PAGE + 1])
    pull = pull_of(ledger, mailjet)
    look = pull.begin()
    assert list(pull.steps(look)) == [0, 0, PAGE, 1]
    assert (look.newly_unsubscribed, look.unsubscribed) == (PAGE + 1, PAGE + 1)
    assert (look.members, look.ours, look.excluded, look.strangers) == (PAGE + 3, PAGE + 1, 3, 2)


def test_a_look_goes_on_after_the_last_page_that_it_saw(ledger):
    put(ledger, 1)
    mailjet = Mailjet([1], left=[(1, 41)])
    pull = pull_of(ledger, mailjet)
    look = pull.begin()
    steps = pull.steps(look)
    next(steps)
    assert (look.stage, look.offset) == ("unsubscribed", PAGE)
    next(steps)
    assert (look.stage, look.offset) == ("members", PAGE)
    other = pull_of(ledger, mailjet)
    assert list(other.steps(look)) == []
    assert (look.stage, look.members) == ("done", 1)


def test_without_our_list_there_are_no_members(ledger):
    pull = pull_of(ledger, Mailjet([1], lists=()))
    look = pull.begin()
    assert (list(pull.steps(look)), look.members, look.is_done) == ([], 0, True)


def audience_of(ledger, mailjet):
    names = ContactSettings().list_name
    return MailjetAudience(ledger, mailjet, names, lambda: NOW)


def test_whom_a_list_sends_to(ledger):
    put(ledger, 1, 2, 3, 4)
    mailjet = Mailjet([1, 2, 3, 4, 9], left=[(2, 41), (3, 42)], excluded=[4])
    found = audience_of(ledger, mailjet).read_back("")
    assert found.active == {"p1@x.example": 1, "p3@x.example": 3, "p9@x.example": 9}
    assert set(audience_of(ledger, mailjet).read_back("tech").active) == {
        "p1@x.example",
        "p2@x.example",
        "p9@x.example",
    }
    assert audience_of(ledger, mailjet).read_back("none").active == {}


def test_whom_the_ledger_bars_is_excluded_there_and_strangers_are_counted(ledger):
    put(ledger, 1)
    put(ledger, 2, excluded=True)
    put(ledger, 3, lists=[""])
    mailjet = Mailjet([1, 2, 3, 9])
    found = audience_of(ledger, mailjet).keep_out("tech")
    assert (found.active, found.strangers) == ({"p1@x.example": 1, "p3@x.example": 3, "p9@x.example": 9}, 2)
    assert mailjet.excluded == {2}
    assert [call for call in mailjet.calls if call[0] == "PUT" or call[1] == "raw"] == [
        ("PUT", "contact", 2),
        ("GET", "raw", 2),
    ]


def test_nothing_is_sent_where_mailjet_does_not_take_it(ledger):
    put(ledger, 2, excluded=True)
    mailjet = Mailjet([2])
    mailjet.deaf = True
    with pytest.raises(TransientError, match="did not take it"):
        audience_of(ledger, mailjet).keep_out("tech")


@pytest.mark.parametrize(("many", "by_hand"), [(2, True), (3, False)])
def test_only_a_few_are_excluded_while_a_person_waits(ledger, monkeypatch, many, by_hand):
    monkeypatch.setattr("mailworker.campaigns.exclude_barred_at_mailjet._BY_HAND", 2)
    monkeypatch.setattr("mailworker.campaigns.exclude_barred_at_mailjet._PAGE", 2)
    put(ledger, *range(1, many + 1), excluded=True)
    mailjet = Mailjet(range(1, many + 1))
    if by_hand:
        assert audience_of(ledger, mailjet).keep_out("tech").active == {}
    else:
        with pytest.raises(TransientError, match=f"leave {many} contacts out"):
            audience_of(ledger, mailjet).keep_out("tech")
    assert len(mailjet.excluded) == (many if by_hand else 0)

"""A call about contacts that Mailjet refuses, delays or loses: who is told again, when, with whom, and who is given up."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from mailworker.config.contacts import ContactSettings
from mailworker.contacts import ContactService, halve_refused_batch
from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.follow_import_jobs import ImportJobPoller, refusals
from mailworker.contacts.properties_and_lists import FRESH, PropertyRegistry
from mailworker.contacts.push_to_mailjet import AddressChange, ContactPusher, PushResult
from mailworker.errors import Misconfigured, Refused, Throttled, UnknownOutcome, Unreachable
from mailworker.ledger import Ledger
from mailworker.ledger.contact_push_queue import claim, started
from mailworker.ledger.contact_tables import contact_calls, mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.limits import NoCallFree
from mailworker.rules.contact_sync_cost_and_pauses import JOB_DEADLINE, MAX_TRIES
from tests.doubles import mailjet_list

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=10)


class Mailjet:
    """Answers REST calls by endpoint: a fault is raised, a list is given as rows; all calls are kept."""

    def __init__(self):
        self.answers = {
            "contactslist": [{"ID": 41, "Name": "crm-billing"}, {"ID": 42, "Name": "old", "IsDeleted": True}],
            "contactmetadata": [{"Name": "city", "Datatype": "str"}],
            "contactslist_managecontact": [{"ContactID": 7}],
            "POST contact_managemanycontacts": [{"JobID": 5}],
            "GET contact_managemanycontacts": [{"Status": "In Progress"}],
            "error file": [],
        }
        self.calls = []

    def rest(self, call):
        self.calls.append((call.method, call.endpoint, call.id, call.data))
        found = self.answers.get(f"{call.method} {call.endpoint}", self.answers.get(call.endpoint, []))
        if isinstance(found, Exception):
            raise found
        return mailjet_list(found)

    def raw(self, _method, _path):
        found = self.answers["error file"]
        if isinstance(found, Exception):
            raise found
        return found

    def written(self, endpoint):
        return [(id_, data) for method, name, id_, data in self.calls if name == endpoint and method != "GET"]


class Bucket:
    """Always has a token, and keeps how long it was told to rest."""

    def __init__(self):
        self.rests = []

    def take(self, *_, **__):
        return 0.0

    def pause(self, seconds):
        self.rests.append(seconds)


@pytest.fixture
def scene(ledger_file):
    ledger, mailjet, bucket = Ledger.open(f"sqlite:///{ledger_file}"), Mailjet(), Bucket()
    settings = ContactSettings(type_list="crm-{type}")
    clock = SimpleNamespace(now=NOW)
    deps = ContactDependencies(ledger, bucket, mailjet, settings, lambda: clock.now, lease=LEASE)
    names = PropertyRegistry(deps.api, {"age": "int"})
    found = SimpleNamespace(
        ledger=ledger, mailjet=mailjet, bucket=bucket, clock=clock, deps=deps, names=names
    )
    found.pusher, found.poller = ContactPusher(deps, names), ImportJobPoller(deps, names)
    yield found
    ledger.close()


def put(scene, many, **own):
    with scene.ledger.write() as connection:
        add_entries(
            connection,
            [
                new_entry(
                    **{
                        "email": f"p{number:03}@x.example", "name": "P", "properties": {"city": "Lyon"},
                        "lists": ["billing"], "excluded": None, "fingerprint": "f", "task": "tell",
                        "audience": "a", "due_at": NOW, "changed_at": NOW,
                    }
                    | own
                )
                for number in range(many)
            ],
        )  # fmt: skip


def rows(scene, *names):
    columns = [mailjet_contacts.c[name] for name in names]
    with scene.ledger.read() as connection:
        query = select(*columns).order_by(mailjet_contacts.c.email)
        return [tuple(row) for row in connection.execute(query)]


def call(scene, *names):
    with scene.ledger.read() as connection:
        return tuple(connection.execute(select(*[contact_calls.c[name] for name in names])).one())


def seconds_until_due(scene):
    (due,) = {due for (due,) in rows(scene, "due_at")}
    return (due - NOW).total_seconds()


WRONG = Refused("a property is wrong", code="MJ08")


@pytest.mark.parametrize(("many", "half"), [(4, 2), (5, 2), (9, 4)])
def test_a_refused_import_is_halved_until_the_one_to_blame_is_alone(scene, many, half):
    put(scene, many, tries=1)
    scene.mailjet.answers["contactmetadata"] = WRONG
    done = scene.pusher.push_once()
    assert done == PushResult(alarm=f"Mailjet refused a call about {many} contacts: {WRONG}")
    names = ("state", "batch_limit", "tries", "error", "due_at")
    assert rows(scene, *names) == [("pending", half, 1, str(WRONG), NOW)] * many
    assert call(scene, "state", "note") == ("lost", str(WRONG))


@pytest.mark.parametrize(("contacts", "half"), [(1, "refused"), (2, 1), (3, 1), (50, 25)])
def test_halving_ends_with_one_alone(monkeypatch, contacts, half):
    done = []
    queue = halve_refused_batch.contact_push_queue
    monkeypatch.setattr(queue, "give_back", lambda *_, batch_limit, **__: done.append(batch_limit))
    monkeypatch.setattr(queue, "refuse", lambda *_, **__: done.append("refused"))
    halve_refused_batch.halve_or_refuse(None, "call", contacts, "wrong", now=NOW)
    assert done == [half]


def test_one_alone_that_is_refused_waits_for_a_person(scene):
    put(scene, 1, task="bar", barred="spam")
    scene.mailjet.answers["error file"] = scene.mailjet.answers["contact"] = WRONG
    assert scene.pusher.push_once() == PushResult(alarm=f"Mailjet refused a call about 1 contact: {WRONG}")
    assert rows(scene, "state", "error", "due_at") == [("refused", str(WRONG), NOW)]
    assert call(scene, "state", "refused") == ("done", 1)


def test_of_a_few_by_hand_only_the_refused_one_is(scene):
    put(scene, 3)
    answers = iter([[{"ContactID": 1}], WRONG, [{"ContactID": 3}]])
    plain = scene.mailjet.rest

    def rest(asked):
        if asked.endpoint == "contactslist_managecontact":
            scene.mailjet.answers["contactslist_managecontact"] = next(answers)
        return plain(asked)

    scene.mailjet.rest = rest
    assert scene.pusher.push_once() == PushResult(3)
    assert sorted(rows(scene, "state", "error"), key=str) == [
        ("in_step", None),
        ("in_step", None),
        ("refused", str(WRONG)),
    ]
    assert call(scene, "state", "refused") == ("done", 1)


@pytest.mark.parametrize(("many", "imports"), [(1, 0), (3, 0), (4, 1)])
def test_three_are_told_by_hand_and_more_in_an_import(scene, many, imports):
    put(scene, many)
    assert scene.pusher.push_once() == PushResult(many)
    assert len(scene.mailjet.written("contact_managemanycontacts")) == imports
    assert len(scene.mailjet.written("contactslist_managecontact")) == (0 if imports else many)
    assert call(scene, "state", "job_id") == (("running", 5) if imports else ("done", None))
    if imports:
        assert call(scene, "poll_at") == (NOW + timedelta(seconds=2),)
        ((_, data),) = scene.mailjet.written("contact_managemanycontacts")
        assert (len(data["Contacts"]), data["ContactsLists"]) == (
            many,
            [{"ListID": 41, "Action": "addnoforce"}],
        )


@pytest.mark.parametrize(
    ("fault", "tries", "failed", "seconds", "rests", "alarm"),
    [
        (Unreachable("away"), 0, 1, 15, [], False),
        (Unreachable("away"), 1, 1, 30, [], False),
        (UnknownOutcome("lost"), 7, 1, 1920, [], False),
        (NoCallFree(retry_after=1), 7, 0, 1, [], False),
        (Throttled(retry_after=90), 0, 0, 90, [90], False),
        (Throttled(retry_after=90), MAX_TRIES, 0, 90, [90], False),
        (Misconfigured("wrong key"), 0, 0, 300, [], True),
        (Misconfigured("wrong key"), MAX_TRIES, 0, 300, [], True),
    ],
)
@pytest.mark.parametrize("many", [1, 5])
def test_what_passes_is_tried_again_later(scene, fault, tries, failed, seconds, rests, alarm, many):
    put(scene, many, tries=tries)
    scene.mailjet.answers["contactslist"] = fault
    assert scene.pusher.push_once() == PushResult(alarm=str(fault) if alarm else None)
    assert (
        rows(scene, "state", "tries", "batch_limit", "error")
        == [("pending", tries + failed, 1000, str(fault))] * many
    )
    assert (seconds_until_due(scene), scene.bucket.rests) == (seconds, rests)


@pytest.mark.parametrize(("tries", "state"), [(MAX_TRIES - 1, "pending"), (MAX_TRIES, "refused")])
def test_after_eight_tries_it_is_given_up(scene, tries, state):
    put(scene, 1, tries=tries)
    scene.mailjet.answers["contactslist"] = Unreachable("away")
    assert scene.pusher.push_once() == PushResult()
    (found,) = rows(scene, "state", "error")
    given_up = f"given up after 8 tries: {Unreachable('away')}"
    assert found == (state, given_up if state == "refused" else str(Unreachable("away")))


def test_each_contact_of_a_call_that_failed_has_its_own_tries(scene):
    put(scene, 4)
    with scene.ledger.write() as connection:
        worn_out = mailjet_contacts.update().where(mailjet_contacts.c.email == "p002@x.example")
        connection.execute(worn_out.values(tries=MAX_TRIES))
    scene.mailjet.answers["contactslist"] = Unreachable("away")
    scene.pusher.push_once()
    first = ("pending", 1, str(Unreachable("away")), NOW + timedelta(seconds=15))
    assert [row for row in rows(scene, "state", "tries", "error", "due_at") if row[0] == "pending"] == [
        first
    ] * 3
    assert rows(scene, "state", "error")[2] == ("refused", f"given up after 8 tries: {Unreachable('away')}")


@pytest.mark.parametrize(
    ("fault", "tries"), [(Unreachable("away"), MAX_TRIES), (Unreachable("away"), 99), (WRONG, 0)]
)
def test_an_erasure_is_never_given_up_and_asks_once_an_hour(scene, fault, tries):
    put(scene, 1, task="erase", tries=tries)
    scene.mailjet.answers["error file"] = scene.mailjet.answers["contact"] = fault
    scene.pusher.push_once()
    assert rows(scene, "state", "error") == [("pending", str(fault))]
    assert seconds_until_due(scene) == 3600


@pytest.mark.parametrize(("running", "takes"), [(7, True), (8, False)])
def test_eight_imports_run_at_a_time(scene, running, takes):
    put(scene, 1)
    with scene.ledger.write() as connection:
        for number in range(running):
            row = {"id": f"c{number}", "state": "running", "contacts": 1, "refused": 0, "polls": 0}
            connection.execute(contact_calls.insert().values(**row, started_at=NOW, poll_at=NOW))
    assert (scene.pusher.push_once() is not None) is takes


@pytest.mark.parametrize(
    ("own", "told"),
    [({}, {}), ({"excluded": True}, {"IsExcludedFromCampaigns": True}), ({"barred": "spam"}, {"IsExcludedFromCampaigns": True})],
)  # fmt: skip
def test_an_import_says_whom_campaigns_leave_out(scene, own, told):
    put(scene, 4, **own)
    scene.pusher.push_once()
    ((_, data),) = scene.mailjet.written("contact_managemanycontacts")
    properties = {"Email": "p000@x.example", "Name": "P", "Properties": {"city": "Lyon"}}
    assert data["Contacts"][0] == properties | told


@pytest.mark.parametrize(
    ("task", "about"), [("erase", "p000@x.example"), ("bar", "p000@x.example"), ("move", None)]
)
def test_each_task_goes_its_way(scene, monkeypatch, task, about):
    done = []
    for name in ("erase", "bar", "move"):
        keep = lambda _call, whom, name=name: done.append((name, whom))  # noqa: E731
        monkeypatch.setattr(AddressChange, name, lambda _self, *given, keep=keep: keep(*given))
    put(scene, 1, task=task, moved_from="old@x.example" if task == "move" else None)
    assert scene.pusher.push_once() == PushResult(1)
    ((name, whom),) = done
    assert (name, whom if about else whom["moved_from"]) == (task, about or "old@x.example")
    assert scene.mailjet.calls == []


def test_nothing_that_waits_is_no_call(scene):
    put(scene, 1, due_at=NOW + MINUTE)
    assert scene.pusher.push_once() is None
    assert scene.mailjet.calls == []


@pytest.mark.parametrize(
    ("own", "lists", "properties", "excluded"),
    [
        ({}, [(41, "addnoforce")], {"city": "Lyon"}, []),
        ({"told_names": ["city", "gone"], "properties": {}}, [(41, "addnoforce")], {"city": None}, []),
        ({"excluded": True}, [(41, "addnoforce")], {"city": "Lyon"}, [True]),
        ({"barred": "spam"}, [(41, "addnoforce")], {"city": "Lyon"}, [True]),
        ({"told_excluded": True}, [(41, "addnoforce")], {"city": "Lyon"}, [False]),
        ({"told_excluded": True, "left_out": True}, [(41, "addnoforce")], {"city": "Lyon"}, []),
        (
            {"lists": [], "told_lists": ["billing"], "told_excluded": True},
            [(41, "remove")],
            {"city": "Lyon"},
            [],
        ),
        ({"told_lists": ["billing", "never"]}, [(41, "addnoforce")], {"city": "Lyon"}, []),
    ],
)
def test_what_mailjet_is_told_of_one_contact(scene, own, lists, properties, excluded):
    put(scene, 1, **own)
    assert scene.pusher.push_once() == PushResult(1)
    told = scene.mailjet.written("contactslist_managecontact")
    assert [(id_, data["Action"]) for id_, data in told] == lists
    assert [data["Properties"] for _, data in told] == [properties]
    put_ = [(id_, data["IsExcludedFromCampaigns"]) for id_, data in scene.mailjet.written("contact")]
    assert put_ == [(7, one) for one in excluded]


# ---- jobs that Mailjet works on


@pytest.fixture
def job(scene):
    put(scene, 5)
    scene.pusher.push_once()
    scene.clock.now = NOW + timedelta(seconds=2)
    return scene


def look(scene, **status):
    scene.mailjet.answers["GET contact_managemanycontacts"] = [status]
    return scene.poller.follow_once()


def test_a_job_is_looked_at_when_it_is_due_and_then_later_and_later(job):
    job.clock.now = NOW + timedelta(seconds=1)
    assert look(job, Status="In Progress") is None
    polls = []
    for _ in range(9):
        (job.clock.now,) = call(job, "poll_at")
        before = job.clock.now
        assert look(job, Status="In Progress") == PushResult()
        polls.append((call(job, "poll_at")[0] - before).total_seconds())
    assert polls == [4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0]
    assert {state for (state,) in rows(job, "state")} == {"flying"}


def test_a_job_that_is_done_told_all(job):
    assert look(job, Status="Completed") == PushResult(5)
    assert rows(job, "state", "told") == [("in_step", "f")] * 5
    assert call(job, "state", "refused") == ("done", 0)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"Status": "Error"}, "Mailjet could not finish the job"),
        ({"Status": "Abort"}, "Mailjet could not finish the job"),
        (WRONG, f"Mailjet does not know the job any more: {WRONG}"),
    ],
)
def test_a_job_that_is_lost_is_told_again(job, status, why):
    job.mailjet.answers["GET contact_managemanycontacts"] = status if status is WRONG else [status]
    done = job.poller.follow_once()
    assert done == PushResult(alarm=f"An import of 5 contacts has to be repeated: {why}.")
    due = job.clock.now + timedelta(seconds=15)
    assert rows(job, "state", "error", "due_at") == [("pending", why, due)] * 5
    assert call(job, "state", "note") == ("lost", why)


def test_a_service_follows_what_is_under_way_first_and_says_what_it_could_not_ask(job):
    service = ContactService(job.deps, lambda: None)
    job.mailjet.answers["GET contact_managemanycontacts"] = UnknownOutcome("Mailjet did not answer in time.")
    assert service.step() == PushResult(alarm="Mailjet did not answer in time.")
    job.mailjet.answers["GET contact_managemanycontacts"] = [{"Status": "Completed"}]
    job.clock.now += timedelta(minutes=30)
    assert service.step() == PushResult(5)
    assert service.step() is None
    assert service.debounce == job.deps.settings.settle


@pytest.mark.parametrize(("moment", "due"), [(NOW - timedelta(seconds=1), False), (NOW, True)])
def test_a_service_knows_whether_anything_is_due(scene, moment, due):
    put(scene, 1)
    scene.clock.now = moment
    assert ContactService(scene.deps, lambda: None).anything_due() is due


@pytest.mark.parametrize(("late", "lost"), [(timedelta(0), False), (timedelta(seconds=1), True)])
def test_a_job_has_its_time(job, late, lost):
    job.clock.now = NOW + JOB_DEADLINE + late
    done = look(job, Status="In Progress")
    assert (done.alarm is not None) is lost
    assert call(job, "state") == (("lost",) if lost else ("running",))


def test_whom_the_error_file_names_is_refused_and_the_rest_is_told(job):
    job.mailjet.answers["error file"] = [
        {"Email": "P001@X.example", "Error": "p001@x.example is odd"},
        {"Email": "stranger@x.example", "Error": "odd"},
    ]
    forgotten = []
    job.names.forget = lambda: forgotten.append("a property may have been deleted at Mailjet")
    assert look(job, Status="Completed", ErrorFile="e") == PushResult(
        4, "Mailjet did not take 1 of 5 contacts."
    )
    assert len(forgotten) == 1
    states = rows(job, "state", "error")
    assert states[1][0] == "refused"
    assert states[1][1]
    assert [state for state, _ in states] == ["in_step", "refused", "in_step", "in_step", "in_step"]


@pytest.mark.parametrize("file", [[], [{"Email": "stranger@x.example", "Error": "odd"}], "odd"])
def test_an_error_file_that_names_nobody_halves_the_call(job, file):
    job.mailjet.answers["error file"] = file
    done = look(job, Status="Completed", ErrorFile="e")
    why = "Mailjet's error file does not say which contact it means"
    assert done == PushResult(alarm=f"{why}; 5 contacts are pushed again in smaller calls.")
    assert rows(job, "state", "batch_limit", "due_at") == [("pending", 2, job.clock.now)] * 5


def test_an_error_file_about_one_contact_needs_no_name(scene):
    put(scene, 1)
    with scene.ledger.write() as connection:
        claim(connection, "c", now=NOW, until=NOW + LEASE, limit=1000)
        started(connection, "c", 5, poll_at=NOW)
    look(scene, Status="Completed", ErrorFile="e")
    assert rows(scene, "state") == [("refused",)]


def test_a_worker_that_died_in_the_middle_leaves_its_contacts_to_others(scene):
    put(scene, 2)
    with scene.ledger.write() as connection:
        claim(connection, "c", now=NOW, until=NOW + LEASE, limit=1000)
    assert scene.poller.follow_once() is None
    scene.clock.now = NOW + LEASE
    assert scene.poller.follow_once() == PushResult(2)
    assert (
        rows(scene, "state", "error", "due_at")
        == [("pending", "the worker that pushed it is gone", scene.clock.now)] * 2
    )


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ([{"Email": "A@x.example", "Error": "bad"}], {"a@x.example": "bad"}),
        ({"rows": [{"email": "a@x.example", "ErrorMessage": "bad"}]}, {"a@x.example": "bad"}),
        ([{"Email": "a@x.example", "Errors": ["bad", "worse"]}], {"a@x.example": "bad, worse"}),
        (
            [{"Email": "a@x.example", "Errors": {"age": "no int", "plan": ["odd", "old"]}}],
            {"a@x.example": "age: no int, plan: odd, old"},
        ),
        ([{"Email": "a@x.example", "Error": "one", "errors": "two"}], {"a@x.example": "one; two"}),
        ([{"Email": "a@x.example", "Error": "a@x.example is odd"}], {"a@x.example": "the address is odd"}),
        ([{"Email": "a@x.example"}], {"a@x.example": "without a reason"}),
        ([{"Email": ""}, {"Name": "a"}, 7, None], {}),
        ("odd", {}),
    ],
)
def test_an_error_file_of_any_shape(file, found):
    assert refusals(file) == found


# ---- properties and lists


def made(scene, endpoint):
    return [data["Name"] for _, data in scene.mailjet.written(endpoint)]


def test_what_is_missing_is_made_once_and_looked_up_again_in_time(scene):
    scene.mailjet.answers["POST contactslist"] = [{"ID": 50}]
    for minutes, reads in ((0, 1), (29, 1), (30, 2)):
        now = NOW + minutes * MINUTE
        assert FRESH == 30 * MINUTE
        scene.names.properties({"city", "age"}, now=now)
        scene.names.lists(["crm-billing", "crm-tech"], now=now)
        asked = [
            1 for method, name, *_ in scene.mailjet.calls if (method, name) == ("GET", "contactmetadata")
        ]
        assert len(asked) == reads
    assert made(scene, "contactmetadata") == ["age", "age"], "once for each look"
    assert made(scene, "contactslist") == ["crm-tech", "crm-tech"]
    assert scene.names.known_lists(["crm-tech", "never"], now=NOW + 30 * MINUTE) == {"crm-tech": 50}


def test_what_is_forgotten_is_looked_up_at_once(scene):
    scene.names.properties({"city"}, now=NOW)
    scene.names.forget()
    scene.names.properties({"city"}, now=NOW)
    assert [name for _, name, *_ in scene.mailjet.calls].count("contactmetadata") == 2


def test_a_property_of_another_type_is_a_sentence(scene):
    scene.mailjet.answers["contactmetadata"] = [{"Name": "age", "Datatype": "str"}]
    with pytest.raises(
        Misconfigured, match=r"properties\.age is int in the configuration and str at Mailjet"
    ):
        scene.names.properties({"age"}, now=NOW)


TAKEN = Refused("taken", code="MJ18")


def test_a_property_that_somebody_else_makes_meanwhile_is_theirs(scene):
    scene.mailjet.answers["POST contactmetadata"] = TAKEN
    scene.mailjet.answers["contactmetadata"] = [{"Name": "Age", "Datatype": "int"}]
    assert scene.names.properties({"age"}, now=NOW)["age"] == "int"
    scene.mailjet.answers["contactmetadata"] = [{"Name": "AGE", "Datatype": "float"}]
    scene.names.forget()
    with pytest.raises(Misconfigured, match="float at Mailjet"):
        scene.names.properties({"age"}, now=NOW)


def test_a_list_that_somebody_else_makes_meanwhile_is_theirs_and_a_deleted_one_nobodys(scene):
    scene.mailjet.answers["POST contactslist"] = TAKEN
    with pytest.raises(Misconfigured, match="Mailjet has a deleted list of this name"):
        scene.names.lists(["old"], now=NOW)
    plain = scene.mailjet.rest

    def rest(asked):
        if (asked.method, asked.endpoint) == ("POST", "contactslist"):
            scene.mailjet.answers["contactslist"] = [{"ID": 60, "Name": "crm-tech"}]
        return plain(asked)

    scene.mailjet.rest = rest
    assert scene.names.lists(["crm-tech"], now=NOW) == {"crm-tech": 60}


@pytest.mark.parametrize(
    ("endpoint", "ask"),
    [
        ("POST contactslist", lambda names: names.lists(["crm-tech"], now=NOW)),
        ("POST contactmetadata", lambda names: names.properties({"age"}, now=NOW)),
    ],
)
def test_any_other_refusal_goes_up(scene, endpoint, ask):
    scene.mailjet.answers[endpoint] = WRONG
    with pytest.raises(Refused):
        ask(scene.names)

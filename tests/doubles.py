"""Stand-ins for what the stories work with: a Mailjet that remembers, a bucket, files, a clock."""

from datetime import timedelta
from functools import cache
from itertools import count
from types import SimpleNamespace

from mailworker.config.settings import parse_settings
from mailworker.core.settlement import Receipt
from mailworker.errors import UnknownOutcome
from mailworker.limits import Permit
from mailworker.mailjet.send_payload import encoded_size
from mailworker.rules.circuit_breaker import Clearance
from tests.rows import NOW, STRICT, URGENT

CONFIG = f"""
mailjet:
  api_key: k
  api_secret: s
  {STRICT}: {{from_email: a@container.example, from_name: A, template_id: 1, subject: Bienvenue, when_unknown: ask}}
  {URGENT}: {{from_email: a@container.example, from_name: A, template_id: 2, subject: Lien}}
  api_crmCommunicationCustomerInvoice:
    {{from_email: a@container.example, from_name: A, template_id: 3, subject: "Votre Facture - "}}
  api_crmCommunicationOurNews:
    {{from_email: a@container.example, from_name: A, template_id: 4, subject: N, variables: [], service: false}}
worker:
  max_attempts: 4
"""


@cache
def settings(extra=""):
    return parse_settings(CONFIG + extra, environ={})


class Clock:
    """Tells the time that the test set."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


def mailjet_list(rows):
    """A list of Mailjet's REST API, whole."""
    return {"Count": len(rows), "Data": list(rows), "Total": len(rows)}


class FakePost:
    """A Mailjet: `answer` decides each mail's fate, or raises for the whole call; `calls` remembers them."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda mail: Receipt(next(self.numbers), "uuid"))
        self.numbers = count(1)
        self.calls = []
        self.questions = []
        self.taken = []

    def weigh(self, mail):
        return encoded_size(mail)

    def send(self, mails, *, call_id, sandbox=False):
        if sandbox:
            self.questions += mails
            return [self.answer(mail) for mail in mails]
        self.calls.append([mail.id for mail in mails])
        self.mails = list(mails)
        fates = [self.answer(mail) for mail in mails]
        self.taken += [mail.id for mail, fate in zip(mails, fates, strict=True) if isinstance(fate, Receipt)]
        return fates


class FakeBreaker:
    """Lets every call leave, unless told otherwise; remembers what it was told."""

    def __init__(self):
        self.clearance = Clearance()
        self.told = []

    def wait(self, *, urgent=False):
        return self.clearance.wait

    def enter(self, call_id, *, urgent=False):
        return self.clearance, ""

    def carry(self, call_id, messages):
        self.carried = messages

    def leave(self, call_id):
        self.told.append(("left", call_id))

    def answered(self, call_id):
        self.told.append(("answered", call_id))
        return ""

    def unanswered(self, call_id, reason, retry_after=0.0):
        self.told.append(("unanswered", reason, retry_after))
        return ""


class FakeBucket:
    """Always has a token, unless told otherwise."""

    def __init__(self):
        self.numbers = 0
        self.given_back = 0
        self.pauses = []
        self.closed = False

    def take(self, lane, *, patience, worth_waiting=lambda: True):
        self.numbers += 1
        return None if self.closed or not worth_waiting() else Permit(f"call-{self.numbers}")

    def give_back(self, permit):
        self.given_back += 1

    def pause(self, asked=0.0):
        self.pauses.append(asked)
        return max(asked, 5.0)


class MemoryJournal:
    """Remembers the last call of every message."""

    def __init__(self):
        self.calls = {}

    def last_calls(self, ids):
        return {id_: self.calls[id_] for id_ in ids if id_ in self.calls}

    def note(self, ids, at):
        self.calls |= dict.fromkeys(ids, at)


class FakeFiles:
    """Files in a dict; an exception as content is raised."""

    def __init__(self, **content):
        self.content = content

    def get(self, key):
        found = self.content.get(key)
        if isinstance(found, Exception):
            raise found
        return found

    def put(self, key, pdf):
        self.content[key] = pdf

    def delete(self, key):
        self.content.pop(key, None)


class FakeLookup:
    """Mailjet's index: knows `known`, and counts the questions."""

    def __init__(self, *known):
        self.known = set(known)
        self.questions = []

    def one(self, custom_id):
        self.questions.append(custom_id)
        return Receipt(7, "found") if custom_id in self.known else None

    def between(self, since, until):
        self.questions.append((since, until))
        return {id_: Receipt(7, "found") for id_ in self.known}


def silence(_mail):
    raise UnknownOutcome("Mailjet did not answer in time.")


def box(**parts):
    return SimpleNamespace(**parts)

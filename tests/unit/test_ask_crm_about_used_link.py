"""A reset whose link was used meanwhile does not leave; a CRM that cannot say stops nothing."""

from datetime import timedelta

import pytest

from mailworker.config.builtin_kinds import PASSWORD_RESET, VERIFICATION
from mailworker.dispatch.ask_crm_about_used_link import UsedLinkCheck
from mailworker.errors import BadInput, TransientError
from mailworker.rules.crm_facts import Token
from mailworker.rules.pre_send.used_link import token_id
from mailworker.rules.pre_send.verdicts import Cancel
from tests.rows import NOW, STRICT, row


class Crm:
    def __init__(self, tokens, offers=True, fault=None):
        self.tokens, self._offers, self.fault, self.asked = tokens, offers, fault, []

    def offers(self, question):
        assert question == "tokens"
        return self._offers

    def token(self, id_):
        self.asked.append(id_)
        if self.fault:
            raise self.fault
        if isinstance(found := self.tokens.get(id_), BadInput):
            raise found
        return found


TOKENS = {
    "used": Token(token_id="used", used=True),
    "late": Token(token_id="late", used=False, expires_at=NOW),
    "live": Token(token_id="live", used=False, expires_at=NOW + timedelta(minutes=1)),
    "open": Token(token_id="open", used=False),
}

USED = Cancel("its link was used meanwhile")


def asked(crm, *keys, kind=PASSWORD_RESET):
    rows = [row(key, kind=kind, idempotency_key=key) for key in keys]
    return UsedLinkCheck(lambda: crm, clock=lambda: NOW)(rows)


def test_a_token_that_the_crm_takes_for_none_is_looked_past_alone():
    crm = Crm(TOKENS | {"odd": BadInput("no such id")})
    assert asked(crm, "reset:odd", "reset:used") == {"reset:used": USED}


def test_used_and_expired_links_end_and_others_leave():
    crm = Crm(TOKENS)
    found = asked(crm, "reset:used", "reset:late", "reset:live", "reset:open", "reset:unknown", "plain")
    assert found == {"reset:used": USED, "reset:late": Cancel("its link has expired")}
    assert crm.asked == ["used", "late", "live", "open", "unknown"]
    assert asked(crm, "verify:used", kind=VERIFICATION) == {"verify:used": USED}


@pytest.mark.parametrize("added", ["", "#again"])
@pytest.mark.parametrize("own", ["used#2", "2#used", "live"])
def test_another_token_is_not_taken_for_this_one(own, added):
    crm = Crm(TOKENS)
    assert asked(crm, f"reset:{own}{added}") == {}
    assert crm.asked == [own]


@pytest.mark.parametrize("crm", [Crm(TOKENS, offers=False), Crm(TOKENS, fault=TransientError("away"))])
def test_who_cannot_say_stops_nothing(crm):
    assert asked(crm, "reset:used") == {}


def test_other_kinds_are_not_asked_about():
    crm = Crm(TOKENS)
    assert asked(crm, "reset:used", kind=STRICT) == {}
    assert crm.asked == []


@pytest.mark.parametrize(
    ("key", "id_"), [("reset:4711#a@b.example", "4711"), ("a:b:c", "b:c"), ("plain", "")]
)
def test_the_tokens_id_stands_in_the_key(key, id_):
    assert token_id({"idempotency_key": key}) == id_

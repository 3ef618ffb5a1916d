"""One mailbox is one person, however its address is written."""

import unicodedata

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.core.canonical_address import canonical_address, same_address, with_ascii_domain
from mailworker.rules.job.addresses import normal_email
from mailworker.rules.pseudonym import pseudonym, pseudonyms

LABELS = st.text("abcxyz0189äöüéèçñøåłžαβгдж中日", min_size=1, max_size=12).filter(
    lambda label: label == unicodedata.normalize("NFC", label)
)
LOCALS = st.text("abcXYZ019éÉèäÖñçßø.+-_", min_size=1, max_size=20).filter(
    lambda text: ".." not in text and text.strip(".") == text
)


def domain_of(labels):
    try:
        return idna.decode(idna.encode(".".join([*labels, "fr"]), uts46=True))
    except idna.IDNAError:
        return "exämple.fr"


ADDRESSES = st.builds(
    lambda local, labels: f"{local}@{domain_of(labels)}", LOCALS, st.lists(LABELS, min_size=1, max_size=3)
)


def spellings(email):
    local, _, domain = email.rpartition("@")
    domains = {domain, domain.upper(), idna.encode(domain).decode(), idna.encode(domain).decode().upper()}
    domains |= {unicodedata.normalize("NFD", domain), domain.replace(".", "\u3002")}
    locals_ = {local, local.upper(), local.lower(), local.swapcase()}
    locals_ |= {unicodedata.normalize("NFD", one) for one in set(locals_)}
    return {f"{one}@{other}" for one in locals_ for other in domains} | {f"  {email}\n"}


@given(ADDRESSES)
def test_every_spelling_is_the_same_person(email):
    canonical = canonical_address(email)
    for spelling in spellings(email):
        assert canonical_address(spelling) == canonical
        assert same_address(spelling, email)
        assert pseudonym(spelling) == pseudonym(email)


@given(st.one_of(ADDRESSES, st.text(max_size=40)))
def test_the_canonical_form_of_the_form_is_itself(text):
    assert canonical_address(canonical_address(text)) == canonical_address(text)


@given(ADDRESSES)
def test_what_mailjet_is_told_comes_back_as_the_same_person(email):
    assert with_ascii_domain(email).rpartition("@")[2].isascii()
    assert same_address(with_ascii_domain(email), email)


@given(ADDRESSES)
def test_what_the_intake_makes_of_it_is_the_same_person(email):
    try:
        normal = normal_email(email)
    except ValueError:
        return
    assert same_address(normal, email)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana@example.com", "anna@example.com"),
        ("ana@example.com", "ana@example.org"),
        ("ana+1@example.com", "ana+2@example.com"),  # two mailboxes, at some servers
        ("a.na@example.com", "ana@example.com"),
        ("ana@straße.de", "ana@strasse.de"),  # two domains since IDNA 2008
        ("ana@sub.example.com", "ana@example.com"),
    ],
)
def test_two_people_are_two(one, other):
    assert not same_address(one, other)


def test_a_pseudonym_of_before_is_still_known():
    assert len(pseudonyms("ana@example.com")) == 1
    assert len(pseudonyms("ana@exämple.fr")) == 2
    assert set(pseudonyms("ANA@xn--exmple-cua.fr")) == set(pseudonyms("ana@exämple.fr"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"ana"@b.fr', "ana@b.fr", True),
        ('"Ana.Bo"@B.fr.', "ana.bo@b.fr", True),
        ('"a\\na"@b.fr', "ana@b.fr", True),
        ("ana@b.fr.", "ana@b.fr", True),
        ('"é"@b.fr', "E\u0301@b.fr", True),
        ('"ana bo"@b.fr', "ana bo@b.fr", False),
        ('"ana..bo"@b.fr', "ana..bo@b.fr", False),
        ('"ana@c.fr"@b.fr', "ana@c.fr", False),
        ('""@b.fr', "@b.fr", False),
        ('"@b.fr', "@b.fr", False),
    ],
)
def test_quotes_and_the_roots_dot(one, other, same):
    assert (canonical_address(one) == canonical_address(other)) is same

"""An address is found wherever it stands, however it is written there, and nobody else's is."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.core.canonical_address import canonical_address
from mailworker.rules.address_mentions import mentions, probe, without_mentions
from tests.unit.test_address import ADDRESSES, spellings

AROUND = st.sampled_from(
    ["{}", "Write to {}.", "<{}>", "welcome:{}", "a@b.fr,{};c@d.fr", "mailto:{}?subject=x", '"{}"', "({})!"]
)


@given(ADDRESSES, AROUND, st.data())
def test_every_spelling_is_found_and_replaced(email, around, data):
    name = canonical_address(email)
    written = data.draw(st.sampled_from(sorted(spellings(email)))).strip()
    value = {"invoice": [{"client": around.format(written)}, 7, None], "other": "x@y.fr"}
    assert mentions(value, name)
    assert probe(name) in json.dumps(value).lower(), "the database finds it first"
    erased = without_mentions(around.format(written), name, "erased-1")
    assert not mentions(erased, name)
    assert erased == around.format("erased-1")


@pytest.mark.parametrize(
    "text", ["anna@example.com", "ana@example.org", "xana@example.com", "ana@example.com.au", "ana", "", "a@"]
)
def test_nobody_else_is_meant(text):
    assert not mentions({"a": text}, "ana@example.com")
    assert without_mentions(text, "ana@example.com", "erased-1") == text


def test_an_odd_local_part_is_found_too():
    name = "o'neil/sales=x@example.com"
    assert mentions("To: O'Neil/Sales=X@example.com.", name)
    assert without_mentions("key:O'neil/sales=x@example.com", name, "erased-1") == "key:erased-1"


#: As addresses were looked for until now: right, and for ever in a word of megabytes.
SLOWLY = re.compile(r"[^\s<>\"'(),;:|=#/\\\[\]{}]+@[^\s<>\"'(),;:|=#/\\\[\]{}?!&%*+$^`~@]+")


@given(st.text("ab.@?&,<> ", max_size=40))
def test_what_a_plain_search_finds_is_found(text):
    for found in {one.strip(".!?") for one in SLOWLY.findall(text)}:
        assert mentions(text, canonical_address(found))
        assert not mentions(
            without_mentions(text, canonical_address(found), "erased-1"), canonical_address(found)
        )


@pytest.mark.parametrize(
    "around", ["{} ana@example.com", "ana@example.com {}", "ana@example.com&{}", "@{}@", "{}@"]
)
def test_a_word_of_megabytes_ends(around):
    text = around.format("x" * 5_000_000)
    assert mentions(text, "ana@example.com") is ("ana" in around)
    assert len(without_mentions(text, "ana@example.com", "erased-1")) >= 5_000_000

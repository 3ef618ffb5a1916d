"""The rules of deliveries, as tables."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from mailworker.rules.delivery_status import Delivery, delivery_of, furthest
from mailworker.rules.pseudonym import is_pseudonym, pseudonym
from mailworker.rules.recipient_gate import HARD_REASONS
from mailworker.rules.suppression_reasons import (
    REASONS,
    SOFT_BOUNCES,
    Listing,
    Trial,
    soft_bounced_too_often,
    weightier,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
D = Delivery


@pytest.mark.parametrize(
    ("event", "hard", "error", "means"),
    [
        ("sent", None, "", D.DELIVERED),
        ("bounce", True, "user unknown", D.BOUNCED),
        ("bounce", False, "quota exceeded", D.SOFT_BOUNCED),
        ("bounce", None, "", D.SOFT_BOUNCED),  # what does not say that it is hard is not
        ("bounce", False, "Greylisted", D.DEFERRED),
        ("bounce", True, "greylisted", D.BOUNCED),
        ("parsed", None, "", None),
        ("", None, "", None),
    ],
)
def test_what_an_event_tells(event, hard, error, means):
    assert delivery_of(event, hard=hard, error=error) is means


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ([], None),
        ([None, None], None),
        ([D.DEFERRED, D.SOFT_BOUNCED, D.DELIVERED], D.DELIVERED),
        ([D.DELIVERED, D.OPENED, None], D.OPENED),
        ([D.CLICKED, D.BOUNCED, D.SPAM], D.SPAM),
        ([D.CLICKED, D.BOUNCED], D.BOUNCED),
    ],
)
def test_the_furthest_wins_in_any_order(told, end):
    assert {furthest(order) for order in permutations(told)} == {end}


def trial(message, minute, *, arrived=False):
    return Trial(message, NOW + timedelta(minutes=minute), arrived)


@pytest.mark.parametrize(
    ("history", "listed"),
    [
        ([], False),
        ([trial("a", 1), trial("b", 2)], False),
        ([trial("a", 1), trial("b", 2), trial("c", 3)], True),
        ([trial("a", 1), trial("a", 2), trial("b", 3)], False),  # one mail twice is one mail
        ([trial("a", 1), trial("b", 2), trial("x", 3, arrived=True), trial("c", 4)], False),
        ([trial("x", 0, arrived=True), trial("a", 1), trial("b", 2), trial("c", 3)], True),
        ([trial("a", 3), trial("b", 3), trial("c", 3), trial("x", 3, arrived=True)], False),
    ],
)
def test_three_and_two_in_a_row(history, listed):
    five = [*history, trial("y", 5), trial("z", 5)]
    assert {soft_bounced_too_often(order) for order in permutations(five)} == {listed}


def test_of_two_reasons_the_weightier_stays_in_either_order():
    for one, other in permutations(REASONS, 2):
        kept = weightier(Listing(one, NOW), Listing(other, NOW + timedelta(days=1)))
        assert kept == weightier(Listing(other, NOW + timedelta(days=1)), Listing(one, NOW))
        assert kept.reason == max(one, other, key=REASONS.index)


@pytest.mark.parametrize(("reason", "kept"), [("spam", NOW), ("preblocked", NOW + timedelta(days=1))])
def test_a_passing_trouble_is_counted_from_its_last_word_a_lasting_one_from_its_first(reason, kept):
    listings = Listing(reason, NOW), Listing(reason, NOW + timedelta(days=1))
    assert {weightier(*order).since for order in permutations(listings)} == {kept}


def test_only_what_will_not_pass_stops_service_mail():
    assert HARD_REASONS == {"spam", "hard_bounce", "blocked"} <= set(REASONS)


def test_a_stand_in_is_the_same_for_every_way_to_write_the_address():
    assert (
        pseudonym(" Claire@Example.com ") == pseudonym("claire@example.com") != pseudonym("paul@example.com")
    )
    assert is_pseudonym(pseudonym("claire@example.com"))
    assert "claire" not in pseudonym("claire@example.com")
    assert not is_pseudonym("erased-claire@example.com")


def test_only_failures_since_the_last_arrival_count():
    """A healthy address bounces now and then: each time a mail arrived since."""
    history = []
    for number in range(SOFT_BOUNCES):
        failed = NOW + timedelta(days=2 * number)
        history += [
            Trial(f"f{number}", failed, arrived=False),
            Trial(f"a{number}", failed + timedelta(days=1), arrived=True),
        ]
    assert not soft_bounced_too_often(history)
    assert not soft_bounced_too_often(history[::-1])
    later = [Trial(f"l{n}", NOW + timedelta(days=90 + n), arrived=False) for n in range(SOFT_BOUNCES)]
    assert soft_bounced_too_often(history + later)
    assert not soft_bounced_too_often(history + later[1:])


@pytest.mark.parametrize("softer", ["soft_bounces", "preblocked", "unsubscribed", "blocked"])
def test_what_a_person_put_on_the_list_is_not_replaced_by_a_softer_word(softer):
    by_hand = Listing("asked for it on the phone", NOW)
    assert weightier(by_hand, Listing(softer, NOW + timedelta(days=1))) == by_hand
    assert weightier(Listing(softer, NOW - timedelta(days=1)), by_hand) == by_hand
    assert weightier(by_hand, Listing("spam", NOW)).reason == "spam"

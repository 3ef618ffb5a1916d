"""Who asks ten thousand times for a link gets a few, and nobody else waits for it."""

import pytest
from sqlalchemy import func, select

from mailworker.config.settings import parse_settings
from mailworker.core.lane import Lane
from mailworker.errors import ConfigError
from mailworker.ledger.tables import messages
from mailworker.rules.job.idempotency_key import message_id
from tests.doubles import CONFIG
from tests.rows import STRICT, URGENT, after, row
from tests.unit.test_dispatch import World

VICTIM = "victim@client.example"


@pytest.fixture
def world(ledger_file):
    made = []

    def make(*rows, **options):
        made.append(World(ledger_file, **options).put(*rows))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()


def reset(number, email=VICTIM, **changes):
    given = {"kind": URGENT, "lane": 0, "to_email": email, "to_canonical": email.lower()}
    variables = {"user_name": "Z", "reset_url": f"https://crm.example/r/{number}"}
    accepted = {"accepted_at": after(number / 1000), "variables": variables}
    return row(message_id(f"{email}{number}"), **given | accepted | changes)


def states(world):
    with world.ledger.read() as connection:
        rows = connection.execute(
            select(messages.c.state, func.count().label("count")).group_by(messages.c.state)
        )
        return {one.state: one[1] for one in rows}


def test_a_flood_to_one_address_ends_after_five_and_the_innocent_goes_first(world):
    w = world(*(reset(n) for n in range(2_000)), reset(2_000, "innocent@client.example", not_before=after(1)))
    w.clock.advance(2)
    w.go(Lane.URGENT)
    assert "innocent@client.example" in [mail.to.email for mail in w.post.mails]
    w.until_nothing_is_left()
    assert states(w) == {"sent": 6, "suppressed": 1_995}
    assert len(w.post.calls) <= 2, "what is stopped takes no call"


def test_what_is_stopped_says_why_and_loses_its_secret(world):
    w = world(*(reset(n) for n in range(7)))
    w.until_nothing_is_left()
    with w.ledger.read() as connection:
        stopped = (
            connection.execute(select(messages).where(messages.c.state == "suppressed")).mappings().all()
        )
    assert {one["reason"] for one in stopped} == {"one address gets at most 5 mails of a kind in 1 hour"}
    assert {tuple(one["variables"]) for one in stopped} == {("user_name",)}


def test_the_first_ones_go_and_after_an_hour_some_more(world):
    w = world(*(reset(n) for n in range(6)))
    w.until_nothing_is_left()
    assert w[message_id(f"{VICTIM}5")]["state"] == "suppressed", "the last one"
    w.put(reset(6))
    w.go(Lane.URGENT)
    assert w[message_id(f"{VICTIM}6")]["state"] == "suppressed"
    w.clock.advance(3_700)
    w.put(reset(7))
    w.go(Lane.URGENT)
    assert w[message_id(f"{VICTIM}7")]["state"] == "sent"


def test_two_workers_side_by_side_let_no_more_through(world):
    w = world(*(reset(n) for n in range(100)))
    departures = [w.dispatcher.prepare(Lane.URGENT, patience=1) for _ in range(2)]
    for departure in departures:
        if departure is not None:
            w.dispatcher.depart(departure)
    w.until_nothing_is_left()
    assert states(w) == {"sent": 5, "suppressed": 95}


def test_an_address_is_one_however_it_is_written(world):
    spelled = ["Victim@client.example", "victim@CLIENT.example", VICTIM]
    w = world(*(reset(n, spelled[n % 3], to_canonical=None) for n in range(9)))
    w.until_nothing_is_left()
    assert states(w) == {"sent": 5, "suppressed": 4}


def test_other_kinds_and_other_people_have_their_own_allowance(world):
    others = [reset(n, f"p{n}@client.example") for n in range(20)]
    welcome = [row(f"w{n}", kind=STRICT, to_email=VICTIM, to_canonical=VICTIM) for n in range(9)]
    w = world(*others, *(reset(n) for n in range(5)), *welcome)
    w.until_nothing_is_left()
    assert states(w) == {"sent": 34}


@pytest.mark.parametrize(
    ("written", "most", "seconds"),
    [("5/h", 5, 3600), ("20/2d", 20, 172_800), ("1 / 90s", 1, 90), ("none", None, 0)],
)
def test_the_configuration_sets_it(written, most, seconds):
    at_most = configured(written).kinds[URGENT].at_most
    assert (at_most and (at_most.count, at_most.period.total_seconds())) == (most and (most, seconds))


@pytest.mark.parametrize("written", ["5", "0/h", "h", "5/x", "-1/h", "5/0s"])
def test_what_is_no_limit_is_said(written):
    with pytest.raises(ConfigError, match="write 5/h, 20/d, or none"):
        configured(written)


def configured(written):
    text = CONFIG.replace(
        "template_id: 2, subject: Lien", f'template_id: 2, subject: Lien, at_most: "{written}"'
    )
    return parse_settings(text, environ={})


def test_the_default_is_for_links_alone():
    kinds = parse_settings(CONFIG, environ={}).kinds
    assert (kinds[URGENT].at_most.count, kinds[STRICT].at_most) == (5, None)

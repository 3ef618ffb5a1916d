"""What a kind's mails became, counted as a person would count them."""

import pytest

from mailworker.rules.delivery_rates import COUNTS, MailFigures, figures_of


@pytest.mark.parametrize(
    ("state", "delivery", "counted"),
    [
        ("sent", "", {"sent"}),
        ("sent", "accepted", {"sent"}),
        ("sent", "delivered", {"sent", "delivered"}),
        ("sent", "opened", {"sent", "delivered", "opened"}),
        ("sent", "clicked", {"sent", "delivered", "opened", "clicked"}),
        ("sent", "unsubscribed", {"sent", "delivered", "unsubscribed"}),
        ("sent", "spam", {"sent", "delivered", "complained"}),
        ("sent", "bounced", {"sent", "bounced"}),
        ("sent", "soft_bounced", {"sent", "bounced"}),
        ("sent", "blocked", {"sent", "blocked"}),
        ("failed", "", {"failed"}),
        ("suppressed", "", {"suppressed"}),
        ("expired", "", {"expired"}),
        ("cancelled", "", {"cancelled"}),
        ("ready", "", set()),
        ("unknown", "", set()),
        ("failed", "delivered", {"failed"}),
    ],
)
def test_each_fate_counts_where_it_belongs_and_nowhere_else(state, delivery, counted):
    assert figures_of([(state, delivery, 7)]).counts() == {name: 7 * (name in counted) for name in COUNTS}


def test_fates_add_up():
    tallies = [("sent", "delivered", 3), ("sent", "clicked", 2), ("sent", "bounced", 1), ("failed", "", 4)]
    figures = figures_of(tallies)
    assert figures == MailFigures(sent=6, delivered=5, opened=2, clicked=2, bounced=1, failed=4)
    assert figures + figures_of([("expired", "", 1)]) == figures_of([*tallies, ("expired", "", 1)])
    assert figures_of([]) == MailFigures()


def test_rates_are_shares_of_what_could_have_been():
    figures = MailFigures(
        sent=100, delivered=80, bounced=5, blocked=10, opened=40, clicked=8, complained=2, unsubscribed=4
    )
    assert figures.rates() == {
        "delivered": 0.8,
        "bounced": 0.05,
        "blocked": 0.1,
        "opened": 0.5,
        "clicked": 0.1,
        "complained": 0.025,
        "unsubscribed": 0.05,
    }
    assert set(MailFigures().rates().values()) == {None}
    assert MailFigures(sent=1).rates()["delivered"] == 0
    assert MailFigures(sent=1).rates()["opened"] is None

"""One call takes what fits, in order, and the first one always."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.rules.fill_call import ENVELOPE_BYTES, fill

ROOMY = 15_000_000


def candidates(*rows):
    """(recipients, bytes, batch_limit), named 0, 1, 2 ..."""
    return [
        {"id": str(n), "recipients": r, "content_bytes": b, "batch_limit": limit}
        for n, (r, b, limit) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "body_bytes", "chosen"),
    [
        ([], ROOMY, ""),
        ([(1, 100, 50)] * 3, ROOMY, "0 1 2"),
        ([(1, 100, 50)] * 51, ROOMY, " ".join(map(str, range(50)))),  # 50 messages a call
        ([(30, 100, 50), (30, 100, 50), (20, 100, 50)], ROOMY, "0 2"),  # 50 recipients, Cc and Bcc counted
        ([(1, 600, 50), (1, 600, 50), (1, 200, 50)], 1_000 + ENVELOPE_BYTES, "0 2"),  # bytes
        ([(1, 9_000_000_000, 50), (1, 1, 50)], ROOMY, "0"),  # too large alone: goes, to be found out
        ([(99, 1, 50), (1, 1, 50)], ROOMY, "0"),
        ([(1, 1, 50), (1, 1, 2), (1, 1, 50)], ROOMY, "0 1"),  # the tightest limit holds for all
        ([(1, 1, 1), (1, 1, 50)], ROOMY, "0"),  # must travel alone
        ([(1, 1, 50), (1, 1, 1), (1, 1, 50)], ROOMY, "0 2"),  # the loner waits for its own call
    ],
)
def test_filling(rows, body_bytes, chosen):
    assert fill(candidates(*rows), body_bytes) == chosen.split()


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 4_000_000), st.integers(1, 50)), max_size=80))
def test_a_call_never_carries_more_than_it_may(rows):
    offered = candidates(*rows)
    chosen = fill(offered, ROOMY)
    taken = [one for one in offered if one["id"] in chosen]
    assert [one["id"] for one in taken] == chosen, "in their order"
    assert bool(chosen) is bool(offered)
    assert len(chosen) <= min((one["batch_limit"] for one in taken), default=0)
    assert sum(one["recipients"] for one in taken) <= 50
    assert len(taken) <= 1 or sum(one["content_bytes"] for one in taken) + ENVELOPE_BYTES <= 15_000_000


def test_the_last_byte_counts_and_nothing_more():
    exact = ENVELOPE_BYTES + 300
    assert fill(candidates((1, 100, 50), (1, 200, 50)), exact) == ["0", "1"]
    assert fill(candidates((1, 100, 50), (1, 201, 50)), exact) == ["0"]
    assert fill(candidates((49, 1, 50), (1, 1, 50)), ROOMY) == ["0", "1"]
    assert fill(candidates((50, 1, 50), (1, 1, 50)), ROOMY) == ["0"]

"""An engine that answers anything: each question ends with an answer or with one of our sentences."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailworker.balances.cgrates_setup import EngineSetup
from mailworker.crm.cgrates import CgratesClient
from mailworker.errors import MailworkerError
from tests.unit.test_cgrates_setup import make  # noqa: F401 - fixtures

_WORDS = st.sampled_from(
    ["ID", "UniqueID", "Balance", "Type", "Value", "Static", "ActionType", "Identifier", "*topup", "*data", "rals",
     "thresholds_conns", "ActionTriggers", "BalanceMap", "ACT_MAILWORKER", "Action_50gb", "MAILWORKER_data_x_1",
     "ExtraParameters", "FilterIDs", "version", "cgrates.org:zoe", "NOT_FOUND", "<html>", "1e+21"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.just(1e21), _WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_WORDS, inner, max_size=4)),
    max_leaves=12,
)

#: A product's Action as it should be, but for one thing or two.
TOP_UP = st.fixed_dictionaries(
    {"ActionType": st.sampled_from(["*topup", "*reset_triggers"])},
    optional={
        "Balance": ANYTHING
        | st.fixed_dictionaries(
            {"Type": st.sampled_from(["*data", "*sms"])},
            optional=dict.fromkeys(("ID", "Value", "Weight", "Blocker"), ANYTHING),
        ),
        "ExpirationString": ANYTHING,
        "Weight": ANYTHING,
        "Filters": ANYTHING,
    },
)
ACTIONS = st.fixed_dictionaries({"Action_50gb": st.lists(TOP_UP, max_size=3)})


class OddEngine(CgratesClient):
    """Gives these Actions, and for the rest these results, one after the other; as JSON brings them."""

    def __init__(self, given_, results, actions):
        super().__init__(given_)
        self._results = results
        self._actions = actions

    def call(self, method, _parameters):
        """The next result."""
        found = self._results.pop() if self._results else None
        found = self._actions if method.endswith("GetActions") else found
        return json.loads(json.dumps(found), parse_float=str)


@pytest.fixture
def world(make):  # noqa: F811 - the fixture
    made = make()
    made.add("zoe", made.engine.balance("*data", "Data Package", 1), product="50gb")
    return made


@example(
    results=[None],
    actions={"Action_50gb": [{"ActionType": "*topup", "Balance": {"Type": "*data", "Value": "<html>"}}]},
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(results=st.lists(ANYTHING, min_size=1, max_size=8), actions=ACTIONS | ANYTHING)
def test_setup_and_doctor_have_a_sentence_for_whatever_the_engine_says(world, results, actions):
    section = world.settings.balances.cgrates
    for ask in (
        lambda setup: setup.faults(),
        lambda setup: list(setup.calls()),
        lambda setup: list(setup.threshold_calls()),
    ):
        client = OddEngine(section, [*results], actions)
        with contextlib.suppress(MailworkerError):
            assert all(str(one) for one in ask(EngineSetup(world.settings, world.crm, client)))
        client.close()
    client = OddEngine(section, [*results], actions)
    with contextlib.suppress(MailworkerError):
        client.accounts(["zoe"])
        client.actions(["Action_50gb"])
        client.version()
    client.close()

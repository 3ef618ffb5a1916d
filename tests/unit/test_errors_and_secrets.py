"""The error tree speaks for itself, and the secret type does not speak at all."""

import copy
import json
import pickle
import traceback

import pytest
from pydantic import BaseModel, ValidationError

from mailworker import errors
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Job
from mailworker.errors import BadInput, ConfigError, MailworkerError

TREE = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, MailworkerError)
]
PLAIN = [kind for kind in TREE if not issubclass(kind, BadInput | errors.Throttled)]


@pytest.mark.parametrize("kind", PLAIN)
def test_a_class_speaks_by_its_docstring_unless_told_better(kind):
    assert str(kind()) == kind.__doc__.strip().split("\n")[0]
    assert str(kind("better")) == "better"


def test_bad_input_keeps_all_faults():
    assert BadInput("one.").faults == ("one.",)
    fault = ConfigError(["one.", "two."])
    assert str(fault) == "one.\ntwo."
    again = pickle.loads(pickle.dumps(fault))
    assert type(again) is ConfigError
    assert again.faults == ("one.", "two.")


def test_throttled_and_refused_carry_their_facts():
    assert errors.Throttled(retry_after=7).retry_after == 7
    assert errors.Refused(code="mj-0013").code == "mj-0013"
    assert errors.Misconfigured(code="401").code == "401"


def test_every_error_is_of_the_three_ways_to_deal_with_it():
    ways = (errors.PermanentError, errors.TransientError, errors.UnknownOutcome)
    assert all(
        sum(issubclass(kind, way) for way in ways) == 1 for kind in TREE if kind is not MailworkerError
    )


HUSH = Secret("hush")


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{:>9}".format, "{!r}".format, lambda s: f"{[s]}", lambda s: "%s" % s,  # noqa: UP031
     lambda s: json.dumps({"a": s}, default=str), lambda s: str(vars(type("Box", (), {"s": s})))],
)  # fmt: skip
def test_a_secret_is_never_shown(show):
    assert "hush" not in show(HUSH)
    assert "***" in show(HUSH)


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_never_copied_out(way):
    with pytest.raises(TypeError, match="not serialised"):
        way(HUSH)


def test_a_secret_has_no_dict_and_gives_itself_only_when_asked():
    assert not hasattr(HUSH, "__dict__")
    assert HUSH.reveal() == "hush"
    assert (bool(HUSH), bool(Secret(""))) == (True, False)
    assert HUSH == Secret("hush") != Secret("other")
    assert HUSH != "hush"
    assert len({HUSH, Secret("hush")}) == 1


class Box(BaseModel):
    secret: Secret


@pytest.mark.parametrize("value", [17, "", None, ["hush"], {"hush": 1}, b"hush"])
def test_what_is_no_secret_is_refused_without_being_shown(value):
    with pytest.raises(ValidationError) as caught:
        Box(secret=value)
    assert "write it in quotes" in caught.value.errors()[0]["msg"]
    assert "hush" not in caught.value.errors()[0]["msg"]


def test_a_model_shows_stars():
    box = Box(secret="hush")
    assert "hush" not in repr(box) + box.model_dump_json()
    assert Box(secret=HUSH).secret is HUSH


def test_a_traceback_shows_no_secret():
    try:
        raise MailworkerError(f"at {HUSH}")  # noqa: TRY301
    except MailworkerError as fault:
        assert "hush" not in "".join(traceback.format_exception_only(fault))  # noqa: PT017


def test_the_clock_is_aware():
    assert utc_now().utcoffset().total_seconds() == 0


def test_nouns_hide_what_is_personal():
    zoe = Address("zoe@client.example", "Zoé")
    job = Job("i", "k", "kind", Lane.URGENT, zoe, {"user_name": "Zoé"}, cc=(zoe,), invoice={"client": "Zoé"})
    assert "zoe" not in repr(job).lower()
    assert "zoé" not in repr(job).lower()
    assert [Lane.from_word(lane.word) for lane in Lane] == list(Lane)

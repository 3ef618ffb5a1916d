"""A trial empties its own folder, and nobody else's."""

import pytest

from mailworker.cli.demo_run.folder import emptied
from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.errors import BadInput


def test_what_an_earlier_trial_left_is_removed_whatever_it_was(tmp_path):
    (tmp_path / "crm_config.yaml").write_text(trial_config({}), encoding="utf-8")
    (tmp_path / "celerybeat-schedule.bak").touch()
    (tmp_path / "logs").mkdir()

    emptied(tmp_path)

    assert not tmp_path.exists()


def test_an_empty_or_missing_folder_will_do(tmp_path):
    assert emptied(tmp_path) == tmp_path
    assert emptied(tmp_path / "none") == tmp_path / "none"


@pytest.mark.parametrize("name", ["thesis.txt", "crm_config.yaml"])
def test_anybody_elses_folder_stays_as_it_is(tmp_path, name):
    (tmp_path / name).write_text("mine", encoding="utf-8")

    with pytest.raises(
        BadInput, match=r"^--folder: .* holds files that no trial wrote; name an empty folder\.$"
    ):
        emptied(tmp_path)

    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"

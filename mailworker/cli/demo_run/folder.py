"""The folder that a trial writes into."""

import shutil
from pathlib import Path

from mailworker.cli.local_stack.trial_config import is_written_by_a_trial
from mailworker.errors import BadInput


def emptied(folder: Path) -> Path:
    """The folder, without what an earlier trial left there. BadInput where it holds anything else."""
    if folder.exists() and any(folder.iterdir()):
        if not is_written_by_a_trial(folder / "crm_config.yaml"):
            raise BadInput(f"--folder: {folder} holds files that no trial wrote; name an empty folder.")
        shutil.rmtree(folder)
    return folder

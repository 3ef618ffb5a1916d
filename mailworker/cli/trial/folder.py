"""The folder that a trial writes into."""

import shutil
from pathlib import Path

from mailworker.errors import BadInput

#: What a trial leaves behind; a folder with anything else is not ours to empty.
_OURS = {
    "logs",
    "redis",
    "invoices",
    "crm_config.yaml",
    "mailworker.db",
    "mailworker.db-wal",
    "mailworker.db-shm",
    "demo-crm.sqlite",
    "celerybeat-schedule",
    "celerybeat-schedule-shm",
    "celerybeat-schedule-wal",
    "celerybeat.pid",
}


def emptied(folder: Path) -> Path:
    """The folder, without what an earlier trial left there. BadInput where it holds anything else."""
    if not folder.exists():
        return folder
    found = {path.name for path in folder.iterdir()}
    if strange := sorted(name for name in found if name not in _OURS):
        raise BadInput(f"--folder: {folder} holds {strange[0]}, which no trial wrote; name an empty folder.")
    shutil.rmtree(folder)
    return folder

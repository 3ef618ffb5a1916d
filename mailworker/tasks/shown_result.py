"""What a task shows in Flower of what it did: counts, kinds and message ids, never a person."""

from mailworker.tasks.base import DiscreetTask

#: A task's result names so many message ids at the most: two full calls.
SHOWN_IDS = 100


class ShownTask(DiscreetTask):
    """Its result is kept nowhere; who looks at Flower sees it, ids included."""

    resultrepr_maxsize = 8192

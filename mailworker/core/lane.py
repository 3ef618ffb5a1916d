"""The three lanes of mail."""

from enum import IntEnum


class Lane(IntEnum):
    """Who goes first. A lower number overtakes every higher one; the ledger stores the number."""

    URGENT = 0
    NORMAL = 1
    BULK = 2

    @property
    def word(self) -> str:
        """The lane's name in queues, streams, metrics and configuration: `urgent`, `normal`, `bulk`."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> "Lane":
        """The lane called `urgent`, `normal` or `bulk`; KeyError for another word."""
        return cls[word.upper()]

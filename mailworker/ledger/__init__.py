"""The ledger: every message's row, its timeline, and what must be remembered about addresses.

The ledger is the truth. Every change of state is one UPDATE that names the state it expects, so a job
that runs twice finds nothing to do the second time.
"""

from mailworker.ledger.database import Ledger

__all__ = ["Ledger"]

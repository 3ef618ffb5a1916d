"""What happens to a message about an invoice before it is ready: fetch the invoice, make its PDF fit."""

from mailworker.prepare.preparer import Preparer, Tools

__all__ = ["Preparer", "Tools"]

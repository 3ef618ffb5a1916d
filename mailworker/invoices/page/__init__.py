"""What our templates print on an invoice: every value a finished text."""

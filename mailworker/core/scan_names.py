"""The scans by the names under which the ledger keeps their runs."""

OVERDUE_INVOICES = "overdue_invoices"
BALANCES = "balances"

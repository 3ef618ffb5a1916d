"""A page that was laid out once, filled in with other invoices' texts: no layout for the next ones."""

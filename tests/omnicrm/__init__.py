"""What OmniCRM and CGRateS have, for tests: files, a schema, REST routes, a charging engine."""

"""Pure functions that decide. One question a file; no clock, no network, no database."""

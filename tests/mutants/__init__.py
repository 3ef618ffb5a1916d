"""Mutation testing: a small change in code that decides must make a test fail. Run by `make mutants`."""

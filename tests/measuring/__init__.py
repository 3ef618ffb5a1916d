"""Which test executes which line of the product: for the floor of coverage, and for the mutants' choice of tests.

Python 3.11 can only trace every line of every module, and runs all of them twice as long for it. So a mark stands
before each statement of the product instead, and nothing before those of others.
"""

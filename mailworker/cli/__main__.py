"""`python -m mailworker.cli`, for where the script is not on the path."""

from mailworker.cli import main

main()

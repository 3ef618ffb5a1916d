"""`mailworker operator-password`: make the hash of an operator's password for the configuration."""

import sys

import typer

from mailworker.cli.console import answer
from mailworker.cli.shared_options import AsJson


def command(*, as_json: AsJson = False) -> None:
    """Ask for a password, and print its hash for web.logins in the configuration. Nothing keeps the password.

    Where there is no terminal, it is the first line of standard input.

    Example: mailworker operator-password
    """
    from mailworker.core.password_hash import hash_password

    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    made = str(hash_password(password))
    answer(made, {"password_hash": made}, as_json=as_json)

"""What other people wrote is printed as it is, and steers no terminal."""

import pytest

from mailworker.cli.console import console, table

HOSTILE = "[red]F[/red]\x1b[31m-7\x1b]0;pwned\x07\x9b2J\u202e321 [link=https://evil.example]x[/link]"
SEEN = "[red]F[/red][31m-7]0;pwned2J321 [link=https://evil.example]x[/link]"


@pytest.mark.parametrize(
    "print_it",
    [
        lambda out: out.print(f"Invoice ({HOSTILE})."),
        lambda out: out.print(HOSTILE, soft_wrap=True),
        lambda out: out.print(table(("why",), [(HOSTILE,)])),
    ],
)
def test_a_customers_text_is_printed_as_it_is_and_steers_nothing(print_it, capsys):
    print_it(console())
    out = capsys.readouterr().out
    assert SEEN in out
    assert out.replace("\n", "").isprintable()

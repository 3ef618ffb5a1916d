"""What other people wrote is printed as it is, and steers no terminal."""

import json

import pytest

from mailworker.cli.console import console, json_text, table, write_json
from mailworker.core.spreadsheet import cell

HOSTILE = "[red]F[/red]\x1b[31m-7\x1b]0;pwned\x07\x9b2J\u202e321 [link=https://evil.example]x[/link]"
SEEN = "[red]F[/red][31m-7]0;pwned›2J321 [link=https://evil.example]x[/link]"


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


def test_json_and_csv_steer_nothing_either_and_json_loses_nothing(capsys):
    write_json({"name": HOSTILE})
    out = capsys.readouterr().out
    assert (json.loads(out), json.loads(json_text([HOSTILE]))) == ({"name": HOSTILE}, [HOSTILE])
    assert out.replace("\n", "").isprintable()
    assert cell(HOSTILE) == SEEN

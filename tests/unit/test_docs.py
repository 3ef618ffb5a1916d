"""What README and docs show works as it stands: commands exist with their options, settings are taken, code runs."""

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml

from mailworker.cli import build
from mailworker.config.settings import Settings, parse_settings
from mailworker.core.states import State
from mailworker.errors import ConfigError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^( *)```([a-z]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(mailworker [a-z][^`\n]*)`")
A_HASH = f"scrypt:16384:8:5:{'s' * 22}:{'k' * 43}"
SECRETS = {
    name: A_HASH if name.endswith("_HASH") else "x"
    for name in re.findall(r"\$\{([A-Z_]+)\}", "".join(p.read_text("utf-8") for p in PAGES))
}
BASE = "mailjet: {api_key: k, api_secret: s}\n"


def blocks(*languages):
    """Every fenced block in one of these languages, by its page and line."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for found in _BLOCK.finditer(text):
            if found[2] in languages:
                line = text[: found.start()].count("\n") + 2
                body = re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE)
                yield pytest.param(body, id=f"{page.relative_to(ROOT)}:{line}")


def commands():
    """Every `mailworker ...` that a console block or a sentence shows."""
    for page in PAGES:
        text = page.read_text("utf-8")
        shown = [(text[: m.start()].count("\n") + 1, m[1]) for m in _INLINE.finditer(text)]
        for found in _BLOCK.finditer(text):
            if found[2] in {"console", "sh", "bash", ""}:
                start = text[: found.start(3)].count("\n") + 1
                joined = found[3].replace("\\\n", " ")
                shown += [
                    (start, line.strip().removeprefix("$ ").partition("  #")[0])
                    for line in joined.splitlines()
                    if line.strip().removeprefix("$ ").startswith("mailworker ")
                ]
        for line, command in shown:
            yield pytest.param(command, id=f"{page.relative_to(ROOT)}:{line} {command[:60]}")


COMMANDS = typer.main.get_command(build())


@pytest.mark.parametrize("shown", list(commands()))
def test_a_command_exists_with_its_options(shown):
    words = shlex.split(shown.replace("…", "").split("|")[0].split(">")[0].split("&&")[0])[1:]
    command = COMMANDS
    while hasattr(command, "get_command") and words:
        name = words[0]
        if name.startswith("-"):
            break
        found = command.get_command(None, name)
        if found is None:
            assert command.invoke_without_command or not re.fullmatch(r"[a-z-]+", name), (
                f"there is no {shown}"
            )
            break
        command, words = found, words[1:]
    known = {name for option in command.params for name in [*option.opts, *option.secondary_opts]} | {
        "--help"
    }
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    assert [option for option in given if option not in known] == []


@pytest.mark.parametrize("text", list(blocks("yaml")))
def test_a_snippet_of_settings_is_taken(text):
    data = yaml.safe_load(text)
    if not isinstance(data, dict) or not set(data) <= {*Settings.model_fields, "database"}:
        return  # another program's file, such as prometheus.yml
    for section in ("mailjet",):
        if isinstance(data.get(section), dict):
            data[section] = {"api_key": "k", "api_secret": "s"} | data[section]
    whole = yaml.safe_load(BASE) | data
    try:
        parse_settings(yaml.safe_dump(whole, allow_unicode=True), environ=SECRETS)
    except ConfigError as fault:
        # A snippet shows a part: what it shows must be right, what it leaves out may be missing.
        wrong = [
            one
            for one in fault.faults
            if not re.search(
                r"is missing|belong together|but sql\.url|no `database:` section|there is no kind", one
            )
        ]
        assert wrong == []


@pytest.mark.parametrize("text", list(blocks("python")))
def test_a_snippet_of_code_compiles_and_imports_what_there_is(text):
    tree = ast.parse(text)
    imports = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module and n.module.startswith("mailworker")
    ]
    for one in imports:
        exec(compile(ast.Module([one], []), "docs", "exec"), {})


def test_every_link_between_pages_leads_somewhere():
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text("utf-8"))
    ]
    broken = [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()]
    assert broken == []


def test_every_source_file_that_a_page_names_is_there():
    ours = {
        path.relative_to(ROOT).as_posix()
        for room in ("mailworker", "tests", "tasks", "docs")
        for path in (ROOT / room).rglob("*.py")
    }
    named = [
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", page.read_text("utf-8"))
    ]
    assert [
        (page, name) for page, name in named if not any(f"/{path}".endswith(f"/{name}") for path in ours)
    ] == []


def test_the_map_names_every_package_and_no_other():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text[text.index("## Where the code is") : text.index("Beside them")]
    named = {name.rstrip("/") for name in re.findall(r"`([a-z_]+(?:/|\.py))`", table)}
    package = ROOT / "mailworker"
    there = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    there |= {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    assert named == there


def test_the_map_has_the_states_that_there_are():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text[text.index("## States") : text.index("## Why it is")]
    assert {state.value for state in State} == set(re.findall(r"`([a-z]+)`", table)) - {"core"}


def test_the_glossary_stays_short():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert text[text.index("## Words") :].count("\n| ") - 2 <= 30


def test_the_reference_is_fresh():
    """Otherwise: make docs."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    stale = [
        name for name, text in generate.pages().items() if (generate.FOLDER / name).read_text("utf-8") != text
    ]
    assert stale == []


def test_every_page_stands_in_the_site():
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES if "docs" in page.parts}
    assert {page for page in pages if page not in nav} == set()


def test_no_page_installs_us_from_a_public_index():
    """Our name stands on none: there it would be missing, or somebody else's."""
    asked = re.compile(r"pip install [^\n]*[\"' ]omnicrm-mailworker")
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("mailworker/**/*.md")]
    assert [page.name for page in pages if asked.search(page.read_text("utf-8"))] == []

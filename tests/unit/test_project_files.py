"""What a newcomer meets first: Makefile, README, links, style of the whole."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("target", ["help", "setup", "demo", "dev", "test", "lint", "bench", "faults"])
def test_every_target_is_told_in_the_help(target: str):
    assert re.search(rf"^{target}:.*## \w", MAKEFILE, re.MULTILINE)
    assert re.search(rf"^\.PHONY: {target}$", MAKEFILE, re.MULTILINE)


def test_make_alone_shows_the_help():
    if shutil.which("make") is None:
        pytest.skip("make is not installed here")
    shown = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory"], capture_output=True, text=True, check=True
    )
    assert "demo" in shown.stdout
    assert "Send all ten kinds" in shown.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_that_pages_name_exist(page: Path):
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text("utf-8")))
    assert {name for name in named if not re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)} == set()


def test_the_picture_of_the_inbox_is_light():
    assert (ROOT / "docs" / "images" / "inbox.png").stat().st_size < 300_000


def test_the_image_s_lock_has_the_versions_of_the_other_one_and_every_hash():
    pinned = dict(
        re.findall(
            r"^([a-z0-9.-]+)==([^ \n]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE
        )
    )
    text = (ROOT / "requirements.image.lock").read_text("utf-8")
    image = re.findall(r"^([a-z0-9.-]+)==([^ \n]+).*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
    cure = "make lock-image"
    assert {n: v for n, v in image if n in pinned} == {n: pinned[n] for n, _ in image if n in pinned}, cure
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    assert [block.split("==")[0] for block in blocks if "==" in block and "--hash=sha256:" not in block] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["worker"], *extras["flower"], *extras["mysql"]]
    names = {re.match(r"[A-Za-z0-9.-]+", one)[0].lower().replace(".", "-") for one in wanted}
    assert names <= {name for name, _ in image}, cure


def test_the_ledgers_migrations_stand_in_one_line():
    folder = ROOT / "mailworker/ledger/migrations/versions"
    found = [
        re.search(
            r'^revision = "(\w+)".*?^down_revision = (?:"(\w+)"|None)',
            path.read_text("utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        for path in sorted(folder.glob("*.py"))
    ]
    steps = [(one[1], one[2]) for one in found]
    # `ledger.schema_version` takes the names for the revisions.
    assert [path.name.partition("_")[0] for path in sorted(folder.glob("*.py"))] == [
        step for step, _ in steps
    ]
    assert [before for _, before in steps] == [None, *(revision for revision, _ in steps[:-1])]


def test_no_test_stops_the_clock_of_the_whole_process():
    """A local Mailjet in a thread would sleep for ever after such a test; replace the module's `time` instead."""
    stops = re.compile(r"""setattr\(\s*(?:["'][\w.]*\btime\.|[\w.]*\btime, )""")
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    assert [str(path.relative_to(ROOT)) for path in tests if stops.search(path.read_text("utf-8"))] == []


def test_the_repository_holds_files_only():
    """No link, least of all one to a folder of the machine that it was made on."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-s"], capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout of git")
    modes = {line.partition("\t")[2]: line.partition(" ")[0] for line in listed.stdout.splitlines()}
    assert [path for path, mode in modes.items() if mode not in {"100644", "100755"}] == []

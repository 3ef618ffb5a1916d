"""A test may fail once where it passes alone; whatever else fails, fails the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLAKY = """
import pathlib
def test_flaky():
    once = pathlib.Path("once")
    there = once.exists()
    once.touch()
    assert there
"""
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert False\n"
ERRORS_ONCE = """
import pathlib, pytest
@pytest.fixture
def late():
    yield
    once = pathlib.Path("once_late")
    there = once.exists()
    once.touch()
    assert there
def test_late(late): pass
"""


@pytest.fixture
def tried(tmp_path):
    """Writes tests, runs them, and gives the exit code and what was printed."""

    def run(*arguments, **files):
        for name, text in files.items():
            (tmp_path / f"test_{name}.py").write_text(text, encoding="utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        plugins = "-p xdist.plugin -p tests.ran_before"  # the others only take time to load
        done = subprocess.run(
            [sys.executable, "-m", "tests.second_try", *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PYTEST_ADDOPTS": plugins,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_what_failed_once_and_passes_alone_is_listed_with_the_files_before_it_and_passes(tried):
    leaves = "import os\ndef test_leaves(): os.environ['LEFT'] = '1'\n"
    depends = "import os\ndef test_depends(): assert 'LEFT' not in os.environ, 'it was left'\n"
    code, printed = tried(
        "-n", "1", "--dist", "loadfile",
        a_leaves=leaves, b_depends=depends, flaky=FLAKY, late=ERRORS_ONCE, passes=PASSES,
    )  # fmt: skip
    assert code == 0, printed
    told = printed.partition("PASSED ALONE")[2]
    assert (
        "==   test_b_depends.py::test_depends\n==     AssertionError: it was left\n"
        "==     its process had run before it: test_a_leaves.py\n"
    ) in told
    assert "==   test_flaky.py::test_flaky\n==     assert False\n" in told
    assert "==   test_late.py::test_late\n" in told
    assert "test_passes" not in printed.partition("FAILED ONCE")[2]


def test_nothing_is_run_twice_where_all_pass(tried):
    code, printed = tried(passes=PASSES)
    assert code == 0
    assert "==   " not in printed
    assert printed.count("1 passed") == 1


def test_what_fails_twice_fails(tried):
    code, printed = tried("-n", "1", "--dist", "loadfile", fails=FAILS, flaky=FLAKY)
    assert code == 1
    assert printed.endswith("FAILED TWICE:\n==   test_fails.py::test_fails\n==     assert False\n")
    assert "==   test_flaky.py::test_flaky\n" in printed.partition("PASSED ALONE")[2]


def test_a_file_that_cannot_be_collected_fails(tried):
    broken = "import nothing_of_this_name\n"
    code, printed = tried("-n", "1", "--dist", "loadfile", broken=broken, passes=PASSES)
    assert code != 0
    assert "PASSED ALONE" not in printed


def test_a_process_that_dies_each_time_fails(tried):
    code, printed = tried("-n", "1", dies="import os\ndef test_dies(): os._exit(7)\n")
    assert code != 0
    assert "PASSED ALONE" not in printed


def test_many_failures_are_no_accident(tried):
    many = "".join(FLAKY.replace("flaky", f"flaky{n}").replace('"once"', f'"once{n}"') for n in range(11))
    code, printed = tried(many=many)
    assert code == 1
    assert "11 TESTS FAILED: too many for a second try." in printed

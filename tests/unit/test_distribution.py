"""Which process runs which file, and when."""

from pathlib import Path

from tests.distribution import place, together

ROOT = Path(__file__).parents[2]
FILES = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")]


def test_files_that_share_the_workers_of_production_run_in_one_process():
    shared = [file for file in FILES if together(file) == "every worker of production"]
    assert len(shared) > 5
    assert all(file.startswith("tests/acceptance/") for file in shared)


def test_files_that_share_nothing_dear_are_on_their_own():
    assert together("tests/unit/test_deliveries.py") == "tests/unit/test_deliveries.py"


def test_real_processes_come_before_functions_and_long_files_before_short_ones():
    files = {
        "tests/unit/test_a.py": 200,
        "tests/acceptance/test_b.py": 1,
        "tests/unit/test_c.py": 201,
        "tests/integration/test_d.py": 3,
    }
    assert [name[-4] for name in sorted(files, key=lambda file: place(file, files[file]))] == [
        "b",
        "d",
        "c",
        "a",
    ]

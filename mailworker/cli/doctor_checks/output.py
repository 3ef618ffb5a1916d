"""The doctor's output: to people as it looks, to programs as JSON at its end."""

from collections.abc import Sequence

from mailworker.cli.console import console, write_json
from mailworker.cli.doctor_checks.finding import Finding


class Report:
    """For people: each finding at once."""

    def __init__(self, *, quiet: bool) -> None:
        self._out = console()
        self._quiet = quiet
        self._faults = 0

    def add(self, finding: Finding) -> None:
        """Say one finding."""
        self._faults += len(finding.faults)
        if self._quiet and not finding.faults:
            return
        mark = "[red]✗[/]" if finding.faults else "[green]✓[/]"
        self._out.print(f"{mark} {finding.name}")
        for one in finding.faults if self._quiet else finding.sentences:
            self._out.print(f"    {one}", markup=False, soft_wrap=True)

    def add_faults(self, name: str, faults: Sequence[str]) -> None:
        """Say what kept the round from being made."""
        self.add(Finding(name, name, tuple(faults)))

    def end(self) -> int:
        """Say the sum, and give the exit code."""
        if self._faults or not self._quiet:
            self._out.print(f"{self._faults} to mend." if self._faults else "All is well.")
        return 1 if self._faults else 0


class JsonReport(Report):
    """For programs: everything in one document."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Keep one finding for the end."""
        self._faults += len(finding.faults)
        self._findings.append(finding)

    def end(self) -> int:
        """Write the document, and give the exit code."""
        checks = [
            {
                "subject": one.subject,
                "name": one.name,
                "ok": not one.faults,
                "faults": one.faults,
                "notes": one.notes,
            }
            for one in self._findings
            if one.faults or not self._quiet
        ]
        document = {"ok": not self._faults, "faults": self._faults, "checks": checks}
        write_json(document)
        return 1 if self._faults else 0


def report(*, as_json: bool, quiet: bool) -> Report:
    """The report that findings are added to."""
    return JsonReport(quiet=quiet) if as_json else Report(quiet=quiet)

"""The doctor's output: to people as it looks, to programs as JSON at its end."""

from mailworker.cli.console import console, write_json
from mailworker.cli.doctor_checks.finding import Finding


class Report:
    """Counts findings; for programs it writes everything in one document."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.faults = 0
        self.findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Take one finding."""
        self.faults += len(finding.faults)
        if finding.faults or not self.quiet:
            self.findings.append(finding)

    def end(self) -> int:
        """Write the sum, and give the exit code."""
        checks = [
            {
                "subject": one.subject,
                "name": one.name,
                "ok": not one.faults,
                "faults": one.faults,
                "notes": one.notes,
            }
            for one in self.findings
        ]
        write_json({"ok": not self.faults, "faults": self.faults, "checks": checks})
        return 1 if self.faults else 0


class PrintedReport(Report):
    """For people: each finding at once."""

    def add(self, finding: Finding) -> None:
        """Print one finding."""
        super().add(finding)
        if self.quiet and not finding.faults:
            return
        from rich.text import Text

        mark, colour = ("✗", "red") if finding.faults else ("✓", "green")
        console().print(Text.assemble((mark, colour), f" {finding.name}"))
        for one in finding.faults if self.quiet else finding.sentences:
            console().print(f"    {one}", soft_wrap=True)

    def end(self) -> int:
        """Print the sum, and give the exit code."""
        if self.faults or not self.quiet:
            console().print(f"{self.faults} to mend." if self.faults else "All is well.")
        return 1 if self.faults else 0

"""Apache PDFBox's Preflight, as Debian ships it, over finished files: fonts, colours, metadata, structure.

It knows PDF/A-1b. What it finds beyond the differences from PDF/A-3b (ISO 19005-3) is a fault in both. veraPDF,
which knows PDF/A-3 itself, is in no registry of packages; `.ci/run` installs what there is.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

_JARS = ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api")
_CLASSPATH = [Path(f"/usr/share/java/{name}.jar") for name in _JARS]
#: Faults in PDF/A-1 that PDF/A-3 allows: the code, and what its text says.
_ALLOWED = (
    ("1.4.7", "EmbeddedFile"),  # files may be embedded
    ("1.2.9", "EmbeddedFile"),
    ("1.4", "XRef"),  # PDF 1.7 has cross-reference streams
    ("1.2.7", "Filter specified in metadata"),  # metadata may be compressed
    ("2.2", ""),  # transparency
    ("4", ""),
    ("3.1.11", "CIDSet"),  # no longer mandatory
    ("7.3", "pdfa/ns/id"),  # its XMP reader knows part 1 alone
)


def is_here() -> bool:
    """Whether Java and the libraries are installed."""
    return shutil.which("java") is not None and all(path.exists() for path in _CLASSPATH)


def faults(pdfs: Mapping[str, bytes], folder: Path) -> dict[str, list[str]]:
    """What is wrong with each file, by its name; one run of Java for all."""
    files = folder / "preflight"
    files.mkdir()
    for number, pdf in enumerate(pdfs.values()):
        (files / f"{number}.pdf").write_bytes(pdf)
    classpath = ":".join(str(path) for path in _CLASSPATH)
    program = "org.apache.pdfbox.preflight.Validator_A1b"
    # A run of seconds is over before the better compiler has paid.
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classpath]
    command = [*java, program, "xml", "group", str(files)]
    subprocess.run(command, check=False, capture_output=True, timeout=300)
    report = ET.parse(f"{files}.preflight.xml").getroot()
    found = {one.get("name", ""): list(_told(one)) for one in report.iter("preflight")}
    return {name: found[f"{number}.pdf"] for number, name in enumerate(pdfs)}


def _told(report: ET.Element) -> list[str]:
    texts = [
        (error.findtext("code", ""), " ".join(error.findtext("details", "").split()))
        for error in report.iter("error")
    ]
    broken = (
        [report.findtext("exceptionThrown/message", "")] if report.find("exceptionThrown") is not None else []
    )
    return broken + [f"{code}: {text}" for code, text in texts if not _is_allowed(code, text)]


def _is_allowed(code: str, text: str) -> bool:
    return any(re.match(rf"{re.escape(known)}(\.|$)", code) and words in text for known, words in _ALLOWED)

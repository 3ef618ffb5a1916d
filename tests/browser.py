"""Pages in headless Chromium, side by side in frames of the widths that readers have."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_WHOLE = """<!DOCTYPE html><body>{frames}<pre id="told"></pre><script>
addEventListener("load", async () => {{
  const told = [];
  for (const one of document.querySelectorAll("iframe")) told.push([one.title, await ({measure})(one)]);
  document.getElementById("told").textContent = JSON.stringify(told);
}});
</script></body>"""


def in_frames(
    folder: Path, pages: Mapping[str, str], widths: Sequence[int], measure: str, *, dark: bool = False
) -> list[tuple[str, Any]]:
    """What `measure`, a function of JavaScript on a frame, says of each page at each width."""
    frames = []
    for number, (name, page) in enumerate(pages.items()):
        (folder / f"{number}.html").write_text(page, "utf-8")
        frames += [
            f'<iframe title="{name} {width}" src="{number}.html" style="width:{width}px;height:900px;border:0"></iframe>'
            for width in widths
        ]
    whole = folder / "all.html"
    whole.write_text(_WHOLE.format(frames="".join(frames), measure=measure), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    options += ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [BROWSER, *options, f"--user-data-dir={folder}/profile", "--virtual-time-budget=60000", "--dump-dom", str(whole)],
        capture_output=True, check=True, timeout=240, text=True,
    )  # fmt: skip
    found = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    told: list[tuple[str, Any]] = json.loads(
        found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    )
    assert len(told) == len(pages) * len(widths)
    return told

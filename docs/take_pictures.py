"""Take the screenshots of the docs from a finished demo: ``python docs/take_pictures.py DEMO``.

Needs a Chromium or Chrome on the path; it runs headless, with an empty profile.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = {"worklist": ("worklist/worklist.html", 1500), "audit": ("audit/audit.html", 1900)}
QUIET = [
    "--headless",
    "--disable-gpu",
    "--no-sandbox",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


def main(demo: Path) -> None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((found for name in names if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("No Chromium or Chrome on the path: install one, or take the pictures by hand.")
    for name, (page, height) in PAGES.items():
        target = Path(__file__).parent / "pictures" / f"{name}.png"
        with tempfile.TemporaryDirectory() as profile:
            command = [
                browser,
                *QUIET,
                f"--user-data-dir={profile}",
                f"--window-size=1280,{height}",
                f"--screenshot={target}",
                (demo / page).resolve().as_uri(),
            ]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        print(f"{target}: {target.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

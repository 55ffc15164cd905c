"""The pictures of the manual: the first screen of the report, wide and narrow, and the review page.

Of the last run of the project one stands in, by the Chromium of the machine:

  python -m bench.screenshots docs/images
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from stages.common.base.errors import UserError
from stages.common.records.files import require

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 800}


@contextmanager
def page_of(size: dict[str, int]) -> Iterator[Page]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise UserError("no Chromium on this machine; install it with `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
        yield browser.new_page(viewport=size, device_scale_factor=1.5)  # type: ignore[arg-type]
        browser.close()


@contextmanager
def review() -> Iterator[str]:
    """The address of a review page of this project."""
    command = [sys.executable, "-m", "stages.commands.main", "review", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            address = re.search(r"http://\S+", line)
            if not address:
                raise UserError(f"doclore review did not start: {line.strip()}")
            yield address[0]
        finally:
            process.terminate()


def pictures(directory: Path) -> Iterator[Path]:
    report = require(Path("reports/index.html")).absolute().as_uri()
    for name, size in (("report", WIDE), ("report-narrow", NARROW)):
        with page_of(size) as page:
            page.goto(report)
            yield taken(page, directory / f"{name}.png")
    with review() as address, page_of(WIDE) as page:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        yield taken(page, directory / "review.png")


def taken(page: Page, file: Path) -> Path:
    page.screenshot(path=file)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where the pictures go")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    try:
        for file in pictures(directory):
            print(f"{file}: {file.stat().st_size} bytes")
    except UserError as error:
        sys.exit(f"screenshots: {error}")


if __name__ == "__main__":
    main()

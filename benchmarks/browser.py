"""An exported model in a headless Chromium beside the Python runtime: the same hypotheses, and how long each takes.

    python benchmarks/browser.py MODEL [--sources FILE] [--count 100] [--beams 1 5] [--rounds 3] [--json browser.json]

MODEL is a run or an exported folder, for which a site is made as `seqloom export --web` makes it. The sources are the first lines of a
file, of Multi30k's test 2016 in German without one; both sides get all of them at once, and sort them into the same batches. Hypotheses
are compared as whole n-best lists: identical, or the same but for neighbours whose scores differ by less than TIE. Times are medians of
rounds in turn, one thread on either side, the first round not counted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from running import ROOT, circumstances

from seqloom.answers import Prediction
from seqloom.cli.exporting import export
from seqloom.runtime import Predictor

SOURCES = ROOT.parent / "shared" / "data" / "multi30k" / "test_2016_flickr.de.gz"
TIE = 1e-5
CONNECT = """async () => {
  const { connect } = await import("/browser/connection.js");
  const began = performance.now();
  window.backend = await connect(() => {});
  return performance.now() - began;
}"""
PREDICT = """async (request) => {
  const began = performance.now();
  const predictions = await window.backend.predict(request);
  return { predictions, milliseconds: performance.now() - began };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each."""

    def log_message(self, format: str, *arguments: Any) -> None: ...


def measure(page: Page, model: Predictor, sources: list[str], beam: int, rounds: int) -> dict[str, Any]:
    """How alike the n-best lists are, and the medians of both times."""
    request = {"inputs": [[source] for source in sources], "beam": beam, "n_best": beam, "scores": True}
    browser, python = [], []
    for _ in range(rounds + 1):
        answer = page.evaluate(PREDICT, request)
        browser.append(answer["milliseconds"])
        began = time.perf_counter()
        wanted = model.predictions(sources, beam=beam)
        python.append(1000 * (time.perf_counter() - began))
    return {
        "beam": beam,
        **compare(answer["predictions"], wanted),
        "browser_ms": statistics.median(browser[1:]) / len(sources),
        "python_ms": statistics.median(python[1:]) / len(sources),
    }


def compare(found: list[dict[str, Any]], wanted: list[Prediction]) -> dict[str, Any]:
    """Sources with identical n-best lists, with such that differ by ties alone, and the largest difference of a score."""
    identical = ties = 0
    worst = 0.0
    for mine, theirs in zip(found, wanted, strict=True):
        lists = [output["tokens"] for output in mine["outputs"]], [output.tokens for output in theirs.outputs]
        difference = max(abs(one["score"] - other.score) for one, other in zip(mine["outputs"], theirs.outputs, strict=True))
        worst = max(worst, difference)
        identical += lists[0] == lists[1]
        ties += lists[0] != lists[1] and difference < TIE
    return {"sources": len(found), "identical": identical, "ties": ties, "largest_difference": worst}


def main() -> None:
    """Print the table, and write it as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sources", type=Path, default=SOURCES)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    content = options.sources.read_bytes()
    lines = (gzip.decompress(content) if options.sources.suffix == ".gz" else content).decode().splitlines()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = Path(folder) / "site"
        export(options.model, site, web=True)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/favicon.svg")  # the same origin without the page's own worker
        loading = page.evaluate(CONNECT)
        model = Predictor.load(site / "model", threads=1)
        rows = [measure(page, model, lines[: options.count], beam, options.rounds) for beam in options.beams]
        version, precision = browser.version, model.manifest.precision
        browser.close()
    print(f"Chromium {version}, {precision}; ready in {loading / 1000:.1f} s")
    print("; ".join(circumstances().values()), end="\n\n")
    print("| beam | sources | identical n-best lists | ties | largest difference of a score | browser, ms a source | Python, ms a source |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        alike = f"{row['sources']} | {row['identical']} | {row['ties']} | {row['largest_difference']:.1g}"
        print(f"| {row['beam']} | {alike} | {row['browser_ms']:.0f} | {row['python_ms']:.1f} |")
    if options.json:
        options.json.write_text(json.dumps({"chromium": version, "ready_s": loading / 1000, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

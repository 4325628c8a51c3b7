"""The site that `export --web` writes: an exported model in a real browser, behind the plainest of servers, against the Python runtime."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect
from stage import Quiet, make_site, run, serve, wait_until
from starlette.testclient import TestClient

import seqloom
from seqloom import onnxruntime_web as pinned
from seqloom.errors import ConfigError
from seqloom.examples import make_example
from seqloom.manifest import describe_files
from seqloom.onnxruntime_web import find_runtime
from seqloom.runtime import Predictor
from seqloom.server.app import create_app
from seqloom.server.limits import Limits

DATES = make_example("dates")
DAMAGED = "damaged, or not what an export writes. Copy the whole site, or export it again."
CHANGED = "changed since it was exported, its SHA-256 is not that of the manifest. Copy the whole site, or export it again."
TWO_COLUMNS = [
    ((f"{first} {second}", f"{number % 3} {second}"), f"{second} {first}") for number, (first, second) in enumerate(DATES.train[:400])
]
SMALL = [
    "training.max_steps=80", "training.evaluate_every=80", "training.precision=float32", "training.optimizer.learning_rate=0.02",
    'training.schedule={"kind": "constant"}', "model.dropout=0", "model.embedding=16", "data.hold_out_at_most=20",
]  # fmt: skip
RECURRENT = ["model.encoder.width=32", "model.decoder.width=32"]
COPYING = [
    'fields.source=[{"kind": "text", "unit": "word", "max_size": 30}, {"kind": "tokens"}]',
    'fields.target={"kind": "text", "unit": "word", "max_size": 30}',
    'model.encoder={"kind": "transformer", "width": 16, "heads": 2, "layers": 1, "feed_forward": 16}',
    'model.decoder={"kind": "transformer", "width": 16, "heads": 2, "layers": 1, "feed_forward": 16}',
    "model.copy=true",
    "data.max_source_length=8",
    "data.too_long=cut",
]
SUBWORDS = [
    'fields.source=[{"kind": "text", "unit": "subword", "max_size": 320}]',
    'fields.target={"kind": "text", "unit": "subword", "subwords": "unigram", "max_size": 300}',
    "model.decoder.input_feeding=true",
    *RECURRENT,
]
CASES: dict[str, tuple[Sequence[Any], list[str]]] = {
    "characters, recurrent": (DATES.train[:400], RECURRENT),
    "subwords, input feeding": (DATES.train[:400], SUBWORDS),
    "two columns, Transformer, copying": (TWO_COLUMNS, COPYING),
    "two columns, read to their end": (TWO_COLUMNS, [*COPYING, "data.keep=end"]),
}


def site_of(folder: Path, case: str, runtime: Path, precision: str = "float32") -> Path:
    pairs, settings = CASES[case]
    seqloom.train(pairs, out=folder / "run", settings=[*SMALL, *settings])
    return make_site(folder / "run", folder / "site", runtime, f"--{precision}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, onnxruntime_web: Path) -> Path:
    return site_of(tmp_path_factory.mktemp("site"), "characters, recurrent", onnxruntime_web)


@pytest.fixture
def copied(site: Path, tmp_path: Path) -> Path:
    """A site that may be harmed."""
    return Path(shutil.copytree(site, tmp_path / "site"))


def test_a_site_answers_in_the_browser_and_asks_nobody_else(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_role("textbox", name="Source").fill(DATES.test[0][0])
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answers tbody tr")).to_have_count(5)
    expect(page.locator("canvas")).to_be_visible()
    expect(page.locator("#facts")).to_have_text(re.compile(r"characters → characters.*K parameters(int8|float32)"))
    expect(page.locator("#status")).to_have_text(re.compile(r"Answered in [\d.]+ m?s"))
    assert {url for url in asked if not url.startswith(address)} == set()


ASK = """async ([inputs, settings]) => {
  const { connect } = await import("/browser/connection.js");
  window.backend ??= await connect(() => {});
  return window.backend.predict({ inputs, scores: true, attention: true, ...settings });
}"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "precision", "tolerance"),
    [*((case, "float32", 1e-3) for case in CASES), ("characters, recurrent", "int8", 0.05)],  # there a rounding apart is 1/255 of the range
)
def test_the_browser_gives_the_hypotheses_of_the_python_runtime(
    case: str, precision: str, tolerance: float, page: Page, tmp_path: Path, onnxruntime_web: Path
) -> None:
    folder = site_of(tmp_path, case, onnxruntime_web, precision)
    sources: list[Any] = [source for source, _ in DATES.test[:100]]
    if case.startswith("two"):
        sources = [(f"{source} {target}", f"{len(source) % 3} {target}") for source, target in DATES.test[:100]]
    sources[7] = ("", "") if case.startswith("two") else " "
    model = Predictor.load(folder / "model")
    with serve(folder) as address:
        page.goto(address)
        for setting in ({"beam": 1}, {"beam": 5, "n_best": 5}, {"beam": 3, "max_length": 6, "prefix": "19", "length_penalty": 0.5}):
            found = page.evaluate(ASK, [[source if isinstance(source, tuple) else [source] for source in sources], setting])
            search = {name: value for name, value in setting.items() if name != "n_best"}
            assert_same(found, model.predictions(sources, attention=True, **search), int(setting.get("n_best", 1)), tolerance)


def assert_same(found: list[dict[str, Any]], wanted: list[Any], n_best: int, tolerance: float) -> None:
    """The same answers, with all that is known of them, but where scores are so near that two builds may order them otherwise."""
    assert len(found) == len(wanted) == 100
    same = 0
    for mine, theirs in zip(found, wanted, strict=True):
        outputs = theirs.outputs[:n_best]
        assert mine["source_tokens"] == theirs.source_tokens
        assert [one["score"] for one in mine["outputs"][:1]] == pytest.approx([one.score for one in outputs[:1]], abs=tolerance)
        if [one["tokens"] for one in mine["outputs"]] == [one.tokens for one in outputs]:
            same += 1
            for one, other in zip(mine["outputs"], outputs, strict=True):
                assert_answers_alike(one, other, tolerance)
    assert same >= (97 if tolerance < 0.01 else 85)


def assert_answers_alike(one: dict[str, Any], other: Any, tolerance: float) -> None:
    assert (one["text"], one["cut"]) == (other.text, other.cut)
    assert one["token_log_probs"] == pytest.approx(other.token_log_probs, abs=10 * tolerance)
    assert one["log_prob"] == pytest.approx(sum(one["token_log_probs"]))
    if other.attention is not None:
        assert [pytest.approx(row, abs=10 * tolerance) for row in other.attention] == one["attention"]


TRY = """async (text) => {
  const { connect } = await import("/browser/connection.js");
  window.backend ??= await connect(() => {});
  const answers = JSON.parse(text).map((request) => window.backend.predict(request).catch((error) => ({ error: error.message })));
  return Promise.all(answers); // of JSON, which can hold half a pair
}"""
REQUESTS: list[dict[str, Any]] = [
    {"input": "3 March 1984"},
    {"input": ["3 March 1984"], "scores": True},
    {"inputs": ["3 March 1984", " ", ["4 May 2001"]], "attention": True, "n_best": 2},
    {"inputs": ["3 March 1984", ""], "prefix": "19", "max_length": 2, "model": "run"},
    {"inputs": [""], "prefix": "1984", "max_length": 2},
    {"input": "3 March 1984", "min_length": 8, "max_length": 4, "scores": True},
    {"inputs": ["3 März 1984", "3 March 1984"], "attention": True},
    {"inputs": ["3 March 1984", "a"], "prefix": "ßé"},
    {"input": "3 March 1984", "beam": None, "max_length": None, "stream": False},
    {"inputs": ["a", "3 March 1984"], "prefix": "19'84\n", "max_length": 3},
    {"input": "a", "prefix": "1" * 30},
    {"input": "a", "prefix": "a\0"},
    {"input": "a", "prefix": "\ud800"},
    {"input": ["a", "b"]},
    {"inputs": ["a", ["a", "b"]]},
    {"inputs": ["a", "b\0"]},
    {"inputs": ["\ud800"]},
    {"inputs": ["1" * 5001]},
    {"inputs": "3 March 1984"},
    {"inputs": ["a"], "beam": 0},
    {"inputs": ["a"], "lenght_penalty": 2},
    {"inputs": ["a"], "model": "runs"},
    {"inputs": ["a"], "quantiles": [0.5]},
]


def test_a_site_and_a_server_take_the_same_requests_and_say_the_same(page: Page, address: str, site: Path) -> None:
    limits = Limits(characters=10_000)
    with TestClient(create_app({"run": Predictor.load(site / "model", threads=1)}, limits=limits, window=0.0)) as client:
        headers = {"Content-Type": "application/json"}
        wanted = [client.post("/v1/predict", content=json.dumps(request), headers=headers).json() for request in REQUESTS]
    page.goto(address)
    found = page.evaluate(TRY, json.dumps(REQUESTS))
    for request, mine, theirs in zip(REQUESTS, found, wanted, strict=True):
        said = theirs.get("error", "").replace("/docs lists", "docs/serving.md lists").replace("See /v1/models.", "Leave it out.")
        assert shape(mine) == shape({"error": said} if said else theirs["predictions"]), request
    assert sum("error" in one for one in found) == len(REQUESTS) - 7


def shape(value: Any) -> Any:
    """A value with the kind of each number in its place."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@pytest.mark.logs("404")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "runtime/ort.wasm.min.mjs",
            None,
            "The model cannot be started: a file of the site is missing. Copy the whole site, or export it again.",
        ),
        ("model/model.onnx", None, "model/model.onnx: 404 File not found. Copy the whole site, or export it again."),
        (
            "model/model.onnx",
            b"half",
            "model/model.onnx: not of the size that the manifest names. Copy the whole site, or export it again.",
        ),
        (
            "model/fields.json",
            b'{"format": 1}',
            f"model/fields.json: {CHANGED}",
        ),
        ("model/manifest.json", b'{"format": 7}', "model/manifest.json: format 7; expected 1. Export the model again."),
        ("model/manifest.json", b"<!doctype html>", f"model/manifest.json: {DAMAGED}"),
    ],
)
def test_a_site_that_is_not_whole_says_so(page: Page, copied: Path, name: str, content: bytes | None, message: str) -> None:
    (copied / name).unlink()
    if content is not None:
        (copied / name).write_bytes(content)
    with serve(copied) as address:
        page.goto(address)
        expect(page.get_by_role("alert").first).to_have_text(message)
        expect(page.get_by_role("button", name="Predict")).to_be_disabled()


READ = "async ([text, kinds]) => (await import('/browser/manifest.js')).readManifest(text, kinds)"
LEFT = {"target": "constructor", "files": {}, "search": None, "name": 3, "parameters": "many", "format": None, "data": None}


def test_a_damaged_manifest_is_said_in_a_line(page: Page, address: str, site: Path) -> None:
    page.goto(address)
    manifest = json.loads((site / "model" / "manifest.json").read_text())
    kinds = ["ids", "frames"]
    assert page.evaluate(READ, [json.dumps(manifest), kinds]) == manifest
    short = {name: part for name, part in manifest.items() if name not in ("metrics", "target")}
    assert page.evaluate(READ, [json.dumps(short), kinds]) == short | {"metrics": {}, "target": "ids"}
    entry = manifest["files"]["fields.json"]
    files = [{**manifest["files"], "fields.json": wrong} for wrong in (None, {}, entry | {"size": -1}, entry | {"sha256": 3})]
    wrong = [manifest | {name: value} for name, value in LEFT.items()] + [manifest | {"target": "zzz"}, {}, [], None, 3]
    for content in ["", "{", *map(json.dumps, wrong), *(json.dumps(manifest | {"files": part}) for part in files)]:
        with pytest.raises(Error, match=re.escape(f"model/manifest.json: {DAMAGED}")):
            page.evaluate(READ, [content, kinds])


def test_a_model_in_which_a_byte_was_changed_is_refused(page: Page, copied: Path) -> None:
    content = bytearray((copied / "model" / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copied / "model" / "model.onnx").write_bytes(content)
    with serve(copied) as address:
        page.goto(address)
        said = f"model/model.onnx: {CHANGED}"
        expect(page.get_by_role("alert").first).to_have_text(said)


def test_files_of_two_models_are_refused_though_their_hashes_are_right(page: Page, copied: Path) -> None:
    fields = json.loads((copied / "model" / "fields.json").read_text())
    (copied / "model" / "fields.json").write_text(json.dumps(fields | {"names": ["another"]}))
    manifest = json.loads((copied / "model" / "manifest.json").read_text())
    manifest["files"]["fields.json"] = describe_files(copied / "model")["fields.json"].model_dump()
    (copied / "model" / "manifest.json").write_text(json.dumps(manifest))
    with serve(copied) as address:
        page.goto(address)
        said = "model/model.onnx: carries other fields than fields.json says. Copy the whole site, or export it again."
        expect(page.get_by_role("alert").first).to_have_text(said)


DIE = """async () => {
  const { Worker } = window;
  let worker;
  window.Worker = class extends Worker { constructor(...given) { super(...given); worker = this; } };
  const { connect } = await import("/browser/connection.js");
  const model = await connect(() => {});
  const told = ({ message }) => message;
  const said = [await model.predict({ input: "3 March 1984" }).catch(told)];
  const lost = model.predict({ input: "3 March 1984" }).catch(told);
  worker.terminate();
  worker.dispatchEvent(new Event("error"));
  said.push(await lost);
  return [...said, await model.predict({ input: "3 March 1984" }).catch(told)];
}"""


ABORT = """async () => {
  const { connect } = await import("/browser/connection.js");
  const model = await connect(() => {});
  const inputs = Array.from({ length: 1500 }, (_, place) => ["3 March " + (1000 + place)]);
  const began = performance.now();
  await model.predict({ inputs, beam: 5 });
  const whole = performance.now() - began;
  const work = new AbortController();
  const dropped = model.predict({ inputs, beam: 5 }, work.signal).catch(({ name }) => name);
  const late = model.predict({ inputs, beam: 5 }, work.signal).catch(({ name }) => name);
  work.abort();
  const again = performance.now();
  const { length } = await model.predict({ input: "3 March 1984" });
  const share = (performance.now() - again) / whole;
  return [await dropped, await late, await model.predict({ inputs }, work.signal).catch(({ name }) => name), length, share];
}"""


def test_what_is_aborted_ends_and_others_have_their_turn(page: Page, address: str) -> None:
    page.goto(address)
    *said, share = page.evaluate(ABORT)
    assert said == ["AbortError", "AbortError", "AbortError", 1]
    assert share < 0.5, "of the time that all of it takes; a batch is a tenth or less"


WITHOUT_MEMORY = """export const env = { wasm: {} };
export class Tensor {}
const run = async () => { throw new Error("failed to call OrtRun(). ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc"); };
export const InferenceSession = { create: async () => ({ inputNames: [], outputNames: [], run }) };
"""


def test_too_little_memory_and_a_worker_that_died_are_said(page: Page, copied: Path) -> None:
    (copied / "runtime" / "ort.wasm.min.mjs").write_text(WITHOUT_MEMORY, encoding="utf-8")
    memory = "The model needs more memory than the browser gives. Try a smaller beam, or a shorter source."
    died = "The model stopped: the browser may be short of memory. Load the page again, and try a smaller beam."
    with serve(copied) as address:
        page.goto(address)
        assert page.evaluate(DIE) == [memory, died, died]


NEWS = """addEventListener("DOMContentLoaded", () => {
  window.said = [];
  const aloud = document.getElementById("aloud");
  new MutationObserver(() => said.push(aloud.textContent)).observe(aloud, { childList: true });
})"""


class Slow(Quiet):
    """A server that sends a model in many small parts."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while part := source.read(4096):
            outputfile.write(part)
            outputfile.flush()
            time.sleep(0.01 if ".onnx" in self.path else 0)


def test_how_far_loading_is_is_said_aloud_at_quarters(page: Page, site: Path) -> None:
    page.add_init_script(NEWS)
    with serve(site, Slow) as address:
        page.goto(address)
        page.locator("button[type=submit]:enabled").wait_for()
    said = page.evaluate("said")
    assert 2 <= sum("Loading the model" in one for one in said) <= 5
    assert "Preparing the model…" in said


def test_the_model_is_asked_for_before_the_page_is_there_and_all_modules_at_once(page: Page, address: str, site: Path) -> None:
    held: list[Route] = []
    page.route("**/page/chart.js", lambda route: held.append(route))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
    page.goto(address, wait_until="commit")
    wait_until(page, lambda: held and any(name.startswith("model/model.onnx") for name in asked))
    modules = {path.relative_to(site).as_posix() for path in site.rglob("*.js")} - {"server.js", "sound/upload.js"}
    assert modules <= set(asked)
    assert set(re.findall('modulepreload" href="(.*)"', (site / "index.html").read_text())) == modules - {"late.js"} | {
        "runtime/ort.wasm.min.mjs"
    }
    for route in held:
        route.continue_()
    page.locator("button[type=submit]:enabled").wait_for()


@pytest.mark.logs("404")
def test_a_site_that_was_updated_is_new_for_who_saw_the_old_one(page: Page, copied: Path, forecasting: Path) -> None:
    model = copied / "model"
    for path in model.iterdir():
        os.utime(path, (0, 0))  # so old that a browser keeps it for years
    (model / "model.onnx").rename(copied / "model.onnx")
    with serve(copied) as address:
        page.goto(address)
        expect(page.get_by_role("alert").first).to_contain_text("404")
        (copied / "model.onnx").rename(model / "model.onnx")
        page.goto(address)
        expect(page.locator("#facts")).to_contain_text("characters → characters", timeout=30_000)
        for path in model.iterdir():
            shutil.copy(forecasting / path.name, path)
            age = int(path.name == "manifest.json")
            os.utime(path, (age, age))  # new content, no newer
        page.goto(address)
        expect(page.locator("#facts")).to_contain_text("load, 3 moments ahead", timeout=30_000)


# ------------------------------------------------------------------------------------------------------------ on the disk


def test_the_model_of_a_site_is_an_exported_folder_and_another_site_can_be_made_of_it(
    site: Path, tmp_path: Path, onnxruntime_web: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", site / "model", "3 March 1984") == 0
    assert run("export", site / "model", "--web", "--out", tmp_path / "again", "--runtime", onnxruntime_web) == 0
    assert re.search(r"again: \d+\.\d MB; `python -m http.server --directory .*again` shows it", capsys.readouterr().err)
    assert run("predict", tmp_path / "again" / "model", "3 March 1984") == 0
    of_runtime = (tmp_path / "again" / "runtime" / "LICENSE.txt").read_text(encoding="utf-8")
    assert of_runtime.startswith("onnxruntime-web 1.30.0, unchanged: ")
    assert "Copyright (c) Microsoft Corporation" in of_runtime
    own = Path(__file__).parents[1] / "LICENSE"
    assert (tmp_path / "again" / "LICENSE.txt").read_bytes() == own.read_bytes()


@pytest.mark.logs("blocked by CORS")
@pytest.mark.logs("ERR_FAILED")
def test_a_site_that_is_opened_as_a_file_says_what_it_needs(page: Page, site: Path, address: str) -> None:
    page.goto((site / "index.html").as_uri())
    needs = page.get_by_text("This page needs a web server, and cannot be opened as a file")
    expect(needs).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    expect(needs).to_have_count(0)


def test_a_site_made_of_an_exported_folder_holds_what_a_predictor_needs_and_nothing_else(
    site: Path, tmp_path: Path, onnxruntime_web: Path
) -> None:
    model = shutil.copytree(site / "model", tmp_path / "dist")
    (model / "README.md").unlink()
    (model / "README.md").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("of nobody else's business", encoding="utf-8")
    assert run("export", model, "--web", "--out", tmp_path / "site", "--runtime", onnxruntime_web) == 0
    assert {path.name for path in (tmp_path / "site" / "model").iterdir()} == {"model.onnx", "fields.json", "manifest.json"}
    (model / "README.md").unlink()
    assert run("export", model, "--web", "--out", tmp_path / "site", "--overwrite", "--runtime", onnxruntime_web) == 0
    inside = tmp_path / "site" / "model"
    assert run("export", inside, "--web", "--out", tmp_path / "site", "--overwrite", "--runtime", onnxruntime_web) == 0


def test_a_site_replaces_only_a_site_and_only_when_told_to(
    copied: Path, tmp_path: Path, onnxruntime_web: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["export", copied / "model", "--web", "--runtime", onnxruntime_web]
    assert run(*again, "--out", copied) == 2
    assert f"{copied}: exists already. Replace it with --overwrite, or choose another --out." in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    assert run(*again, "--out", tmp_path / "mine", "--overwrite") == 2
    assert f"{tmp_path / 'mine'}: exists and is no site of a model, so nothing is written there." in capsys.readouterr().err


def test_a_runtime_without_a_site_is_refused(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", site / "model", "--out", tmp_path / "x", "--runtime", tmp_path) == 2
    assert f"--runtime {tmp_path}: of no effect without --web. Add --web, or leave it out." in capsys.readouterr().err


def test_a_precision_for_what_is_exported_already_is_refused(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", site / "model", "--web", "--int8", "--out", tmp_path / "x") == 2
    assert f"--int8: of no effect on an exported model, {site / 'model'}. Give the run that it was made from" in capsys.readouterr().err


MEND = "Run `npm pack onnxruntime-web@1.30.0` where npm is, unpack the archive, and give its folder with --runtime."


def test_files_of_another_runtime_are_refused(tmp_path: Path, onnxruntime_web: Path) -> None:
    place = tmp_path / "package" / "dist"
    place.mkdir(parents=True)
    first, *_, last = pinned.FILES
    shutil.copy(onnxruntime_web / first, place)
    with pytest.raises(ConfigError, match=re.escape("ort-wasm-simd-threaded.mjs: cannot be read (No such file or directory); expected a")):
        find_runtime(tmp_path)
    for name in pinned.FILES:
        shutil.copy(onnxruntime_web / name, place)
    assert set(find_runtime(tmp_path)) == set(pinned.FILES)
    (place / last).write_bytes(b"\0asm")
    expected = f"{place / last}: not the file of onnxruntime-web@1.30.0, its SHA-256 is another. {MEND}"
    with pytest.raises(ConfigError, match=re.escape(expected)):
        find_runtime(tmp_path)


def test_a_damaged_cache_is_fetched_again(tmp_path: Path, onnxruntime_web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = tmp_path / "package" / "dist"
    package.mkdir(parents=True)
    for name in pinned.FILES:
        shutil.copy(onnxruntime_web / name, package)
    archive = shutil.make_archive(str(tmp_path / "archive"), "gztar", tmp_path, "package")
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\ncp {archive} $5/onnxruntime-web.tgz\n", encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    whole = find_runtime()
    (place,) = (tmp_path / "cache" / "seqloom").iterdir()
    (place / next(iter(pinned.FILES))).write_bytes(b"cut")
    assert find_runtime() == whole == find_runtime()
    assert (tmp_path / "asked").read_text(encoding="utf-8").count("asked") == 2


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "--web: onnxruntime-web@1.30.0 is not on this machine, and there is no npm to fetch it. "),
        ("#!/bin/sh\necho 'no network' >&2\nexit 1\n", "--web: npm cannot fetch onnxruntime-web@1.30.0 (no network). "),
    ],
    ids=["no npm", "npm fails"],
)
def test_without_the_runtime_one_line_says_what_to_do(
    script: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    if script:
        (tmp_path / "npm").write_text(script, encoding="utf-8")
        (tmp_path / "npm").chmod(0o755)
    with pytest.raises(ConfigError, match=re.escape(message + MEND)):
        find_runtime()

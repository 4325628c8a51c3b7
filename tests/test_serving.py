"""`seqloom serve` from end to end: a model that was trained here, exported, and asked over a socket."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import seqloom
from seqloom.cli import main
from seqloom.runtime import Predictor
from seqloom.server.app import create_app
from seqloom.server.process import listen

WORDS = ["abba", "cab", "decade", "bead", "face", "dad", "cede", "added", "bee", "fade", "ace", "deed", "babe", "cafe", "ebb", "a"]
SMALL = [
    "training.max_steps=30", "training.precision=float32", "training.device=cpu", "model.embedding=16", "model.encoder.width=32",
    "model.decoder.width=32", "data.hold_out=0.2",
]  # fmt: skip
SECONDS = 30.0


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small exported model that reads words."""
    folder = tmp_path_factory.mktemp("serving")
    seqloom.train([(word, word[::-1]) for word in WORDS], out=folder / "run", settings=SMALL)
    with redirect_stderr(io.StringIO()), pytest.raises(SystemExit) as ended:
        main(["export", str(folder / "run"), "--out", str(folder / "words")])
    assert not ended.value.code
    return folder / "words"


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves on a free port, and its address."""
    command = [sys.executable, "-m", "seqloom", "serve", *map(str, arguments), "--port", "0", "--threads", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        while said and not said.startswith("serving "):
            said = process.stderr.readline()
        yield process, said.split()[-3]
    finally:
        process.kill()
        process.communicate()


def ask(address: str, token: str = "", **body: Any) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"{address}/v1/predict", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        return json.load(response)


def test_many_clients_at_once_get_what_the_model_answers_each_alone(exported: Path) -> None:
    alone = {word: Predictor.load(exported, threads=1).predictions([word], beam=3)[0] for word in WORDS}
    found: dict[str, Any] = {}
    with serving(f"words={exported}") as (process, address):

        def client(word: str) -> None:
            found[word] = ask(address, input=word, n_best=3, beam=3, scores=True)["predictions"][0]["outputs"]

        threads = [threading.Thread(target=client, args=(word,)) for word in WORDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=SECONDS)
        assert (process.returncode, said) == (0, "ended\n")
    for word, prediction in alone.items():
        assert [output["text"] for output in found[word]] == [output.text for output in prediction.outputs]
        scores = [output["score"] for output in found[word]]
        assert scores == pytest.approx([output.score for output in prediction.outputs], abs=1e-4)  # float32, in a batch of another size


def test_a_real_model_answers_any_text_and_any_settings(exported: Path) -> None:
    client = TestClient(create_app({"words": Predictor.load(exported, threads=1)}, window=0.0), raise_server_exceptions=False)
    texts = st.lists(st.text(max_size=20), min_size=1, max_size=3)
    lengths = {"min_length": st.integers(0, 9), "max_length": st.integers(1, 9), "prefix": st.text(max_size=5)}
    ranks = {"n_best": st.integers(1, 9), "beam": st.integers(1, 9), "length_penalty": st.floats(0, 10)}
    extras = {"attention": st.booleans(), "replace_unknown": st.booleans()}

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(texts, st.fixed_dictionaries({}, optional={**lengths, **ranks, **extras}))
    def ask_anything(inputs: list[str], more: dict[str, Any]) -> None:
        response = client.post("/v1/predict", json={"inputs": inputs, **more})
        prefix = more.get("prefix", "")
        if more.get("n_best", 1) > more.get("beam", 9):
            assert (response.status_code, "is above beam" in response.text) == (422, True)
        elif "\0" in "".join([*inputs, prefix]):
            assert (response.status_code, "NUL" in response.text) == (422, True)
        elif response.status_code != 200:
            assert response.status_code == 422, response.text
            reasons = {
                "unknown to model words": bool(set(prefix) - set("abcdef")),
                "is above max_length": more.get("min_length", 0) > more.get("max_length", 9),
                "the longest output allowed here": len(prefix) > more.get("max_length", 10),
            }
            assert any(true and reason in response.text for reason, true in reasons.items()), response.text

    ask_anything()


def test_a_token_from_a_file_is_asked_for(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("0123456789abcdef\n", encoding="utf-8")
    with serving(exported, "--token-file", tmp_path / "tokens") as (_, address):
        with pytest.raises(OSError, match="401"):
            ask(address, input="abba")
        assert ask(address, "0123456789abcdef", input="abba")["model"] == "words"


def test_behind_a_proxy_that_strips_a_prefix_the_description_names_it(exported: Path) -> None:
    with serving(exported, "--root-path", "/ai", "--allow-origin", "https://pages.example") as (_, address):
        assert ask(address, input="abba")["model"] == "words"
        request = urllib.request.Request(f"{address}/openapi.json", headers={"Origin": "https://pages.example"})
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            assert json.load(response)["servers"] == [{"url": "/ai"}]
            assert response.headers["access-control-allow-origin"] == "https://pages.example"


def test_who_opens_the_server_to_all_without_a_token_is_told(exported: Path) -> None:
    command = [sys.executable, "-m", "seqloom", "serve", str(exported), "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        note = "note: whoever reaches 0.0.0.0 may ask, for no token is asked for; --token-file FILE asks for one\n"
        assert process.stderr.readline() == note
        assert process.stderr.readline().startswith("serving words on http://0.0.0.0:")
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def test_what_cannot_be_served_is_refused_in_one_line(exported: Path, tmp_path: Path) -> None:
    assert refused(tmp_path).endswith("`seqloom export RUN --out DIR` makes one.")
    assert refused(exported, exported).startswith(f"{exported}: 'words' is the name of {exported} too; expected different ones.")
    for flag, value in (("--window", "inf"), ("--max-seconds", "inf"), ("--max-sound-seconds", "inf")):
        assert (
            refused(exported, flag, value) == f"{flag} {value}: expected a finite number. Give a large one where there should be no limit."
        )
    said = refused(exported, "--threads", "1000000")
    assert re.fullmatch(r"--threads 1000000: on \d+ cores expected \d+ at most\. Leave it out for one a core\.", said)
    said = "expected letters, digits, '.', '_', '~', '-' behind each '/', as in /ai. Mend it."
    for path in ("ai", "/", "/ai/", "/a b"):
        assert refused(exported, "--root-path", path) == f"--root-path {path}: {said}"
    assert refused(exported, "--allow-origin", "example.org").startswith("--allow-origin example.org: no origin; expected * or scheme")
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert refused(exported, "--port", port).startswith(f"127.0.0.1:{port}: cannot listen there (Address already in use).")


def refused(*arguments: object) -> str:
    """The line on stderr of a command that does not begin to serve."""
    with redirect_stderr(io.StringIO()) as said, redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as ended:
        main(["serve", *map(str, arguments)])
    assert ended.value.code == 2
    assert said.getvalue().count("\n") == 1
    return said.getvalue().removeprefix("error: ").rstrip("\n")


def test_a_server_never_loads_torch(exported: Path) -> None:
    code = (
        "import sys; from seqloom.runtime import Predictor; from seqloom.server.app import create_app; import seqloom.server.process;"
        f"create_app({{'words': Predictor.load({str(exported)!r})}}); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

"""Sounds over HTTP: files in base64 in, words out, and what is refused; nothing is written to a disk."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

import seqloom
from seqloom.exported import load_exported
from seqloom.server.app import create_app
from seqloom.server.limits import Limits
from seqloom.server.sources import body_bytes
from seqloom.sound.text import text_of_sound

LIMITS = Limits(body_bytes=400_000, sounds=3, sound_seconds=4.0, attention=20_000)
MEND = "Convert it, as in ffmpeg -i FILE sound.wav."


@pytest.fixture(scope="module")
def client(hearing: Path) -> Iterator[TestClient]:
    with TestClient(create_app({"tones": load_exported(hearing, threads=1)}, limits=LIMITS), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def clips(tones: Path) -> list[Path]:
    return sorted((tones / "test").glob("*.wav"))


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def file(samples: Any, rate: int = 8000, kind: str = "WAV", **how: str) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples, rate, format=kind, **how)
    return held.getvalue()


def noise(count: int, channels: int = 1) -> Any:
    return 0.1 * np.random.default_rng(1).normal(size=(count, channels))


def refusal(client: TestClient, **body: Any) -> tuple[int, str]:
    answer = client.post("/v1/predict", json=body)
    assert list(answer.json()) == ["error"], answer.text
    return answer.status_code, answer.json()["error"]


def test_sounds_are_answered_by_what_predict_writes(client: TestClient, hearing: Path, clips: list[Path]) -> None:
    body = {"inputs": [text(clip.read_bytes()) for clip in clips], "beam": 3, "n_best": 2, "scores": True, "attention": True}
    answer = client.post("/v1/predict", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()["predictions"]
    expected = seqloom.load(hearing, threads=1).predictions(map(str, clips), beam=3, attention=True)
    best = [[output.text for output in one.outputs[:2]] for one in expected]
    assert [[output["text"] for output in one["outputs"]] for one in said] == best
    assert [one["source_tokens"] for one in said] == [one.source_tokens for one in expected]
    scores = [[output.score for output in one.outputs[:2]] for one in expected]
    np.testing.assert_allclose([[output["score"] for output in one["outputs"]] for one in said], scores, rtol=1e-4)


def test_a_sound_is_heard_alike_as_flac_as_a_data_url_and_in_lines(client: TestClient, clips: list[Path]) -> None:
    content = clips[0].read_bytes()
    flac = file(*soundfile.read(clips[0], dtype="int16"), kind="FLAC")
    forms = [text(content), text(flac), f"data:audio/wav;base64,{text(content)}", base64.encodebytes(content).decode()]
    said = [client.post("/v1/predict", json={"input": form, "scores": True}).json()["predictions"] for form in forms]
    assert said[1:] == said[:1] * 3


@pytest.mark.parametrize(("kind", "how"), [("OGG", {}), ("OGG", {"subtype": "OPUS"}), ("MP3", {})])
def test_packed_sounds_are_answered_by_what_predict_writes(
    client: TestClient, hearing: Path, clips: list[Path], tmp_path: Path, kind: str, how: dict[str, str]
) -> None:
    """`predict` took them, and a server did not."""
    content = file(*soundfile.read(clips[0]), kind=kind, **how)
    (tmp_path / f"a.{kind.lower()}").write_bytes(content)
    answer = client.post("/v1/predict", json={"input": text(content)})
    assert answer.status_code == 200, answer.text
    expected = seqloom.load(hearing, threads=1).predict([str(tmp_path / f"a.{kind.lower()}")])
    assert [one["text"] for one in answer.json()["predictions"][0]["outputs"]] == expected


def test_silence_is_marked(client: TestClient, clips: list[Path]) -> None:
    body = {"inputs": [text(file(np.zeros(800))), text(clips[0].read_bytes())]}
    assert [one.get("silent") for one in client.post("/v1/predict", json=body).json()["predictions"]] == [True, None]
    assert client.post("/v1/predict", json=body | {"stream": True}).text.count('"silent":true') == 1


def test_the_same_is_said_in_events(client: TestClient, clips: list[Path]) -> None:
    body = {"inputs": [text(clips[0].read_bytes())]}
    whole = client.post("/v1/predict", json=body).json()["predictions"][0]["outputs"][0]["text"]
    assert f'"outputs":[{{"text":"{whole}"}}]' in client.post("/v1/predict", json={**body, "stream": True}).text


def test_a_sound_that_is_cut_off_fails_alone_in_events(client: TestClient, clips: list[Path]) -> None:
    body = {"inputs": [text(clips[0].read_bytes()), text(NOISE[:-600])], "stream": True}
    said = client.post("/v1/predict", json=body).text
    assert 'data: {"index":1,"error":"inputs[1]: the sound is cut off: 1,600 bytes of sound are announced and 1,000 are there;' in said
    assert 'data: {"index":0,"outputs":' in said
    assert said.endswith('data: {"predictions":1,"errors":1}\n\n')


def test_a_model_of_sound_is_listed_with_its_rate(client: TestClient) -> None:
    listed = client.get("/v1/models").json()["models"][0]
    assert [{**column, "name": ""} for column in listed["source"]] == [{"name": "", "kind": "audio", "sample_rate": 8000}]
    assert listed["target"]["kind"] == "tokens"


def test_nothing_is_written_to_a_disk(
    client: TestClient, hearing: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: pytest.fail("a temporary file"))
    model = load_exported(hearing, threads=1)
    with TestClient(create_app({"tones": model}, limits=LIMITS)) as made:
        assert made.post("/v1/predict", json={"input": text(clips[0].read_bytes())}).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_the_same_text_is_heard_from_python(hearing: Path, clips: list[Path]) -> None:
    model = seqloom.load(hearing, threads=1)
    assert model.predict([text_of_sound(clips[0].read_bytes())]) == model.predict([str(clips[0])])


NOISE = file(noise(800))
LOUD = file(np.full(4000, 3e38, np.float32), subtype="FLOAT")
NAN = file(np.full(800, np.nan), subtype="FLOAT")
OVER = 96_000 * 4
FAULTS = [
    (text(b"hello, this is no sound"), f"neither WAV, FLAC, Ogg nor MP3; expected one of these. {MEND}"),
    (text(b"RIFF, as a WAV begins"), f"cannot be read as sound (Format not recognised); expected WAV, FLAC, Ogg or MP3. {MEND}"),
    (text(file(noise(800), kind="AIFF")), f"neither WAV, FLAC, Ogg nor MP3; expected one of these. {MEND}"),
    (text(b"OggS, as an Ogg begins"), "cannot be read as sound ("),
    (text(file(noise(33_000), kind="OGG")), "4.1 seconds; the limit is 4. Cut it into shorter parts."),
    (text(file(np.zeros((36_000, 8)), 8_000, "OGG")), "4.5 seconds; the limit is 4."),
    (text(file(np.zeros((60_000, 8)), 48_000, "OGG", subtype="OPUS")), f"480,000 samples in 8 channels; the limit is {OVER:,}."),
    (text(file(noise(36_000), 8_000, "MP3")), "4."),
    ("", "an empty file (0 bytes); expected a sound. Record or copy it again."),
    ("clips/0001.wav", "not base64; expected a sound file in base64. Encode it whole"),
    ("data:audio/wav,abc", "not base64 (no `;base64,` stands before it); expected a sound file in base64."),
    (text(NOISE[:-600]), "the sound is cut off: 1,600 bytes of sound are announced and 1,000 are there; expected all of it."),
    (text(file(noise(0))), "no samples (0 seconds); expected a sound. Record it again."),
    (text(file(noise(800), 2000)), "2,000 samples a second; expected 4,000 or more. Record it at a higher rate."),
    (text(file(noise(800), 2_000_000)), "2,000,000 samples a second; expected 768,000 or fewer. Record it at a lower rate."),
    (text(LOUD), "holds a sample of 3e+38; expected 1 at full scale. Write the file anew."),
    (text(NAN), "holds samples that are not finite numbers; expected a recording. Write the file anew."),
    (text(file(noise(33_000))), "4.1 seconds; the limit is 4. Cut it into shorter parts."),
    (text(file(np.zeros((60_000, 8)), 48_000, "FLAC")), f"480,000 samples in 8 channels; the limit is {OVER:,}."),
]  # fmt: skip


@pytest.mark.parametrize(("given", "said"), FAULTS)
def test_what_cannot_be_heard_is_refused_in_a_line(client: TestClient, given: str, said: str) -> None:
    status, message = refusal(client, inputs=[text(NOISE), given])
    assert (status, message[: len(said) + 11]) == (422, f"inputs[1]: {said}")


def test_no_file_of_the_server_can_be_named(client: TestClient, clips: list[Path]) -> None:
    for name in (str(clips[0]), f"file://{clips[0]}", f"data:,{clips[0]}", f"data:;base64,{clips[0]}"):
        assert refusal(client, input=name)[1].startswith("input: not base64")


# 400 frames are 50 states of the encoder
WEIGHTS = "attention: up to 20,500 weights; the limit is 20,000. Send fewer or shorter sources, "


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"input": [text(NOISE), "a"]}, 422, "input: 2 source columns; model tones expects a sound. Give one file in base64."),
        ({"inputs": [text(NOISE)] * 4}, 422, "inputs: 4 sources; at most 3 can wait. Send them in several requests."),
        ({"table": [{"a": 1}]}, 422, "table: of no effect, model tones answers no numbers; expected input or inputs. Give those."),
        ({"input": text(file(noise(32_000))), "attention": True, "beam": 10, "max_length": 40}, 422, WEIGHTS),
        ({"input": "A" * 400_000}, 413, "body: more than 400,000 bytes, which is the limit. Send the sources in several requests."),
    ],
)
def test_what_is_too_much_is_refused(client: TestClient, body: dict[str, Any], status: int, said: str) -> None:
    answered, message = refusal(client, **body)
    assert (answered, message[: len(said)]) == (status, said)


def test_requests_may_be_larger_where_a_model_hears(hearing: Path) -> None:
    config = load_exported(hearing, threads=1).fields.config
    assert (body_bytes([config]), body_bytes([])) == (16_777_216, 1_048_576)

"""The page in a real browser, before a real server whose models are ten lines each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Dialog, FilePayload, Locator, Page, Route, expect
from stage import DARK, PHONE, served, wait_until

from seqloom.answers import Answerer, Questions
from seqloom.config import DataConfig, FieldsConfig, SearchConfig, TextField, TokensField
from seqloom.data.rows import Row
from seqloom.fields.task import Fields
from seqloom.manifest import Manifest
from seqloom.page import modules_of, read_page
from seqloom.search import Hypothesis


class Reverser:
    """Writes the source backwards, its k-th answer without the first k symbols, and looks where each symbol came from."""

    points = False
    batch_tokens = 8192
    stride = 1

    def find(self, questions: Questions, config: SearchConfig, keep_attention: bool) -> list[list[Hypothesis]]:
        return [[self._answer(ids.tolist(), skipped) for skipped in range(config.beam)] for ids in questions.sources]

    def _answer(self, source: list[int], skipped: int) -> Hypothesis:
        ids = source[-2::-1][skipped:]
        log_probs = [-0.02 * (place % 7) ** 2 for place in range(len(ids) + 1)]
        attention = np.full((len(ids) + 1, len(source)), 0.2 / len(source), np.float32)
        for row in range(len(ids) + 1):
            attention[row, max(len(source) - 2 - row - skipped, 0) if row < len(ids) else -1] += 0.8
        total = sum(log_probs) - skipped
        return Hypothesis(ids, total / (len(ids) + 1), total, log_probs, skipped == 2, attention)


class Model(Answerer):
    """What the server needs of a model."""

    manifest = Manifest(
        name="backwards", precision="int8", parameters=1_234_567, metrics={"loss": None, "exact_match": 0.98765}, search=SearchConfig(),
        data=DataConfig(), files={},
    )  # fmt: skip


def model_of(source: list[Any], names: tuple[str, ...] = (), search: SearchConfig | None = None) -> Model:
    letters = "abcdefghijklmnopqrstuvwxyz ,.'<&>éß한국어"
    config = FieldsConfig(source=source, target=TextField(), shared=len(source) == 1)
    fields = Fields.fit(config, [Row((letters,) * len(source), letters, "made")], names)
    return Model(fields, DataConfig(max_source_length=80), search or SearchConfig(kind="beam", beam=5), Reverser())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server with a model of one column and one of two."""
    models = {
        "backwards": model_of([TextField()]),
        "again": model_of([TextField()]),
        "inflect": model_of([TextField(), TokensField()], ("lemma", "tags")),
    }
    with served(models) as at:
        yield at


@pytest.fixture
def guarded() -> Iterator[str]:
    """A server that asks for a token."""
    with served({"backwards": model_of([TextField()])}, tokens=["sesame"]) as at:
        yield at


def source(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Source")


def ask(page: Page, address: str, text: str) -> None:
    page.goto(address)
    source(page).fill(text)
    page.get_by_role("button", name="Predict").click()


def upload(page: Page, name: str, content: str) -> None:
    page.locator("#upload").set_input_files(FilePayload(name=name, mimeType="text/plain", buffer=content.encode()))


def test_a_click_shows_the_answers_their_scores_and_the_confidence_of_each_symbol(page: Page, address: str) -> None:
    ask(page, address, "abc def")
    expect(page.locator(".best p")).to_have_text("fed cba")
    rows = page.locator("#answers tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.nth(1)).to_have_text("ed cba−0.4036 %")
    expect(page.locator(".tokens li")).to_have_count(8)
    expect(page.locator(".tokens li").nth(3)).to_have_attribute("title", "␣, 84 %")
    expect(page.locator("#status")).to_have_text(re.compile(r"Answered in [\d.]+ m?s"))
    expect(page.locator("#facts")).to_have_text("characters → charactersexact match 0.98771.2M parametersint8")


def test_another_answer_can_be_chosen(page: Page, address: str) -> None:
    ask(page, address, "abc def")
    page.get_by_role("cell", name="d cba cut").click()
    expect(page.locator(".best p")).to_have_text("d cba")
    expect(page.locator(".tokens li")).to_have_count(6)
    expect(page.get_by_role("radio", name="Answer 3")).to_be_checked()


@pytest.mark.parametrize("is_secure", [True, False])
def test_an_answer_can_be_copied(page: Page, address: str, is_secure: bool) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not is_secure:  # as over plain http from another machine
        page.add_init_script("window.clipboard = navigator.clipboard; Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ask(page, address, "abc")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    assert page.evaluate("(window.clipboard ?? navigator.clipboard).readText()") == "cba"


@pytest.mark.logs("404")
def test_a_missing_file_of_the_page_is_said_where_it_is_served(page: Page, address: str) -> None:
    page.route("**/page/tokens.js", lambda route: route.fulfill(status=404))
    page.goto(address)
    expect(page.locator("#unopened")).to_contain_text("This page did not start: a file of it is missing")


def test_all_modules_are_asked_for_at_once(page: Page, address: str) -> None:
    held: list[Route] = []
    page.route("**/app.js", lambda route: held.append(route))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
    page.goto(address, wait_until="commit")
    modules = {*modules_of(read_page()), "late.js"}
    wait_until(page, lambda: held and modules <= set(asked))
    for route in held:
        route.continue_()
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    assert {name for name in asked if name.endswith(".js")} == modules


def test_the_heat_map_follows_the_pointer(page: Page, address: str) -> None:
    ask(page, address, "abc")
    readout, canvas = page.locator(".readout"), page.locator("canvas")
    expect(readout).to_have_text("Where each symbol looked in the source")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 45, box["y"] + box["height"] - 105)
    expect(readout).to_have_text("c ← c   85 %")
    page.mouse.move(box["x"] - 5, box["y"])
    expect(readout).to_have_text("Where each symbol looked in the source")


def test_a_heat_map_does_not_fade_while_one_symbol_after_another_is_looked_at(page: Page, address: str) -> None:
    page.goto(address)
    source(page).fill("abc")
    source(page).press("Enter")
    expect(page.locator(".best p")).to_have_text("cba")
    drawn = "document.querySelector('canvas').toDataURL()"
    before = page.evaluate(drawn)
    for place in (0, 1, 2):
        page.locator("ol.tokens li").nth(place).hover()
    page.mouse.move(0, 0)
    page.wait_for_function(f"before => {drawn} === before", arg=before)


def test_heat_maps_that_are_gone_are_let_go_and_the_one_that_is_there_follows_the_colours(page: Page, address: str) -> None:
    page.goto(address)
    for text in ("abc", "bcd", "cde", "def", "efg", "fgh"):
        source(page).fill(text)
        source(page).press("Enter")
        expect(page.locator(".best p")).to_have_text(text[::-1])
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(200)
    prototype = session.send("Runtime.evaluate", {"expression": "HTMLCanvasElement.prototype"})["result"]["objectId"]
    held = session.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]["objectId"]
    count = "function () { return this.length; }"
    counted = session.send("Runtime.callFunctionOn", {"objectId": held, "functionDeclaration": count, "returnByValue": True})
    assert counted["result"]["value"] <= 4, "the one on the page, what it is drawn from, and at most as many of the one before"
    drawn = "document.querySelector('canvas').toDataURL()"
    light = page.evaluate(drawn)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {drawn} !== light", arg=light)


def test_all_can_be_done_with_the_keyboard(page: Page, address: str) -> None:
    page.goto(address)
    expect(source(page)).to_be_focused()
    page.keyboard.type("abc")
    page.keyboard.press("Enter")
    expect(page.locator(".best p")).to_have_text("cba")
    seen = [tab(page) for _ in range(9)]
    assert seen == [
        "summary",
        "button Predict",
        "button Copy",
        "li c, 100 %",
        "input Answer 1",
        "canvas",
        "input upload",
        "body",
        "select model",
    ]
    page.get_by_role("radio", name="Answer 1").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".best p")).to_have_text("ba")
    page.locator(".tokens li").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tokens li").nth(1)).to_be_focused()
    expect(page.locator(".readout")).to_have_text("a ← a   85 %")
    page.locator("canvas").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".readout")).to_have_text("a ← ⏎   5 %")


def tab(page: Page) -> str:
    """What the next press of the tab key reaches."""
    page.keyboard.press("Tab")
    return page.evaluate(
        "(({localName, id, ariaLabel, textContent}) => [localName, ariaLabel && localName != 'canvas' ? ariaLabel : "
        "localName == 'button' ? textContent : localName == 'canvas' ? '' : id].filter(Boolean).join(' '))(document.activeElement)"
    )


def test_each_line_is_a_source_and_blank_lines_are_left_out(page: Page, address: str) -> None:
    page.goto(address)
    source(page).focus()
    page.keyboard.type("ab")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("cde")
    page.keyboard.press("Enter")
    expect(page.locator(".asked")).to_have_text(["ab", "cde"])
    expect(page.locator(".best p")).to_have_text(["ba", "edc"])


def test_a_model_of_several_columns_has_a_box_a_column(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Model").select_option("inflect")
    page.get_by_label("lemma").fill("ab")
    page.get_by_label("tags").fill("c d")
    with page.expect_request("**/v1/predict") as sent:
        page.get_by_role("button", name="Predict").click()
    assert sent.value.post_data_json["inputs"] == [["ab", "c d"]]
    expect(page.locator(".best p")).to_be_visible()


def test_what_was_typed_stays_where_another_model_reads_as_many_columns(page: Page, address: str) -> None:
    page.goto(address)
    source(page).fill("abc")
    page.get_by_label("Model").select_option("again")
    expect(source(page)).to_have_value("abc")


def test_a_model_of_a_kind_that_the_page_cannot_show_is_named(page: Page, address: str) -> None:
    kinds = {"source": [{"name": "values", "kind": "numbers"}], "target": {"name": "values", "kind": "numbers"}}
    digits = {"name": "digits", **kinds, "search": {}, "precision": "float32", "parameters": 3_000_000, "metrics": {}}
    page.route("**/v1/models", lambda route: route.fulfill(json={"models": [digits]}))
    page.goto(address)
    expected = "This model goes from numbers to numbers, which the page cannot show. Ask it from Python or the command line."
    expect(page.locator("#source")).to_have_text(expected)
    expect(page.get_by_role("button", name="Predict")).to_be_hidden()


def test_settings_of_the_search_are_sent(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("Search", exact=True).click()
    expect(page.get_by_label("Beam")).to_have_attribute("placeholder", "5")
    page.get_by_role("spinbutton", name="Answers").fill("2")
    source(page).fill("abc")
    with page.expect_request("**/v1/predict") as sent:
        source(page).press("Enter")
    expected = {"n_best": 2, "inputs": [["abc"]], "model": "backwards", "scores": True, "attention": True}
    assert sent.value.post_data_json == expected
    expect(page.locator("#answers tbody tr")).to_have_count(2)


@pytest.mark.parametrize(
    ("search", "beam"), [(SearchConfig(kind="greedy"), 1), (SearchConfig(kind="greedy", beam=5), 1), (SearchConfig(kind="beam", beam=3), 3)]
)
def test_settings_that_are_left_empty_are_the_models_own(page: Page, search: SearchConfig, beam: int) -> None:
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request.post_data_json) if request.method == "POST" else None)
    with served({"backwards": model_of([TextField()], search=search)}) as address:
        ask(page, address, "abc")
        expect(page.locator(".best p")).to_have_text("cba")
        expect(page.locator("#answers tbody tr")).to_have_count(beam if beam > 1 else 0)
        for name in ("n_best", "beam"):
            expect(page.locator(f"#{name}")).to_have_attribute("placeholder", str(beam))
    assert asked == [{"n_best": beam, "inputs": [["abc"]], "model": "backwards", "scores": True, "attention": True}]


def test_a_setting_that_cannot_be_used_is_shown_and_any_length_penalty_can(page: Page, address: str) -> None:
    page.goto(address)
    search = page.get_by_text("Search", exact=True)
    search.click()
    page.get_by_label("Length penalty").fill("0.25")
    search.click()
    source(page).fill("abc")
    with page.expect_request("**/v1/predict") as sent:
        source(page).press("Enter")
    assert sent.value.post_data_json["length_penalty"] == 0.25
    for wrong in ("0", "e"):
        page.locator("#search").evaluate("element => (element.open = true)")
        page.get_by_label("Beam").fill("")
        page.get_by_label("Beam").press_sequentially(wrong)
        search.click()
        expect(page.get_by_label("Beam")).to_be_hidden()
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        upload(page, "words.txt", "abc\n")
        expect(page.get_by_label("Beam")).to_be_focused()
        search.click()
        source(page).press("Enter")
        expect(page.get_by_label("Beam")).to_be_focused()
        assert not asked


@pytest.mark.logs("422")
def test_an_error_of_the_server_is_shown_and_what_was_typed_stays(page: Page, address: str) -> None:
    ask(page, address, "a" * 2001)
    advice = "Cut it into shorter parts, or serve with a higher --max-characters."
    expect(page.get_by_role("alert").first).to_have_text(f"inputs[0]: 2,001 characters; the limit is 2,000. {advice}")
    expect(source(page)).to_have_value("a" * 2001)
    source(page).fill("ab")
    source(page).press("Enter")
    expect(page.locator(".best p")).to_have_text("ba")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_nothing_typed_is_said(page: Page, address: str) -> None:
    ask(page, address, "  ")
    expect(page.get_by_role("alert").first).to_have_text("Nothing to predict from: type a source first.")


@pytest.mark.logs("ERR_FAILED")
def test_a_server_that_is_gone_is_said(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    page.route("**/v1/predict", lambda route: route.abort())
    source(page).fill("ab")
    source(page).press("Enter")
    expected = "The server cannot be reached. See whether `seqloom serve` is running, then try again."
    expect(page.get_by_role("alert").first).to_have_text(expected)


@pytest.mark.logs("401")
def test_a_token_is_asked_for_and_kept(page: Page, guarded: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept("sesame"))[-1])
    ask(page, guarded, "ab")
    expect(page.locator(".best p")).to_have_text("ba")
    assert asked == ["This server asks for a token."]


@pytest.mark.logs("401")
def test_what_is_no_token_does_not_lock_the_page(page: Page, guarded: str) -> None:
    given, asked = iter(["öffne dich, sesam", "wrong-token", "öffne", "", "sesame"]), list[str]()

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        token = next(given)
        dialog.accept(token) if token else dialog.dismiss()

    page.on("dialog", answer)
    page.goto(guarded)
    expect(page.get_by_role("alert").first).to_contain_text("no token that is known here")
    assert page.evaluate("sessionStorage.length") == 0
    ask(page, guarded, "ab")
    expect(page.locator(".best p")).to_have_text("ba")
    question = "This server asks for a token."
    again = f"That is no token: it has ASCII characters only, and no blanks. {question}"
    assert asked == [question, again, question, again, question]


def test_texts_are_never_read_as_html(page: Page, address: str) -> None:
    ask(page, address, ">b<x>i<")
    expect(page.locator(".best p")).to_have_text("<i>x<b>")
    expect(page.locator("#answers i, #answers b")).to_have_count(0)


def test_a_file_is_answered_line_by_line_and_the_answers_can_be_saved(page: Page, address: str, tmp_path: Path) -> None:
    page.goto(address)
    upload(page, "words.txt", "".join(f"{'ab' * (number % 9)}c\n" for number in range(150)) + "\nxyz\n")
    expect(page.get_by_text("152 answers.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the answers").click()
    assert download.value.suggested_filename == "words.answers.tsv"
    download.value.save_as(tmp_path / "answers.tsv")
    lines = [line.split("\t") for line in (tmp_path / "answers.tsv").read_text(encoding="utf-8").splitlines()]
    assert [line[:2] for line in lines[:2] + lines[-2:]] == [["c", "c"], ["abc", "cba"], ["", ""], ["xyz", "zyx"]]
    assert lines[-2][2] == ""
    assert float(lines[-1][2]) == pytest.approx(-0.07)


def test_many_lines_are_answered_as_a_file_is(page: Page, address: str) -> None:
    ask(page, address, "\n".join(f"{'ab' * (number % 9)}c" for number in range(50)))
    expect(page.locator("article.card")).to_have_count(50)
    source(page).fill("\n".join(f"{'ab' * (number % 9)}c" for number in range(300)))
    source(page).press("Enter")
    expect(page.get_by_text("300 answers.")).to_be_visible()
    expect(page.locator("article.card")).to_have_count(0)
    expect(page.get_by_label("The first answers").get_by_role("row")).to_have_count(5)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the answers").click()
    assert download.value.suggested_filename == "lines.answers.tsv"


@pytest.mark.logs("422")
def test_what_is_wrong_with_a_line_of_a_file_is_said_by_its_number_and_a_part_of_the_answers_is_called_so(page: Page, address: str) -> None:
    page.goto(address)
    upload(page, "f.txt", "abc\n" * 69 + "x" * 2001 + "\nabc\n")
    expected = "f.txt:70: 2,001 characters; the limit is 2,000. Cut it into shorter parts, or serve with a higher --max-characters."
    expect(page.locator("#file").get_by_role("alert")).to_have_text(expected)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the first 64 of 71 answers").click()
    assert download.value.suggested_filename == "f.first-64.answers.tsv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("abc\nfünf\n".encode("latin-1"), "f.txt:2: not UTF-8; expected UTF-8. Save it as UTF-8."),
        ("abc".encode("utf-16"), "f.txt:1: not UTF-8; it begins with the byte order mark of UTF-16. Save it as UTF-8."),
    ],
)
def test_a_file_that_is_not_utf8_is_refused(page: Page, address: str, content: bytes, message: str) -> None:
    page.goto(address)
    page.locator("#upload").set_input_files(FilePayload(name="f.txt", mimeType="text/plain", buffer=content))
    expect(page.locator("#file").get_by_role("alert")).to_have_text(message)


def test_a_file_cannot_be_given_before_there_is_a_model_to_answer_it(page: Page, address: str) -> None:
    held: list[Route] = []
    page.route("**/v1/models", lambda route: held.append(route))
    page.goto(address)
    expect(page.locator("#file")).to_be_hidden()
    expect(page.locator("#upload")).to_have_count(0)
    while not held:
        page.wait_for_timeout(10)
    held[0].continue_()
    upload(page, "words.txt", "abc\n")
    expect(page.get_by_text("1 answer.")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "tags.tsv: empty; expected a source a line. Choose another file."),
        ("ab\tX\nab\n", "tags.tsv:2: 1 column; expected 2, separated by tabs. Mend the line."),
        ("a\0b", "tags.tsv: not text; expected a source a line. Choose another file."),
    ],
)
def test_a_file_that_cannot_be_answered_is_refused(page: Page, address: str, content: str, message: str) -> None:
    page.goto(address)
    page.get_by_label("Model").select_option("inflect")
    upload(page, "tags.tsv", content)
    expect(page.locator("#file").get_by_role("alert")).to_have_text(message)


@pytest.mark.parametrize("page", [DARK], indirect=True, ids=["dark"])
def test_the_page_is_dark_where_the_system_is(page: Page, address: str) -> None:
    ask(page, address, "abc def")
    expect(page.locator(".best p")).to_have_text("fed cba")
    background, colour = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
    assert luminance(background) < 0.1 < 0.8 < luminance(colour)


@pytest.mark.parametrize("page", [PHONE, {**PHONE, **DARK}], indirect=True, ids=["phone", "dark phone"])
def test_the_page_fits_a_phone(page: Page, address: str) -> None:
    ask(page, address, "the quick brown fox jumps over the lazy dog, and on")
    expect(page.locator(".best p")).to_contain_text("no dna")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    button = page.get_by_role("button", name="Predict").bounding_box()
    assert button is not None
    assert button["height"] >= 40


CONTRASTS = """() => {
  const of = (selector, pseudo) => getComputedStyle(document.querySelector(selector), pseudo);
  const [box, placeholder, card] = [of("textarea"), of("textarea", "::placeholder"), of(".card")];
  document.querySelector(".tokens li").classList.add("unsure");
  const [symbol, tint] = [of(".tokens li").color, of("tbody tr").backgroundColor];
  return {
    placeholder: [placeholder.color, box.backgroundColor, Number(placeholder.opacity)],
    border: [box.borderColor, card.backgroundColor, 1],
    "border inside": [box.borderColor, box.backgroundColor, 1],
    drop: [of(".drop").borderColor, card.backgroundColor, 1],
    unsure: [symbol, tint, 1],
  };
}"""


@pytest.mark.parametrize("page", [{}, DARK], indirect=True, ids=["light", "dark"])
def test_what_can_be_read_and_filled_in_stands_out(page: Page, address: str) -> None:
    ask(page, address, "abc")
    expect(page.locator("tbody tr").first).to_be_visible()  # its colour is that of a symbol under the pointer
    for name, (front, behind, opacity) in page.evaluate(CONTRASTS).items():
        assert opacity == 1
        lights = sorted((relative_luminance(front), relative_luminance(behind)))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= (3 if name.startswith(("border", "drop")) else 4.5), name
    box = page.get_by_role("radio").first.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24


def relative_luminance(colour: str) -> float:
    """As WCAG 2 has it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_answers_are_said_aloud_and_texts_run_in_their_own_direction(page: Page, address: str) -> None:
    ask(page, address, "abc")
    expect(page.get_by_role("status").first).to_have_text("Answer: cba")
    source(page).fill("abc\nbcd")
    source(page).press("Enter")
    expect(page.get_by_role("status").first).to_have_text("2 answers.")
    expect(page.get_by_role("application")).to_have_count(2)
    source(page).fill("שלום")
    assert source(page).evaluate("element => getComputedStyle(element).direction") == "rtl"
    expect(page.locator("#prefix")).to_have_attribute("dir", "auto")


def luminance(colour: str) -> float:
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

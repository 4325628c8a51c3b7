/** Where the source is typed: a text box a column. Each line is a source of its own where there is one column. */

import { Answers } from "./answers.js";
import { element } from "./element.js";

const MOST_SHOWN = 50; // sources whose answers are shown each with its table and map
const TAB = "\t";

export class TextSource {
  #boxes;

  /**
   * @param {{source: {name: string}[]}} model as `GET /v1/models` gives it
   * @param {{onsubmit: () => void, texts: string[]}} options what Enter does, and what the boxes hold at first where there are as many
   */
  constructor(model, { onsubmit, texts }) {
    this.#boxes = model.source.map(({ name }, index) =>
      element("textarea", {
        id: `source-${index}`,
        rows: 2,
        dir: "auto",
        name,
        value: texts.length === model.source.length ? texts[index] : "",
        spellcheck: false,
        autocapitalize: "off",
        autocomplete: "off",
        placeholder: index === 0 ? "Type or paste here" : "",
        oninput: ({ target }) => grow(target),
        onkeydown: (event) => this.#submitOnEnter(event, onsubmit),
        onpaste: (event) => this.#spreadColumns(event),
      }),
    );
    const hint = model.source.length === 1 ? "Enter predicts · Shift Enter begins another source" : "Enter predicts";
    this.element = element(
      "div",
      { className: "columns" },
      ...this.#boxes.map((box, index) => element("div", {}, element("label", { htmlFor: box.id }, labelOf(model, index)), box)),
      element("p", { className: "hint" }, hint),
    );
  }

  /** What the boxes hold. */
  get texts() {
    return this.#boxes.map((box) => box.value);
  }

  /** The sources, each with a text a column; those without any text are left out. */
  get sources() {
    const { texts } = this;
    const sources = texts.length === 1 ? texts[0].split("\n").map((line) => [line]) : [texts];
    return sources.map((source) => source.map((text) => text.trim())).filter((source) => source.some(Boolean));
  }

  /** The lines as a file, where they are too many to be shown one by one. */
  get file() {
    return this.sources.length > MOST_SHOWN ? new Blob([this.texts[0]]) : null;
  }

  /** What to do first, or nothing. */
  get missing() {
    return this.sources.length ? "" : "Nothing to predict from: type a source first.";
  }

  /** Elements with the answers. */
  async answers({ predict }) {
    const inputs = this.sources;
    const predictions = await predict({ inputs });
    return predictions.map((prediction, place) => new Answers(prediction, inputs.length > 1 ? inputs[place] : null).element);
  }

  focus() {
    this.#boxes[0].focus();
  }

  #submitOnEnter(event, onsubmit) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    onsubmit();
  }

  /** A pasted line of a table fills all columns. */
  #spreadColumns(event) {
    const texts = event.clipboardData.getData("text").replace(/\r?\n$/, "").split(TAB);
    if (this.#boxes.length === 1 || texts.length !== this.#boxes.length) return;
    event.preventDefault();
    this.#boxes.forEach((box, index) => (box.value = texts[index]));
  }
}

function labelOf(model, index) {
  const { name } = model.source[index];
  if (model.source.length === 1) return /^\d+$/.test(name) ? "Source" : `Source: ${name}`;
  return /^\d+$/.test(name) ? `Column ${name}` : name;
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

/** The answers to one source: the chosen one large and symbol by symbol, all of them as a table, and where the chosen one looked. */

import { decimal, element, percent } from "./element.js";
import { HeatMap } from "./heatmap.js";
import { Tokens } from "./tokens.js";

let tables = 0; // radio buttons of one table share a name

export class Answers {
  #prediction;
  #isSound;
  #chosen = element("div", { className: "chosen" });
  #attention = element("div", {});

  /**
   * @param {{outputs: object[], source_tokens?: string[]}} prediction as `POST /v1/predict` gives it
   * @param {string[] | null} source texts, where they must be told from those of other answers
   * @param {{isSound?: boolean}} options whether source_tokens are seconds, as those of a sound are
   */
  constructor(prediction, source, { isSound = false } = {}) {
    this.#prediction = prediction;
    this.#isSound = isSound;
    const { outputs } = prediction;
    this.element = element("article", { className: "card" });
    if (source) this.element.append(element("p", { className: "asked", dir: "auto" }, source.join("  ·  ")));
    this.element.append(this.#chosen);
    if (outputs.length > 1) this.element.append(this.#table(outputs));
    this.element.append(this.#attention);
    if (outputs.length) this.#choose(0);
    else this.#chosen.append(element("p", { className: "hint" }, "No answer."));
  }

  /** Show one of the answers in full. */
  #choose(place) {
    const output = this.#prediction.outputs[place];
    const map = output.attention && new HeatMap(this.#prediction.source_tokens, output.tokens, output.attention, { isSound: this.#isSound });
    const tokens = output.tokens && new Tokens(output, (row) => map?.look(row));
    this.#chosen.replaceChildren(large(output), ...(tokens ? [tokens.element] : []));
    this.#attention.replaceChildren(...(map ? [map.element] : []));
    this.#attention.hidden = !map;
  }

  #table(outputs) {
    const name = `answer-${tables++}`;
    const head = ["", "Answer", "Score", "Probability"].map((text) => element("th", { scope: "col" }, text));
    const rows = outputs.map((output, place) => {
      const radio = element("input", { type: "radio", name, checked: place === 0, "aria-label": `Answer ${place + 1}`, onchange: () => this.#choose(place) });
      return element(
        "tr",
        { onclick: () => radio.checked || radio.click() },
        element("td", {}, radio),
        element("td", { className: "text", dir: "auto" }, output.text || "(empty)", ...marks(output)),
        element("td", { className: "number" }, decimal(output.score ?? -Infinity, 3)),
        element("td", { className: "number" }, percent(Math.exp(output.log_prob ?? -Infinity))),
      );
    });
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
    return element("div", { className: "scroll" }, table);
  }
}

/** The answer, large, with a button that copies it. */
function large(output) {
  const button = element("button", { type: "button", className: "quiet" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await isCopied(output.text)) ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return element("div", { className: "best" }, element("p", { dir: "auto" }, output.text || "(empty)"), button);
}

/** Whether a text is in the clipboard now, which browsers give to https and to this machine; elsewhere a selection can be copied. */
async function isCopied(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const last = document.activeElement;
  const box = element("textarea", { value: text, className: "unseen" });
  document.body.append(box);
  box.select();
  const isDone = document.execCommand("copy");
  box.remove();
  last?.focus();
  return isDone;
}

function marks(output) {
  return output.cut ? [" ", element("span", { className: "mark", title: "Ended by the longest allowed length" }, "cut")] : [];
}

/** A whole file: its lines are answered in parts, and the answers can be saved. */

import { dropZone } from "./drop.js";
import { element } from "./element.js";
import { readText } from "./text.js";

const TOGETHER = 64; // sources in one request
const SHOWN = 5;

export class WholeFile {
  #predict;
  #isReady;
  #columns = 1;
  #work = null; // AbortController of what runs
  #saved = null; // address of the last result
  #bar = element("progress", { max: 1, value: 0, "aria-label": "Sources answered" });
  #progress = element("p", { className: "hint" });
  #status = element("p", { role: "status" });
  #alert = element("p", { className: "alert", role: "alert", hidden: true });
  #stop = element("button", { type: "button", onclick: () => this.#work?.abort() }, "Stop");
  #result = element("div", { className: "result", hidden: true });
  #running = element("div", { className: "running", hidden: true }, this.#bar, this.#progress, this.#stop);
  #hint = element("p", { className: "hint" });

  /**
   * @param {(request: object, signal: AbortSignal) => Promise<object[]>} predict
   * @param {() => boolean} isReady whether the settings can be used; shows which of them cannot
   */
  constructor(predict, isReady) {
    this.#predict = predict;
    this.#isReady = isReady;
    const about = { id: "upload", accept: ".txt,.tsv,text/plain,text/tab-separated-values", what: "a text file" };
    const drop = dropZone(about, (file) => this.answer(file, file.name));
    this.elements = [this.#hint, drop, this.#running, this.#status, this.#alert, this.#result];
  }

  /** Be ready for another model. */
  set model({ source }) {
    this.#columns = source.length;
    const columns = source.length === 1 ? "" : `, its ${source.length} columns separated by tabs`;
    this.#hint.textContent = `One source a line${columns}. The answers come back as a table: source, answer, score.`;
    this.#work?.abort();
    this.#clear();
  }

  #clear() {
    this.#status.textContent = "";
    this.#alert.hidden = true;
    this.#result.hidden = true;
    if (this.#saved) URL.revokeObjectURL(this.#saved);
    this.#saved = null;
  }

  /**
   * Answer the lines of a file.
   *
   * @param {Blob} file
   * @param {string} name what a message calls it
   */
  async answer(file, name) {
    if (!this.#isReady()) return;
    this.#work?.abort();
    const work = (this.#work = new AbortController());
    this.#clear();
    this.#running.hidden = false;
    const rows = [];
    let sources = [];
    try {
      sources = readSources(await readText(file, name), this.#columns, name);
      await this.#answer(sources, rows, name, work.signal);
      if (this.#work === work) this.#status.textContent = `${count(rows.length, "answer")}.`;
    } catch (error) {
      if (this.#work !== work) return;
      if (error.name !== "AbortError") this.#fail(error);
      else this.#status.textContent = `Stopped after ${count(rows.length, "answer")}.`;
    }
    this.#running.hidden = true;
    if (rows.length) this.#offer(rows, name.replace(/\.\w+$/, ""), sources.length);
  }

  async #answer(sources, rows, name, signal) {
    for (let start = 0; start < sources.length; start += TOGETHER) {
      this.#bar.value = start / sources.length;
      this.#progress.textContent = `${start.toLocaleString("en")} of ${count(sources.length, "source")}`;
      const part = sources.slice(start, start + TOGETHER);
      const predictions = await this.#predict({ inputs: part, scores: true }, signal).catch((error) => {
        throw error.name === "AbortError" ? error : new Error(byLine(error.message, name, start));
      });
      signal.throwIfAborted();
      predictions.forEach(({ outputs: [first] }, place) => rows.push([...part[place], first?.text ?? "", first?.score?.toFixed(6) ?? ""]));
    }
  }

  #fail(error) {
    this.#status.textContent = "";
    this.#alert.textContent = error.message;
    this.#alert.hidden = false;
  }

  /** Show the first answers, and let all that are there be saved. */
  #offer(rows, name, expected) {
    const isWhole = rows.length === expected;
    const table = rows.map((row) => row.map(escape).join("\t")).join("\n");
    this.#saved = URL.createObjectURL(new Blob([table, "\n"], { type: "text/tab-separated-values" }));
    const download = `${name}${isWhole ? "" : `.first-${rows.length}`}.answers.tsv`;
    const what = isWhole ? "Save the answers" : `Save the first ${rows.length.toLocaleString("en")} of ${count(expected, "answer")}`;
    const link = element("a", { href: this.#saved, download, className: "button primary" }, what);
    this.#result.replaceChildren(preview(rows), link);
    this.#result.hidden = false;
  }
}

/** The sources of a text, one a line: texts of as many columns as the model has. */
export function readSources(text, columns, name) {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  if (!lines.length) throw new Error(`${name}: empty; expected a source a line. Choose another file.`);
  if (lines.some((line) => line.includes("\0"))) throw new Error(`${name}: not text; expected a source a line. Choose another file.`);
  return lines.map((line, index) => {
    const texts = line.split("\t");
    if (line && texts.length < columns) {
      throw new Error(`${name}:${index + 1}: ${count(texts.length, "column")}; expected ${columns}, separated by tabs. Mend the line.`);
    }
    return Array.from({ length: columns }, (_, column) => (texts[column] ?? "").trim());
  });
}

/** What is said of sources by their places in a request, said by the lines of a file, of which so many came before. */
function byLine(message, name, before) {
  return message.replace(/\binputs\[(\d+)\]/g, (_, place) => `${name}:${before + Number(place) + 1}`);
}

/** The first answers as a table; the score stands last in a row. */
function preview(rows) {
  const lines = rows.slice(0, SHOWN).map((row) => {
    const cells = row.map((text) => element("td", { dir: "auto" }, text));
    cells.at(-1).className = "number";
    return element("tr", {}, ...cells);
  });
  return element("div", { className: "scroll" }, element("table", { "aria-label": "The first answers" }, element("tbody", {}, ...lines)));
}

function escape(text) {
  return text.replace(/\\/g, "\\\\").replace(/\t/g, "\\t").replace(/\n/g, "\\n").replace(/\r/g, "\\r");
}

function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

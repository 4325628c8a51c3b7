/** The page: one source or a whole file, one model of those that there are, answers as they come. */

import { connect } from "./backend.js";
import { element } from "./page/element.js";
import { describe } from "./page/facts.js";
import { WholeFile } from "./page/file.js";
import { readsLines, sourceOf, writes } from "./page/kinds.js";
import { Settings } from "./page/settings.js";

const MOST_SAID = 200; // characters of an answer that are said aloud

const find = (id) => document.getElementById(id);

class Page {
  #backend;
  #model;
  #source;
  #settings;
  #work = null; // AbortController of the question that is being answered
  #file = new WholeFile(
    (request, signal) => this.#backend.predict({ ...this.#settings.request, ...request, n_best: 1, model: this.#model.name }, signal),
    () => find("ask").reportValidity(),
  );

  async start() {
    find("unopened").remove(); // from a file no module is loaded, and it stays
    find("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
    find("ask").addEventListener("invalid", () => (find("search").open = true), true); // what is wrong is shown at its setting
    try {
      this.#backend = await connect((text, isNews) => this.#tell(text, isNews ? text : find("aloud").textContent));
      this.#offer(await this.#backend.models());
    } catch (error) {
      this.#fail(error);
    }
  }

  #offer(models) {
    find("model").replaceChildren(...models.map(({ name }) => element("option", { value: name }, name)));
    find("model").addEventListener("change", ({ target }) => this.#take(models[target.selectedIndex]));
    find("model").parentElement.hidden = models.length < 2;
    find("file").append(...this.#file.elements); // not before: without a model no file can be answered
    this.#take(models[0]);
  }

  /** Work with a model from now on. */
  #take(model) {
    this.#work?.abort();
    this.#model = model;
    this.#source?.leave?.();
    this.#source = sourceOf(model, {
      onsubmit: () => find("ask").requestSubmit(),
      onerror: (error) => this.#fail(error),
      readSound: this.#backend.sound,
      texts: this.#source?.texts ?? [],
    });
    this.#settings = new Settings(model);
    this.#file.model = model;
    find("facts").replaceChildren(...describe(model));
    find("source").replaceChildren(this.#source.element);
    find("search").querySelector(".settings").replaceChildren(...this.#settings.elements);
    find("search").hidden = !writes(model);
    find("file").hidden = !readsLines(model);
    button().hidden = !this.#source.answers;
    this.#show([]);
    button().disabled = false;
    this.#tell("");
    if (matchMedia("(hover: hover)").matches) this.#source.focus(); // on a phone the keyboard would cover the page
  }

  async #ask() {
    if (this.#source.missing) {
      this.#fail(new Error(this.#source.missing));
      this.#source.focus();
      return;
    }
    this.#work?.abort();
    if (this.#source.file) {
      this.#askMany(this.#source.file);
      return;
    }
    const work = (this.#work = new AbortController());
    const began = performance.now();
    find("alert").hidden = true;
    this.#tell("Predicting…");
    try {
      const answers = await this.#source.answers(this.#asking(work.signal));
      if (work.signal.aborted) return;
      this.#show(answers);
      this.#tell(`Answered in ${duration(performance.now() - began)}`, spoken(answers));
    } catch (error) {
      if (this.#work === work && error.name !== "AbortError") this.#fail(error);
    }
  }

  /** Answer many lines as those of a file: with progress, and to be saved. */
  #askMany(lines) {
    this.#show([]);
    this.#tell("So many lines are answered as a whole file, below.");
    this.#file.answer(lines, "lines");
    find("file").scrollIntoView({ block: "nearest" });
  }

  /** How a source asks for its answers: as the page is set now. */
  #asking(signal) {
    const model = this.#model.name;
    const settings = { ...this.#settings.request, model, scores: true };
    return {
      predict: (request) => this.#predict({ ...settings, ...request }, signal),
      forecast: (request) => this.#backend.forecast({ ...request, model }, signal),
    };
  }

  /** With where each answer looked; without, where that would be more than a server gives. */
  async #predict(request, signal) {
    try {
      return await this.#backend.predict({ ...request, attention: true }, signal);
    } catch (error) {
      if (!error.message.startsWith("attention: ")) throw error;
      return this.#backend.predict(request, signal);
    }
  }

  #show(answers) {
    find("alert").hidden = true;
    find("answers").replaceChildren(...answers);
    find("answers").hidden = !answers.length;
  }

  /** Show how far things are; what is said aloud may be another text, or nothing new. */
  #tell(text, aloud = text) {
    find("status").textContent = text;
    if (find("aloud").textContent !== aloud) find("aloud").textContent = aloud;
  }

  /** Say what is wrong; no answer stands below it, which would be one to something else. */
  #fail(error) {
    this.#show([]);
    this.#tell("");
    find("alert").textContent = error.message;
    find("alert").hidden = false;
  }
}

function button() {
  return find("ask").querySelector("button[type=submit]");
}

/** The answer in short, for those who listen. */
function spoken(answers) {
  const texts = answers.flatMap((answer) => answer.querySelector(".best p")?.textContent ?? []);
  if (texts.length > 1) return `${texts.length} answers.`;
  if (!texts.length) return "Answered.";
  return `Answer: ${texts[0].slice(0, MOST_SAID)}${texts[0].length > MOST_SAID ? "…" : ""}`;
}

function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

await new Page().start();

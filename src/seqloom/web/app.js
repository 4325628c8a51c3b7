/** The page: one source or a whole file, one model of those that there are, answers as they come. */

import { connect } from "./backend.js";
import { Answers } from "./page/answers.js";
import { element } from "./page/element.js";
import { describe } from "./page/facts.js";
import { WholeFile } from "./page/file.js";
import { readsLines, sourceOf } from "./page/kinds.js";
import { Settings } from "./page/settings.js";

const find = (id) => document.getElementById(id);

class Page {
  #backend;
  #model;
  #source;
  #settings;
  #work = null; // AbortController of the question that is being answered
  #file = new WholeFile((request, signal) => this.#backend.predict({ ...this.#settings.request, ...request, n_best: 1, model: this.#model.name }, signal));

  async start() {
    find("file").append(...this.#file.elements);
    find("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
    try {
      this.#backend = await connect((text) => (find("status").textContent = text));
      this.#offer(await this.#backend.models());
    } catch (error) {
      this.#fail(error);
    }
  }

  #offer(models) {
    find("model").replaceChildren(...models.map(({ name }) => element("option", { value: name }, name)));
    find("model").addEventListener("change", ({ target }) => this.#take(models[target.selectedIndex]));
    find("model").parentElement.hidden = models.length < 2;
    this.#take(models[0]);
  }

  /** Work with a model from now on. */
  #take(model) {
    this.#work?.abort();
    this.#model = model;
    this.#source = sourceOf(model, { onsubmit: () => find("ask").requestSubmit(), texts: this.#source?.texts ?? [] });
    this.#settings = new Settings(model);
    this.#file.model = model;
    find("facts").replaceChildren(...describe(model));
    find("source").replaceChildren(this.#source.element);
    find("search").querySelector(".settings").replaceChildren(...this.#settings.elements);
    for (const part of [find("search"), find("file"), button()]) part.hidden = !readsLines(model);
    this.#show([]);
    button().disabled = false;
    find("status").textContent = "";
    if (matchMedia("(hover: hover)").matches) this.#source.focus(); // on a phone the keyboard would cover the page
  }

  async #ask() {
    const inputs = this.#source.sources;
    if (!inputs.length) {
      this.#fail(new Error("Nothing to predict from: type a source first."));
      this.#source.focus();
      return;
    }
    this.#work?.abort();
    const work = (this.#work = new AbortController());
    const began = performance.now();
    find("alert").hidden = true;
    find("status").textContent = "Predicting…";
    try {
      const request = { ...this.#settings.request, inputs, model: this.#model.name, scores: true, attention: true };
      const predictions = await this.#backend.predict(request, work.signal);
      if (work.signal.aborted) return;
      this.#show(predictions.map((prediction, place) => new Answers(prediction, inputs.length > 1 ? inputs[place] : null).element));
      find("status").textContent = `Answered in ${duration(performance.now() - began)}`;
    } catch (error) {
      if (this.#work === work && error.name !== "AbortError") this.#fail(error);
    }
  }

  #show(answers) {
    find("alert").hidden = true;
    find("answers").replaceChildren(...answers);
    find("answers").hidden = !answers.length;
  }

  #fail(error) {
    find("status").textContent = "";
    find("alert").textContent = error.message;
    find("alert").hidden = false;
  }
}

function button() {
  return find("ask").querySelector("button[type=submit]");
}

function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

await new Page().start();

/** How to search: fields that show the model's own settings, and give only what was changed. */

import { element } from "./element.js";

const ANSWERS = 5; // at the most, where no more are asked for
const NUMBERS = [
  { name: "n_best", label: "Answers", min: 1, max: 32, step: 1 },
  { name: "beam", label: "Beam", min: 1, max: 32, step: 1 },
  { name: "length_penalty", label: "Length penalty", min: 0, max: 10, step: "any" },
  { name: "max_length", label: "Longest answer", min: 1, max: 1000, step: 1, empty: "by source" },
];

export class Settings {
  #inputs;
  #beam; // of the model's own search
  #prefix = element("input", { id: "prefix", type: "text", dir: "auto", autocomplete: "off", spellcheck: false });
  #replace = element("input", { id: "replace_unknown", type: "checkbox" });

  /** @param {{search: Record<string, unknown>}} model as `GET /v1/models` gives it */
  constructor(model) {
    this.#beam = beamOf(model.search);
    const own = { ...model.search, beam: this.#beam, n_best: Math.min(ANSWERS, this.#beam) };
    this.#inputs = new Map(NUMBERS.map((setting) => [setting.name, inputOf(setting, own)]));
    this.elements = [
      ...NUMBERS.map(({ name, label }) => labelled(label, this.#inputs.get(name))),
      labelled("Begins with", this.#prefix),
      element("label", { className: "check" }, this.#replace, "Copy unknown symbols from the source"),
    ];
  }

  /** What goes into a request: numbers where one was given. */
  get request() {
    const request = {};
    for (const [name, input] of this.#inputs) if (input.value !== "") request[name] = Number(input.value);
    request.n_best ??= Math.min(ANSWERS, request.beam ?? this.#beam); // more would be another search
    if (this.#prefix.value) request.prefix = this.#prefix.value;
    if (this.#replace.checked) request.replace_unknown = true;
    return request;
  }
}

/** Hypotheses that a search keeps: one, where it has no beam. */
function beamOf({ kind, beam = 1 }) {
  return kind === "beam" ? beam : 1;
}

function inputOf({ name, min, max, step, empty = "" }, own) {
  return element("input", { id: name, type: "number", min, max, step, placeholder: String(own[name] ?? empty), inputMode: "decimal" });
}

function labelled(label, input) {
  return element("label", { htmlFor: input.id }, label, input);
}

/** How to search: fields that show the model's own settings, and give only what was changed. */

import { element } from "./element.js";

const NUMBERS = [
  { name: "n_best", label: "Answers", min: 1, max: 32, step: 1, fallback: 5 },
  { name: "beam", label: "Beam", min: 1, max: 32, step: 1 },
  { name: "length_penalty", label: "Length penalty", min: 0, max: 10, step: 0.1 },
  { name: "max_length", label: "Longest answer", min: 1, max: 1000, step: 1, empty: "by source" },
];

export class Settings {
  #inputs;
  #prefix = element("input", { id: "prefix", type: "text", autocomplete: "off", spellcheck: false });
  #replace = element("input", { id: "replace_unknown", type: "checkbox" });

  /** @param {{search: Record<string, unknown>}} model as `GET /v1/models` gives it */
  constructor(model) {
    this.#inputs = new Map(NUMBERS.map((setting) => [setting.name, inputOf(setting, model.search)]));
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
    request.n_best ??= Math.min(NUMBERS[0].fallback, request.beam ?? Infinity);
    if (this.#prefix.value) request.prefix = this.#prefix.value;
    if (this.#replace.checked) request.replace_unknown = true;
    return request;
  }
}

function inputOf({ name, min, max, step, fallback, empty }, search) {
  const own = fallback ?? search[name] ?? empty ?? "";
  return element("input", { id: name, type: "number", min, max, step, placeholder: String(own), inputMode: "decimal" });
}

function labelled(label, input) {
  return element("label", { htmlFor: input.id }, label, input);
}

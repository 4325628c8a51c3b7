/** Which component asks for a source, by the kind of its columns. A new kind of data brings its component here. */

import { element } from "./element.js";
import { TextSource } from "./source.js";

const SOURCES = { text: TextSource, tokens: TextSource };
const TARGETS = new Set(["text", "tokens"]);

/** What asks for the sources of a model; says so where the page cannot show what the model reads or writes. */
export function sourceOf(model, options) {
  const Source = SOURCES[model.source[0].kind];
  if (Source && TARGETS.has(model.target.kind)) return new Source(model, options);
  const kinds = `${model.source[0].kind} to ${model.target.kind}`;
  const hint = `This model goes from ${kinds}, which the page cannot show. Ask it from Python or the command line.`;
  return { element: element("p", { className: "hint" }, hint), sources: [], texts: [], focus() {} };
}

/** Whether a file of lines can be answered. */
export function readsLines(model) {
  return model.source.every(({ kind }) => SOURCES[kind] === TextSource) && TARGETS.has(model.target.kind);
}

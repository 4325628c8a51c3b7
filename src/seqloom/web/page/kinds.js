/** Which component asks for a source, by the kind of its columns. A new kind of data brings its component here. */

import { element } from "./element.js";
import { TableSource } from "./numbers.js";
import { SoundSource } from "./sound.js";
import { TextSource } from "./source.js";

const SOURCES = { text: TextSource, tokens: TextSource, audio: SoundSource, numbers: TableSource };
const WRITTEN = new Set(["text", "tokens"]);

/** What asks for the sources of a model and shows its answers; says so where the page cannot show what the model reads or writes. */
export function sourceOf(model, options) {
  const Source = SOURCES[model.source[0].kind];
  if (Source && (WRITTEN.has(model.target.kind) || model.horizon)) return new Source(model, options);
  const kinds = `${model.source[0].kind} to ${model.target.kind}`;
  const hint = `This model goes from ${kinds}, which the page cannot show. Ask it from Python or the command line.`;
  return { element: element("p", { className: "hint" }, hint), missing: hint, focus() {} };
}

/** Whether a file of lines can be answered. */
export function readsLines(model) {
  return writes(model) && model.source.every(({ kind }) => WRITTEN.has(kind));
}

/** Whether the answers are found by a search, which has settings. */
export function writes(model) {
  return WRITTEN.has(model.target.kind);
}

/** What is known of a model, in a few words. */

import { element } from "./element.js";

const UNITS = { character: "characters", subword: "subwords", word: "words" };

/** Short facts: what it reads and writes, and what its folder says of it. */
export function describe({ source, target, manifest }) {
  const facts = [`${[...new Set(source.map(noun))].join(" and ")} → ${noun(target)}`, ...ofFolder(manifest ?? {})];
  return facts.map((fact) => element("span", {}, fact));
}

function noun({ kind, unit }) {
  return UNITS[unit] ?? kind;
}

function ofFolder({ precision, metrics }) {
  const scores = Object.entries(metrics ?? {}).filter(([, value]) => typeof value === "number");
  const first = scores.slice(0, 1).map(([name, value]) => `${name.replaceAll("_", " ")} ${Number(value.toPrecision(4))}`);
  return precision ? [...first, precision] : first;
}

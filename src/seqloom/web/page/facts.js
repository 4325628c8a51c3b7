/** What is known of a model, in a few words. */

import { element } from "./element.js";

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 2 });
const UNITS = { character: "characters", subword: "subwords", word: "words" };
const KINDS = { audio: "sound" };

/** Short facts: what it reads and writes, its first score on the dev pairs, its size. */
export function describe({ source, target, horizon, metrics, measured, parameters, precision }) {
  const facts = [horizon ? `${target.name}, ${horizon} moments ahead` : `${[...new Set(source.map(noun))].join(" and ")} → ${noun(target)}`];
  const [[name, value] = []] = Object.entries(metrics).filter(([, value]) => value !== null);
  if (name) facts.push(`${name.replaceAll("_", " ")} ${Number(value.toPrecision(4))}${measured ? ` (${measured})` : ""}`);
  facts.push(`${COMPACT.format(parameters)} parameters`, precision);
  return facts.map((fact) => element("span", {}, fact));
}

function noun({ kind, unit }) {
  return UNITS[unit] ?? KINDS[kind] ?? kind;
}

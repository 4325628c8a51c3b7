/** Columns: how the text of each is cut, and which of them share their symbols, as in `fields/columns.py`. */

import { Subwords } from "./subwords.js";
import { Characters, Tokens, Words, clean } from "./units.js";

/**
 * One column: how its text is cut, and its namespace in a vocabulary that it shares with columns of another config.
 *
 * Namespace 0 is a vocabulary for this config alone. Otherwise it is the number of the first column with this config: the symbol "V"
 * of namespace 2 is kept as "2:V". Namespace 1 is unmarked but for symbols that look marked.
 */
export class Column {
  constructor(config, unit, namespace = 0) {
    this.config = config;
    this.unit = unit;
    this.namespace = namespace;
  }

  split(text) {
    return this.unit.split(clean(this.config, text));
  }

  /** The symbol as the vocabulary has it. */
  key(symbol) {
    if (this.namespace === 0 || (this.namespace === 1 && !/^\p{Nd}+:/u.test(symbol))) return symbol;
    return `${this.namespace}:${symbol}`;
  }

  /** The symbol that the vocabulary has under `key`. */
  name(key) {
    const prefix = `${this.namespace}:`;
    return this.namespace && key.startsWith(prefix) ? key.slice(prefix.length) : key;
  }

  /** Whether a symbol here and the same string there mean the same, so that one can be copied into the other. */
  hasSameSymbols(other) {
    const [mine, theirs] = [this.config, other.config];
    if (mine.kind === "tokens" || theirs.kind === "tokens") return mine.kind === theirs.kind;
    return ["unit", "decompose", "byte_fallback"].every((name) => mine[name] === theirs[name]);
  }
}

/** The source columns of a task, from its config and the subword model of the first of each config. */
export function buildColumns(configs, models) {
  const alike = configs.map((config) => configs.findIndex((other) => isSame(config, other)));
  const several = new Set(alike).size > 1;
  const units = new Map();
  return configs.map((config, index) => {
    const first = alike[index];
    if (!units.has(first)) units.set(first, unitOf(config, models[first]));
    return new Column(config, units.get(first), several ? first + 1 : 0);
  });
}

/** The unit that a config names; subwords need their model in base64. */
export function unitOf(config, model) {
  if (config.kind === "tokens") return new Tokens(clean(config, config.separator));
  if (config.unit === "subword") return new Subwords(model, config.byte_fallback);
  return config.unit === "character" ? new Characters(config.decompose) : new Words();
}

function isSame(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** Fields: from texts to ids and back, exactly as `fields/task.py` and `fields/text.py` do it, from the state that a model carries. */

import { strip } from "./blanks.js";
import { Column, buildColumns, unitOf } from "./columns.js";
import { SoundField } from "./sound.js";
import { EOS, SEP, SEPARATOR, UNK, Vocabulary } from "./vocabulary.js";

export const FORMAT = 1;
/** How the source is read, by the kind of its columns; all texts are columns of one field. */
const SOURCES = { text: textsOf, tokens: textsOf, audio: soundsOf };

/** Both sides of a task. */
export class Fields {
  /**
   * @param {object} state what `Fields.state` in Python gives and `fields.json` holds
   * @throws {Error} another format, or a kind of data that is not known here.
   */
  constructor(state) {
    const { config } = state;
    if (state.format !== FORMAT) throw new Error(`fields: format ${state.format}; expected ${FORMAT}. Export the model again.`);
    const unknown = [...config.source, config.target].find(({ kind }) => !Object.hasOwn(SOURCES, kind));
    if (unknown) throw new Error(`fields: a field of kind '${unknown.kind}'; expected ${Object.keys(SOURCES).join(", ")}. Use the model from Python.`);
    this.names = state.names;
    this.sharesLimit = state.shares_limit ?? false;
    this.source = SOURCES[config.source[0].kind](config.source, state.source);
    this.target = config.shared ? new TargetField(this.source.columns[0], this.source.vocabulary) : targetOf(config.target, state.target);
  }

  /**
   * For each source position the id of its symbol among the targets, (S,), and the source symbols that targets do not have.
   *
   * Symbol k of the second has id V + k. -1 stands where nothing can be copied: at </s>, <sep> and columns that are cut differently
   * from the target.
   */
  copyIds(source) {
    const extra = new Map(); // with the place of each
    const ids = this.source.split(source).flatMap((symbols, index) => {
      const canCopy = this.source.columns[index].hasSameSymbols(this.target.column);
      return [...symbols.map((symbol) => (canCopy ? this.#targetId(symbol, extra) : -1)), -1];
    });
    return [ids, [...extra.keys()]];
  }

  /**
   * Which positions of an encoded source of texts are read, (S,), where so many symbols are, those at its begin or at its end: the </s>
   * that ends them is not counted.
   */
  kept(ids, limit, keep = "begin") {
    if (this.sharesLimit && ids.length > limit + 1) return keptOfColumns(ids, limit, keep);
    const last = ids.length - 1;
    return ids.map((_, place) => place === last || (keep === "begin" ? place < limit : place >= last - limit));
  }

  /** The target's ids (T,) with <unk> for symbols that were to be copied and do not stand among the ids that are left. */
  withoutCutAway(target, copyIds) {
    const left = new Set(copyIds);
    return target.map((id) => (id < this.target.vocabulary.size || left.has(id) ? id : UNK));
  }

  /** As `target.encode`, but an unknown symbol that `extra` has at k gets id V + k. */
  encodeTarget(target, extra) {
    const { vocabulary } = this.target;
    const places = new Map(extra.map((symbol, place) => [symbol, place]));
    return this.target.column.split(target).map((symbol) => {
      const isCopied = !vocabulary.has(symbol) && places.has(symbol);
      return isCopied ? vocabulary.size + places.get(symbol) : vocabulary.id(symbol);
    });
  }

  #targetId(symbol, extra) {
    const { vocabulary } = this.target;
    if (vocabulary.has(symbol)) return vocabulary.id(symbol);
    if (!extra.has(symbol)) extra.set(symbol, extra.size);
    return vocabulary.size + extra.get(symbol);
  }
}

/** One or more source columns as one sequence of ids, <sep> between columns and </s> at the end. */
export class SourceField {
  kind = "ids";

  constructor(columns, vocabulary) {
    this.columns = columns;
    this.vocabulary = vocabulary;
  }

  /** What may be known of the columns, as `GET /v1/models` gives it. */
  about(names) {
    const nameOf = (index) => names[index] ?? `${index + 1}`;
    return this.columns.map((column, index) => kindOf(nameOf(index), column));
  }

  /** The text of each column, of a text or a list of them; refuses what is no text. */
  read(given, where) {
    const texts = (typeof given === "string" ? [given] : given).map(strip);
    texts.forEach((text) => refuseBad(text, where));
    return texts;
  }

  isBlank(texts) {
    return !texts.some(Boolean);
  }

  /** The symbols of each column, without namespaces. */
  split(texts) {
    if (texts.length !== this.columns.length) {
      const got = `${texts.length} column${texts.length === 1 ? "" : "s"}`;
      throw new Error(`source: ${got}; expected ${this.columns.length}. Give those that the model was trained with, in order.`);
    }
    return texts.map((text, index) => this.columns[index].split(text));
  }

  /** The symbols as they were written, <sep> between columns. */
  symbols(texts) {
    return this.split(texts).flatMap((part, index) => (index ? [SEPARATOR, ...part] : part));
  }

  /** The symbols that the vocabulary does not have, in order, as often as they occur. */
  unknown(texts) {
    return this.split(texts).flatMap((part, index) => part.filter((symbol) => !this.vocabulary.has(this.columns[index].key(symbol))));
  }

  /** Ids (S,), with </s> at the end; an empty text in a single column gives S = 1. */
  encode(texts) {
    const ids = this.split(texts).flatMap((part, index) => {
      const own = part.map((symbol) => this.vocabulary.id(this.columns[index].key(symbol)));
      return index ? [SEP, ...own] : own;
    });
    return [...ids, EOS];
  }

  /** Positions that the model reads, and those of them that a limit counts: </s> is none. */
  lengths(ids) {
    return { positions: ids.length, symbols: ids.length - 1 };
  }

  /** What stands at each position but that of </s>. */
  labels(texts) {
    return this.symbols(texts);
  }
}

/** Text or tokens of the target as ids, without <s> and </s>. */
export class TargetField {
  constructor(column, vocabulary) {
    this.column = column;
    this.vocabulary = vocabulary;
  }

  /** Ids (T,); the empty text has T = 0. */
  encode(text) {
    return this.column.split(text).map((symbol) => this.vocabulary.id(symbol));
  }

  /** The text of ids up to the first </s>; an unknown symbol is shown as "<unk>". */
  decode(ids, extra = []) {
    return this.column.unit.join(this.vocabulary.symbols(ids, extra));
  }
}

/** As `kept_of_columns` in Python: short columns whole, and of those longer than their share of what these leave, its first symbols. */
function keptOfColumns(ids, limit, keep) {
  const ends = [...ids.flatMap((id, place) => (id === SEP ? [place] : [])), ids.length - 1];
  const columns = ends.map((end, index) => ({ begin: index ? ends[index - 1] + 1 : 0, end }));
  const kept = ids.map((_, place) => ends.includes(place));
  let left = Math.max(limit - ends.length + 1, 0);
  columns.sort((one, other) => one.end - one.begin - (other.end - other.begin) || one.begin - other.begin);
  columns.forEach(({ begin, end }, done) => {
    const share = Math.min(end - begin, Math.floor(left / (columns.length - done)));
    const first = keep === "begin" ? begin : end - share;
    kept.fill(true, first, first + share);
    left -= share;
  });
  return kept;
}

/** Refuse characters that are no text. */
export function refuseBad(text, where) {
  if (text.includes("\0")) throw new Error(`${where}: a NUL character; expected text. Remove it.`);
  if (!text.isWellFormed()) throw new Error(`${where}: half of a surrogate pair; expected whole characters. Decode the text as UTF-8 or UTF-16 first.`);
}

/** What may be known of a column of text. */
export function kindOf(name, { config }) {
  return { name, kind: config.kind, unit: config.unit };
}

function textsOf(configs, { subwords, vocabulary }) {
  return new SourceField(buildColumns(configs, subwords), new Vocabulary(vocabulary));
}

function soundsOf([config], learned) {
  return new SoundField(config, learned);
}

function targetOf(config, { vocabulary, subwords }) {
  return new TargetField(new Column(config, unitOf(config, subwords[0])), new Vocabulary(vocabulary));
}

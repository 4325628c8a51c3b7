/** From sources to answers, as `answers.py` does it: limits, batches of like length, hypotheses as text. */

import { Fields, kindOf, refuseBad } from "../fields/fields.js";
import { UNK } from "../fields/vocabulary.js";
import { Graph } from "./graph.js";
import { ADVICE, readSources } from "./request.js";
import { refuseAnother } from "./session.js";
import { cut, listed, quoted } from "./words.js";

/** Padded states of the source × hypotheses in one run of the graph. */
const BATCH_TOKENS = 4096;

/** Fields, limits and a search over a graph. */
export class Answerer {
  /**
   * @param {object} state what fields.json holds
   * @param {object} manifest of the exported folder
   * @param {Uint8Array} model the content of model.onnx
   */
  static async load(state, manifest, model) {
    refuseAnother(model, state);
    const fields = new Fields(state);
    return new Answerer(fields, manifest, await Graph.load(model, fields.source));
  }

  /**
   * @param {import("../fields/fields.js").Fields} fields
   * @param {{name: string, search: object, data: object}} manifest of the exported folder
   * @param {import("./graph.js").Graph} graph
   */
  constructor(fields, { name, search, data }, graph) {
    this.name = name;
    this.fields = fields;
    this.search = search;
    this.data = data;
    this.graph = graph;
  }

  /** What the page needs to know of its columns, as `GET /v1/models` gives it. */
  get about() {
    const { source, target, names } = this.fields;
    return { source: source.about(names), target: kindOf("target", target.column) };
  }

  /**
   * A prediction for each source of a request, in their order, as `POST /v1/predict` gives them.
   *
   * @param {object} asked
   * @param {() => Promise<void>} pause awaited before each batch
   * @throws {Error} a source or a setting that cannot be used; says which.
   */
  async answer(asked, pause) {
    const request = readSources(asked, { name: this.name, hears: this.fields.source.kind === "frames" });
    const sources = request.sources.map((given, place) => this.#read(given, request.where(place)));
    const search = this.#searchOf(request);
    refuseBad(search.prefix, "prefix");
    this.#refuseUnknown(search.prefix, sources, request.where);
    const rows = sources.map((value, place) => this.#row(value, request.where(place), search));
    const predictions = rows.map((row) => predictionOf(row, search));
    const real = rows.map((_, place) => place).filter((place) => !rows[place].isBlank);
    for (const places of byLength(rows, real, Math.floor((BATCH_TOKENS * this.graph.stride) / search.beam))) {
      await pause();
      const questions = questionsOf(places.map((place) => rows[place]));
      const found = await this.graph.find(questions, search, search.attention || search.replaceUnknown);
      places.forEach((place, order) => {
        const outputs = found[order].slice(0, search.nBest).map((hypothesis) => this.#output(hypothesis, rows[place], search));
        predictions[place].outputs = outputs;
      });
    }
    return predictions;
  }

  /** The model's own settings, with those of the request laid over them. */
  #searchOf(request) {
    const own = this.search;
    const kind = request.beam === undefined ? own.kind : "beam";
    if (kind === "sample") throw new Error("search.kind: an exported model does not sample; expected beam or greedy. Give a beam.");
    const nBest = request.n_best;
    const [least, most] = [request.min_length ?? own.min_length, request.max_length ?? own.max_length];
    if (most !== null && least > most) {
      const [above, below] = [least, most].map((number) => number.toLocaleString("en"));
      throw new Error(`min_length ${above} is above max_length ${below}; lower the one or raise the other. ${ADVICE}`);
    }
    return {
      nBest,
      beam: Math.max(kind === "beam" ? (request.beam ?? own.beam) : 1, nBest),
      minLength: least,
      maxLength: most,
      maxLengthRatio: own.max_length_ratio,
      lengthPenalty: request.length_penalty ?? own.length_penalty,
      coveragePenalty: own.coverage_penalty,
      ctcWeight: own.ctc_weight,
      prefix: request.prefix,
      replaceUnknown: request.replace_unknown,
      scores: request.scores || request.attention,
      attention: request.attention,
    };
  }

  /** Refuse a prefix that no answer could begin with: symbols unknown to the model, which are not in a source to be copied either. */
  #refuseUnknown(prefix, sources, where) {
    const { column, vocabulary } = this.fields.target;
    const unknown = [...new Set(column.split(prefix).filter((symbol) => !vocabulary.has(symbol)))];
    sources.forEach((value, place) => {
      if (!unknown.length || this.fields.source.isBlank(value)) return;
      const within = this.graph.points ? this.fields.copyIds(value)[1] : [];
      const missing = unknown.filter((symbol) => !within.includes(symbol));
      const copied = this.graph.points ? `, and not in ${where(place)} to be copied` : "";
      const what = `unknown to model ${this.name}${copied}: ${listed(missing)}; expected symbols of its targets`;
      if (missing.length) throw new Error(`prefix: ${what}. Leave them out.`);
    });
  }

  /** A source as its field has it: a text a column, or a sound. */
  #read(given, where) {
    const { source } = this.fields;
    const [count, expected] = [[given].flat().length, source.columns.length];
    if (source.kind === "ids" && count !== expected) {
      const form = expected === 1 ? "a text, or several in inputs" : `a list of ${expected} texts`;
      throw new Error(`${where}: ${count} source column${count === 1 ? "" : "s"}; model ${this.name} expects ${expected}. Give ${form}.`);
    }
    return source.read(given, where);
  }

  /** What the search takes of a source, and what is to be said of it. */
  #row(value, where, search) {
    const { source } = this.fields;
    const whole = source.encode(value);
    const isCut = this.#isCut(whole, where);
    const { array, left } = isCut ? this.#cut(whole) : { array: whole, left: (values) => values };
    const { positions: length } = source.lengths(array);
    const { copyIds, extra } = this.#copied(value, left);
    const read = left(source.labels(value, whole));
    const row = {
      array,
      length,
      unknown: source.kind === "ids" ? [...new Set(read.filter((_, place) => array[place] === UNK))] : [],
      isCut,
      isSilent: source.isSilent?.(value) ?? false,
      labels: read.filter((_, place) => place % this.graph.stride === 0),
      isBlank: source.isBlank(value),
      copyIds,
      extra,
      longest: search.maxLength || Math.max(Math.ceil(search.maxLengthRatio * length), search.minLength) + 10,
      prefix: search.prefix ? this.fields.withoutCutAway(this.fields.encodeTarget(search.prefix, extra), copyIds) : [],
    };
    refuseLong(row, search.prefix, where);
    return row;
  }

  /** Whether a source is longer than the model reads, which is refused where it does not cut. */
  #isCut(whole, where) {
    const { source } = this.fields;
    const { max_source_length: limit, too_long: tooLong } = this.data;
    const { symbols } = source.lengths(whole);
    if (symbols <= limit || tooLong === "cut") return symbols > limit;
    const [count, most] = [symbols, limit].map((number) => number.toLocaleString("en"));
    const what = `the source has ${count} ${source.kind === "ids" ? "symbols" : "moments"}; the limit is ${most}`;
    throw new Error(`${where}: ${what}. Shorten it.`);
  }

  /** As much of a source as the model reads, of the end that is kept, and what picks the same out of a list with an entry a position. */
  #cut(whole) {
    const { source } = this.fields;
    const { max_source_length: limit, keep = "begin" } = this.data;
    if (source.kind !== "ids") {
      const array = source.cut(whole, limit, keep);
      const { positions } = source.lengths(array);
      return { array, left: (values) => (keep === "begin" ? values.slice(0, positions) : values.slice(-positions)) };
    }
    const kept = this.fields.kept(whole, limit, keep);
    const left = (values) => values.filter((_, place) => kept[place]);
    return { array: left(whole), left };
  }

  /** What a model that copies may copy: an id for each symbol that is left, and the symbols that its vocabulary has not. */
  #copied(value, left) {
    if (!this.graph.points) return { copyIds: [], extra: [] };
    const [ids, extra] = this.fields.copyIds(value);
    const copyIds = left(ids);
    return { copyIds, extra: extra.slice(0, Math.max(Math.max(-1, ...copyIds) + 1 - this.fields.target.vocabulary.size, 0)) };
  }

  /** An output of the search, with as much of it as was asked for. */
  #output(hypothesis, row, { replaceUnknown, scores, attention: wantsAttention }) {
    const states = Math.ceil(row.length / this.graph.stride);
    const attention = hypothesis.attention?.map((weights) => weights.slice(0, states));
    const canReplace = replaceUnknown && attention && row.labels.length && this.fields.source.kind === "ids";
    const extra = [...row.extra];
    const ids = hypothesis.ids.map((id, place) => {
      if (id !== UNK || !canReplace) return id;
      return this.fields.target.vocabulary.size + extra.push(row.labels[mostOf(attention[place].slice(0, row.labels.length))]) - 1;
    });
    const text = this.fields.target.decode(ids, extra);
    if (!scores) return { text };
    return {
      text,
      score: finite(hypothesis.score),
      log_prob: finite(hypothesis.logProbs.reduce((sum, logProb) => sum + logProb, 0)),
      tokens: this.fields.target.vocabulary.symbols(ids, extra),
      token_log_probs: hypothesis.logProbs.map(finite),
      cut: hypothesis.cut,
      ...(wantsAttention && attention && { attention }),
    };
  }
}

/** Refuse a prefix that is longer than the longest output. */
function refuseLong({ isBlank, prefix, longest }, text, where) {
  if (isBlank || prefix.length <= longest) return;
  const what = `the prefix ${cut(quoted(text))} has ${prefix.length} symbols; the longest output allowed here has ${longest}`;
  throw new Error(`${where}: ${what}. Shorten it, or raise max_length.`);
}

/** A prediction without its outputs: what is to be said of its source. */
function predictionOf({ isBlank, labels, unknown, isCut, isSilent }, { attention }) {
  return {
    outputs: [],
    ...(attention && { source_tokens: isBlank ? [] : labels }),
    ...(!isBlank && unknown.length && { unknown }),
    ...(isCut && { source_cut: true }),
    ...(isSilent && { silent: true }),
  };
}

function questionsOf(rows) {
  return {
    sources: rows.map(({ array }) => array),
    lengths: rows.map(({ length }) => length),
    maxLengths: rows.map(({ longest }) => longest),
    copyIds: rows.map(({ copyIds }) => copyIds),
    prefixes: rows.map(({ prefix }) => prefix),
  };
}

/** A number, or null where it is none that JSON could hold. */
function finite(number) {
  return Number.isFinite(number) ? number : null;
}

/** The places of the sources, longest first, cut into batches of at most so many padded symbols. */
function* byLength(rows, places, tokens) {
  let batch = [];
  for (const place of places.toSorted((one, other) => rows[other].length - rows[one].length)) {
    if (batch.length && rows[batch[0]].length * (batch.length + 1) > tokens) {
      yield batch;
      batch = [];
    }
    batch.push(place);
  }
  if (batch.length) yield batch;
}

function mostOf(weights) {
  return weights.indexOf(Math.max(...weights));
}

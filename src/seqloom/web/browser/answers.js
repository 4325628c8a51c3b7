/** From sources to answers, as `answers.py` does it: limits, batches of like length, hypotheses as text. */

import { Fields, kindOf } from "../fields/fields.js";
import { UNK } from "../fields/vocabulary.js";
import { Graph } from "./graph.js";

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
    const fields = new Fields(state);
    return new Answerer(fields, manifest, await Graph.load(model, fields.source));
  }

  /**
   * @param {import("../fields/fields.js").Fields} fields
   * @param {{search: object, data: object}} manifest of the exported folder
   * @param {import("./graph.js").Graph} graph
   */
  constructor(fields, { search, data }, graph) {
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
   * A prediction for each of `request.inputs`, in their order, as `POST /v1/predict` gives them.
   *
   * @throws {Error} a source or a setting that cannot be used; says which.
   */
  async predict(request) {
    const rows = request.inputs.map((given, place) => this.#row(given, `inputs[${place}]`));
    const search = this.#searchOf(request);
    const predictions = rows.map(({ isBlank, labels }) => ({ outputs: [], source_tokens: isBlank ? [] : labels }));
    const real = rows.map((_, place) => place).filter((place) => !rows[place].isBlank);
    for (const places of byLength(rows, real, Math.floor((BATCH_TOKENS * this.graph.stride) / search.beam))) {
      const asked = places.map((place) => rows[place]);
      const found = await this.graph.find(this.#questions(asked, search), search, search.attention || search.replaceUnknown);
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
    const nBest = request.n_best ?? 1;
    return {
      nBest,
      beam: Math.max(kind === "beam" ? (request.beam ?? own.beam) : 1, nBest),
      minLength: request.min_length ?? own.min_length,
      maxLength: request.max_length ?? own.max_length,
      maxLengthRatio: own.max_length_ratio,
      lengthPenalty: request.length_penalty ?? own.length_penalty,
      coveragePenalty: own.coverage_penalty,
      ctcWeight: own.ctc_weight,
      prefix: request.prefix ?? "",
      replaceUnknown: request.replace_unknown ?? false,
      attention: request.attention ?? false,
    };
  }

  #row(given, where) {
    const { source, target } = this.fields;
    const value = source.read(given, where);
    const whole = source.encode(value);
    const limit = this.data.max_source_length;
    const { symbols } = source.lengths(whole);
    if (symbols > limit && this.data.too_long !== "cut") {
      const numbers = [symbols, limit].map((number) => number.toLocaleString("en"));
      throw new Error(`${where}: the source has ${numbers[0]} symbols; the limit is ${numbers[1]}. Shorten it.`);
    }
    const array = source.cut(whole, limit);
    const [allCopyIds, allExtra] = this.graph.points ? this.fields.copyIds(value) : [[], []];
    const copyIds = [...allCopyIds.slice(0, -1).slice(0, limit), -1];
    return {
      array,
      length: source.lengths(array).positions,
      labels: source.labels(value, array).filter((_, place) => place % this.graph.stride === 0),
      isBlank: source.isBlank(value),
      copyIds,
      extra: allExtra.slice(0, Math.max(Math.max(...copyIds) + 1 - target.vocabulary.size, 0)),
    };
  }

  #questions(rows, { prefix, maxLength, maxLengthRatio }) {
    return {
      sources: rows.map(({ array }) => array),
      lengths: rows.map(({ length }) => length),
      maxLengths: rows.map(({ length }) => maxLength || Math.ceil(maxLengthRatio * length) + 10),
      copyIds: rows.map(({ copyIds }) => copyIds),
      prefixes: rows.map(({ extra }) => (prefix ? this.fields.encodeTarget(prefix, extra) : [])),
    };
  }

  #output(hypothesis, row, { replaceUnknown, attention: wantsAttention }) {
    const states = Math.ceil(row.length / this.graph.stride);
    const attention = hypothesis.attention?.map((weights) => weights.slice(0, states));
    const canReplace = replaceUnknown && attention && row.labels.length && this.fields.source.kind === "ids";
    const extra = [...row.extra];
    const ids = hypothesis.ids.map((id, place) => {
      if (id !== UNK || !canReplace) return id;
      return this.fields.target.vocabulary.size + extra.push(row.labels[mostOf(attention[place].slice(0, row.labels.length))]) - 1;
    });
    return {
      text: this.fields.target.decode(ids, extra),
      score: hypothesis.score,
      log_prob: hypothesis.logProbs.reduce((sum, logProb) => sum + logProb, 0),
      tokens: this.fields.target.vocabulary.symbols(ids, extra),
      token_log_probs: hypothesis.logProbs,
      cut: hypothesis.cut,
      attention: wantsAttention ? attention : undefined,
    };
  }
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

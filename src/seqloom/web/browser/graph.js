/** The exported graph, which holds encoder, decoder and beam search, run by onnxruntime-web. The counterpart of `runtime.Graph`. */

import { flag, frames, integer, integers, metadataOf, number, openSession, run, table } from "./session.js";

/** The sources of a batch as one tensor, by what they are. */
const PADDED = { ids: (rows) => table(rows, 0), frames: (rows, width) => frames(rows, width) };

export class Graph {
  #session;

  #pad;

  /**
   * @param {Uint8Array} model the content of model.onnx
   * @param {{kind: string, width?: number}} source what sources are: ids, or frames of so many numbers
   */
  static async load(model, source) {
    return new Graph(await openSession(model), source, Number(metadataOf(model)["seqloom.stride"] ?? 1));
  }

  constructor(session, { kind, width }, stride) {
    this.#session = session;
    this.#pad = (rows) => PADDED[kind](rows, width);
    this.stride = stride; // source positions a state of the encoder
    this.points = session.inputNames.includes("copy_ids");
    this.hears = session.inputNames.includes("ctc_weight");
    this.attends = session.outputNames.includes("attention");
  }

  /**
   * The hypotheses of each question, best first: ids (T,), score, logProbs (T + 1,), cut, attention (T + 1, S) where asked for.
   *
   * @param {{sources: ArrayLike<number>[], lengths: number[], maxLengths: number[], copyIds: number[][], prefixes: number[][]}} questions B of each
   */
  async find(questions, search, keepAttention) {
    const wantsAttention = keepAttention && this.attends;
    const names = ["ids", "lengths", "scores", "token_log_probs", ...(wantsAttention ? ["attention"] : [])];
    return run(this.#session, this.#inputs(questions, search, wantsAttention), names, (outputs) =>
      questions.maxLengths.map((longest, row) => hypothesesOf(outputs, row, longest)),
    );
  }

  #inputs(questions, search, wantsAttention) {
    const inputs = {
      source: this.#pad(questions.sources),
      source_lengths: integers(questions.lengths),
      beam: integer(search.beam),
      max_lengths: integers(questions.maxLengths),
      min_length: integer(search.minLength),
      length_penalty: number(search.lengthPenalty),
      coverage_penalty: number(search.coveragePenalty),
      prefix: table(questions.prefixes, 0),
      want_attention: flag(wantsAttention),
    };
    return { ...inputs, ...(this.points && { copy_ids: table(questions.copyIds, -1) }), ...(this.hears && { ctc_weight: number(search.ctcWeight) }) };
  }
}

function hypothesesOf({ ids, lengths, scores, token_log_probs: logProbs, attention }, row, longest) {
  const [, beam, steps] = ids.dims;
  const width = attention?.dims[3];
  const found = [];
  for (let rank = 0; rank < beam; rank++) {
    const hypothesis = row * beam + rank;
    const length = Number(lengths.data[hypothesis]);
    if (!length) continue; // fewer than a beam were found
    const place = hypothesis * steps;
    found.push({
      ids: Array.from(ids.data.subarray(place, place + length - 1), Number),
      score: scores.data[hypothesis],
      logProbs: Array.from(logProbs.data.subarray(place, place + length)),
      cut: length > longest,
      attention: attention && rowsOf(attention.data, place, length, width),
    });
  }
  return found;
}

/** (T, S) numbers of a flat array, from a row on. */
function rowsOf(data, first, count, width) {
  return Array.from({ length: count }, (_, row) => Array.from(data.subarray((first + row) * width, (first + row + 1) * width)));
}

/** A session of onnxruntime-web over an exported graph, and the tensors that go into it. */

import * as ort from "../runtime/ort.wasm.min.mjs";

import { readFields, text } from "../fields/protobuf.js";

const SHORT_OF_MEMORY = /bad_alloc|allocat|out of memory|out of bounds/i; // as onnxruntime, WebAssembly and browsers say it
const METADATA = 14; // the number of `metadata_props` in a ModelProto of ONNX

ort.env.wasm.numThreads = 1; // more would need headers that a plain file server does not send
ort.env.wasm.wasmPaths = new URL("../runtime/", import.meta.url).href;
ort.env.logLevel = "error";

/** @param {Uint8Array} model the content of model.onnx */
export async function openSession(model) {
  try {
    return await ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  } catch (error) {
    throw new Error(`model/model.onnx: onnxruntime cannot load it (${error.message}). Copy the whole site, or export it again.`);
  }
}

/** What a model file says besides the graph, by name. */
export function metadataOf(model) {
  const entries = [...readFields(model)].filter(([number]) => number === METADATA);
  return Object.fromEntries(entries.map(([, entry]) => [...readFields(entry)].map(([, part]) => text(part))));
}

/** Refuse a model that is not the one whose fields stand beside it: a host, or a cache, may hold files of two exports. */
export function refuseAnother(model, fields) {
  const carried = JSON.parse(metadataOf(model)["seqloom.fields"] ?? "null");
  if (JSON.stringify(carried) !== JSON.stringify(fields)) throw new Error("model/model.onnx: carries other fields than fields.json says. Copy the whole site, or export it again.");
}

/** What the graph says of inputs, read from its outputs of those names before they are let go. */
export async function run(session, inputs, names, read) {
  const outputs = await session.run(inputs, names).catch((error) => {
    if (!SHORT_OF_MEMORY.test(error.message)) throw error;
    throw new Error("The model needs more memory than the browser gives. Try a smaller beam, or a shorter source.");
  });
  const found = read(outputs);
  Object.values(outputs).forEach((tensor) => tensor.dispose());
  return found;
}

export function integer(value) {
  return new ort.Tensor("int64", [BigInt(value)], []);
}

export function integers(values) {
  return new ort.Tensor("int64", values.map(BigInt), [values.length]);
}

export function number(value) {
  return new ort.Tensor("float32", [value], []);
}

export function flag(value) {
  return new ort.Tensor("bool", [value], []);
}

/** Lists of whole numbers of unlike length as one (B, L) tensor, filled up at their ends. */
export function table(rows, fill) {
  const width = Math.max(...rows.map((row) => row.length));
  const flat = rows.flatMap((row) => [...row, ...new Array(width - row.length).fill(fill)].map(BigInt));
  return new ort.Tensor("int64", flat, [rows.length, width]);
}

/** Frames of unlike number, each row a Float32Array of so many frames of `size` numbers, as one (B, L, size) tensor; zeros behind their ends. */
export function frames(rows, size) {
  const longest = Math.max(...rows.map((row) => row.length / size));
  const flat = new Float32Array(rows.length * longest * size);
  rows.forEach((row, place) => flat.set(row, place * longest * size));
  return new ort.Tensor("float32", flat, [rows.length, longest, size]);
}

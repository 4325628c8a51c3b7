/** Loads the exported model beside the page, and answers it. Questions take turns, a batch each; those that nobody waits for are dropped. */

import { Answerer } from "./answers.js";
import { Forecaster } from "./forecasts.js";
import { readManifest, readObject } from "./manifest.js";
import { soundOf } from "../sound/wave.js";

const FOLDER = new URL("../model/", import.meta.url);
const KINDS = { ids: Answerer, frames: Forecaster }; // by what the model says, as in `exported.py`
const TASKS = { load, sound: soundOf, answer: async (request, pause) => (await answerer).answer(request, pause) };

let answerer; // a promise from the first question on
const dropped = new Set(); // numbers of questions that are answered, and that nobody waits for any more

self.addEventListener("message", async ({ data: { number, task, request } }) => {
  if (task === "drop") return dropped.add(number);
  try {
    const result = await TASKS[task](request, () => pause(number));
    self.postMessage({ number, result }, result?.samples ? [result.samples.buffer] : []);
  } catch (error) {
    self.postMessage({ number, error: error.message });
  }
  dropped.delete(number);
});

/** Between two batches of a question: let others have their turn, and end where nobody waits for it. */
async function pause(number) {
  await new Promise((resolve) => setTimeout(resolve));
  if (dropped.has(number)) throw new Error("Nobody waits for the answer.");
}

/** What the page needs to know of the model, as `GET /v1/models` gives it. */
async function load() {
  const manifest = readManifest(await (await read("manifest.json")).text(), Object.keys(KINDS));
  answerer = prepare(manifest);
  const { about } = await answerer;
  const { name, search, precision, parameters, metrics, measured: how } = manifest;
  const measured = how ? [how.on, how.search].filter(Boolean).join(", ") : undefined;
  return { name, search, precision, parameters, metrics, measured, ...about };
}

async function prepare(manifest) {
  const [fields, model] = await Promise.all([readFields(manifest.files["fields.json"]), readModel(manifest.files["model.onnx"])]);
  say("Preparing the model…");
  return KINDS[manifest.target].load(fields, manifest, model);
}

async function readFields({ sha256 }) {
  const content = await (await read("fields.json", sha256)).arrayBuffer();
  await refuseChanged("fields.json", content, sha256);
  return readObject(new TextDecoder().decode(content), "fields.json");
}

/** The bytes of the model, as they come. */
async function readModel({ size, sha256 }) {
  const content = new Uint8Array(size);
  let [place, quarter] = [0, -1];
  for (const reader = (await read("model.onnx", sha256)).body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (place + value.length > size) throw notWhole();
    content.set(value, place);
    place += value.length;
    const isNews = Math.floor((4 * place) / size) > quarter; // a listener is told of quarters alone
    if (isNews) quarter = Math.floor((4 * place) / size);
    say(`Loading the model: ${Math.round((100 * place) / size)} % of ${(size / 1e6).toFixed(1)} MB`, isNews);
  }
  if (place !== size) throw notWhole();
  await refuseChanged("model.onnx", content, sha256);
  return content;
}

/**
 * A file of the folder as the host has it now: what the browser keeps is asked about first.
 *
 * @param {string} name
 * @param {string} [sha256] makes an address of its own of each content, where times of files do not tell one from another
 */
async function read(name, sha256) {
  const response = await fetch(new URL(sha256 ? `${name}?${sha256}` : name, FOLDER), { cache: "no-cache" });
  if (!response.ok) throw new Error(`model/${name}: ${response.status} ${response.statusText}. Copy the whole site, or export it again.`);
  return response;
}

/** Make sure that a file is as it was exported, where the browser can tell: over https, and from this machine. */
async function refuseChanged(name, content, sha256) {
  if (!self.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new Error(`model/${name}: changed since it was exported, its SHA-256 is not that of the manifest. Copy the whole site, or export it again.`);
}

function notWhole() {
  return new Error("model/model.onnx: not of the size that the manifest names. Copy the whole site, or export it again.");
}

function say(progress, isNews = true) {
  self.postMessage({ progress, isNews });
}

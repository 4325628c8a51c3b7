/** The model in the browser itself. A worker runs it, so that the page stays awake while it searches. */

import { hear } from "../sound/wave.js";

/**
 * What stands behind the page; the counterpart of `server.js`.
 *
 * @param {(text: string, isNews: boolean) => void} say told how far the model has come, and whether that is to be announced
 */
export async function connect(say) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const waiting = new Map(); // number of a question → what settles its promise
  worker.addEventListener("message", ({ data: { number, progress, isNews, result, error } }) => {
    if (progress) return say(progress, isNews);
    const { resolve, reject } = waiting.get(number) ?? {};
    waiting.delete(number);
    return error ? reject?.(new Error(error)) : resolve?.(result);
  });
  let reason = "The model cannot be started: a file of the site is missing. Copy the whole site, or export it again.";
  let death = null; // why the worker answers no more
  worker.addEventListener("error", () => {
    death = new Error(reason);
    for (const { reject } of waiting.values()) reject(death);
    waiting.clear();
  });

  let asked = 0;
  const ask = (task, request, { signal, given = [] } = {}) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (death) throw death;
      const number = ++asked;
      waiting.set(number, { resolve, reject });
      worker.postMessage({ number, task, request }, given);
      signal?.addEventListener("abort", () => {
        if (waiting.delete(number)) worker.postMessage({ number, task: "drop" });
        reject(signal.reason);
      });
    });

  const model = await ask("load");
  reason = "The model stopped: the browser may be short of memory. Load the page again, and try a smaller beam.";
  const answer = (request, signal) => ask("answer", request, { signal });
  const sound = (file, rate) => hear(file, rate, (content) => ask("sound", content, { given: [content] }));
  return { models: async () => [model], predict: answer, forecast: answer, sound };
}

/**
 * Load the model from now on, while a page is still on its way.
 *
 * @returns {typeof connect} gives that model; told how far it has come from then on
 */
export function begin() {
  let tell = () => {};
  const model = connect((...said) => tell(...said));
  model.catch(() => {}); // whoever asks for the model is told
  return async (say) => {
    tell = say;
    return model;
  };
}

/** The models behind the HTTP API of `seqloom serve`. */

import { soundUrl } from "./sound/upload.js";

const TOKEN = "seqloom.token";
const QUESTION = "This server asks for a token.";
const ASCII = /^[\x21-\x7e]+$/; // what a header can hold, and a token is

/** What stands behind the page; the counterpart of `browser/connection.js`. */
export async function connect() {
  return { models, predict, forecast, sound: soundUrl };
}

/** Every model, the default one first: `GET /v1/models`. */
async function models() {
  return (await ask("v1/models")).models;
}

/** A prediction for each of `request.inputs`, in their order: `POST /v1/predict`. */
async function predict(request, signal) {
  return (await post(request, signal)).predictions;
}

/** The lines of a forecast for `request.table`, and what is to be known of them, if anything: `POST /v1/predict` too. */
async function forecast(request, signal) {
  return post(request, signal);
}

function post(request, signal) {
  return ask("v1/predict", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request), signal });
}

async function ask(address, options = {}) {
  const response = await send(address, options);
  if (response.status === 401 && askForToken()) return ask(address, options);
  if (response.ok) return response.json();
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error ?? `The server answered ${response.status} ${response.statusText}. Try again.`);
}

async function send(address, options) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { ...options.headers, Authorization: `Bearer ${token}` } : options.headers;
  try {
    return await fetch(address, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. See whether `seqloom serve` is running, then try again.");
  }
}

/** Whether a person gave a token, which is kept until the tab is closed or the server refuses it. */
function askForToken(question = QUESTION) {
  sessionStorage.removeItem(TOKEN);
  const token = window.prompt(question)?.trim();
  if (!token) return false;
  if (!ASCII.test(token)) return askForToken(`That is no token: it has ASCII characters only, and no blanks. ${QUESTION}`);
  sessionStorage.setItem(TOKEN, token);
  return true;
}

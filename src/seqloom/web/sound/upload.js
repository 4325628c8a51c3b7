/** Sound as a server takes it. */

import { decode, waveFile } from "./wave.js";

const PLAIN = ["RIFF", "fLaC"]; // WAV and FLAC are sent as they are

/**
 * A file as a data URL that `POST /v1/predict` takes.
 *
 * @param {Blob} file WAV and FLAC stay as they are; all else that the browser can decode becomes a WAV of one channel
 * @param {number} rate samples a second of that WAV
 */
export async function soundUrl(file, rate) {
  const head = await file.slice(0, 4).text();
  return readUrl(PLAIN.includes(head) ? file : waveFile(await decoded(file, rate), rate));
}

async function decoded(file, rate) {
  try {
    return await decode(file, rate);
  } catch (error) {
    throw new Error(`${file.name ?? "recording"}: ${error.message}`);
  }
}

function readUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error("The file cannot be read. Choose it again.")));
    reader.readAsDataURL(blob);
  });
}

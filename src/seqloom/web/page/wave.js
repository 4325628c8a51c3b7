/** Sound as bytes: what a browser can hear becomes a WAV file, which is what a model of sound takes. */

const FULL_SCALE = 32767;
const HEADER = 44;
const PLAIN = ["RIFF", "fLaC"]; // WAV and FLAC are sent as they are

/**
 * A file as a data URL that `POST /v1/predict` takes.
 *
 * @param {Blob} file WAV and FLAC stay as they are; all else that the browser can decode becomes a WAV of one channel
 * @param {number} rate samples a second of that WAV
 */
export async function soundUrl(file, rate) {
  const head = await file.slice(0, 4).text();
  return readUrl(PLAIN.includes(head) ? file : waveFile(await samplesOf(file, rate), rate));
}

/** The samples of a file, its channels averaged, at a rate. */
async function samplesOf(file, rate) {
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name ?? "recording"}: the browser cannot read it as sound. Choose a WAV, FLAC, MP3 or other sound file.`);
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, number) => sound.getChannelData(number));
  return channels[0].map((_, place) => channels.reduce((sum, samples) => sum + samples[place], 0) / channels.length);
}

/** Samples as a WAV file of 16 bits and one channel. */
export function waveFile(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(HEADER + 2 * samples.length));
  const write = (place, text) => [...text].forEach((character, offset) => bytes.setUint8(place + offset, character.charCodeAt(0)));
  write(0, "RIFF");
  bytes.setUint32(4, bytes.byteLength - 8, true);
  write(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true); // whole numbers
  bytes.setUint16(22, 1, true); // channels
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  write(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) => bytes.setInt16(HEADER + 2 * place, Math.round(Math.max(-1, Math.min(1, sample)) * FULL_SCALE), true));
  return new Blob([bytes], { type: "audio/wav" });
}

function readUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error("The file cannot be read. Choose it again.")));
    reader.readAsDataURL(blob);
  });
}

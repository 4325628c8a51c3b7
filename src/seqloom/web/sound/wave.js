/** Sound as bytes: WAV files read and written, and whatever else the browser can hear. */

const FULL_SCALE = 32767;
const HEADER = 44;
const LOWEST_RATE = 4000; // below it speech can no longer be told
const HIGHEST_RATE = 768_000; // nothing records above it
const UNKNOWN_SIZE = 0xffffffff; // in the header of a WAV that was written as a stream

/** How a sample is read, by the form of a WAV (1: whole numbers, 3: floats) and its bits. */
const READERS = {
  "1,8": (view, place) => (view.getUint8(place) - 128) / 128,
  "1,16": (view, place) => view.getInt16(place, true) / 32768,
  "1,24": (view, place) => (view.getInt16(place + 1, true) * 256 + view.getUint8(place)) / 8388608,
  "1,32": (view, place) => view.getInt32(place, true) / 2147483648,
  "3,32": (view, place) => view.getFloat32(place, true),
  "3,64": (view, place) => view.getFloat64(place, true),
};

/**
 * The samples of a file, its channels averaged, full scale being 1: of a WAV as they stand in it, else as the browser decodes it, at `rate`.
 *
 * @param {Blob} file
 * @param {number} rate samples a second
 * @param {typeof soundOf} read what reads a WAV, which may take long: in a worker, where there is one
 * @returns {Promise<{samples: Float32Array, rate: number, channels?: number}>}
 * @throws {Error} no sound, or not a whole one; says what is wrong with it.
 */
export async function hear(file, rate, read = soundOf) {
  const name = file.name ?? "recording";
  try {
    return (await read(await file.arrayBuffer())) ?? check({ samples: await decode(file, rate), rate });
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}

/** The samples of a WAV file that can be used, as `hear` gives them; undefined of what the browser has to decode. */
export function soundOf(content) {
  const sound = readWave(content);
  return sound && check(sound);
}

function check(sound) {
  const { samples, rate } = sound;
  if (!samples.length) throw new Error("no samples (0 seconds); expected a sound. Record it again.");
  const speed = `${rate.toLocaleString("en")} samples a second`;
  if (rate < LOWEST_RATE) throw new Error(`${speed}; expected ${LOWEST_RATE.toLocaleString("en")} or more. Record it at a higher rate.`);
  if (rate > HIGHEST_RATE) throw new Error(`${speed}; expected ${HIGHEST_RATE.toLocaleString("en")} or fewer. Record it at a lower rate.`);
  if (!samples.every(Number.isFinite)) throw new Error("holds samples that are not finite numbers; expected a recording. Write the file anew.");
  return sound;
}

/** The samples of a file at a rate, as the browser decodes it, its channels averaged. */
export async function decode(file, rate) {
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error("the browser cannot read it as sound. Choose a WAV, FLAC, MP3 or other sound file.");
  }
  return average(Array.from({ length: sound.numberOfChannels }, (_, number) => sound.getChannelData(number)));
}

function average(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, place) => channels.reduce((sum, samples) => sum + samples[place], 0) / channels.length);
}

/**
 * The samples of a WAV file; undefined of other files, and of WAV in forms that are read by the browser.
 *
 * @param {ArrayBuffer} content
 * @throws {Error} it is cut off.
 */
export function readWave(content) {
  const view = new DataView(content);
  const parts = partsOf(view);
  const reader = parts?.format && READERS[[parts.format.form, parts.format.bits]];
  if (!reader || parts.begin === undefined) return undefined;
  const { channels, bits, rate } = parts.format;
  if (!channels) {
    const what = "cannot be read as sound (Channel count is zero); expected WAV, FLAC, Ogg or MP3";
    throw new Error(`${what}. Convert it, as in ffmpeg -i FILE sound.wav.`);
  }
  const width = bits / 8;
  const count = Math.floor((parts.end - parts.begin) / width / channels);
  const channel = (number) => Float32Array.from({ length: count }, (_, place) => reader(view, parts.begin + (place * channels + number) * width));
  return { samples: average(Array.from({ length: channels }, (_, number) => channel(number))), rate, channels };
}

/** The format of a RIFF WAV, and where its sound begins and ends; undefined of another file. */
function partsOf(view) {
  const tag = (place) => String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(place + offset)));
  if (view.byteLength < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") return undefined;
  let format;
  for (let place = 12; place + 8 <= view.byteLength; ) {
    const [name, size] = [tag(place), view.getUint32(place + 4, true)];
    const begin = place + 8;
    if (name === "fmt " && begin + 16 <= view.byteLength) format = formatOf(view, begin, size);
    if (name === "data") return { format, begin, end: endOf(view, begin, size) };
    place = begin + size + (size % 2);
  }
  return { format };
}

function formatOf(view, place, size) {
  const form = view.getUint16(place, true);
  const isExtended = form === 0xfffe && size >= 26; // what it is stands behind
  return {
    form: isExtended ? view.getUint16(place + 24, true) : form,
    channels: view.getUint16(place + 2, true),
    rate: view.getUint32(place + 4, true),
    bits: view.getUint16(place + 14, true),
  };
}

function endOf(view, begin, size) {
  const there = view.byteLength - begin;
  const isUnended = size === 0 && view.getUint32(4, true) + 8 <= begin; // its recorder was killed before it wrote the sizes
  if (size === UNKNOWN_SIZE || isUnended) return view.byteLength;
  if (there >= size) return begin + size;
  const numbers = [size, there].map((number) => number.toLocaleString("en"));
  throw new Error(`the sound is cut off: ${numbers[0]} bytes of sound are announced and ${numbers[1]} are there; expected all of it. Copy or record the file again.`);
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

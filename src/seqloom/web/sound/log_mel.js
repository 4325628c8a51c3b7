/** Samples → log-mel frames, as Kaldi computes them without dither and `sound/audio.py` asks it to. */

import { resample } from "./resample.js";
import { PowerSpectrum } from "./spectrum.js";

const FULL_SCALE = 32768; // of 16-bit samples: what Kaldi's smallest energy is made for
const PREEMPHASIS = 0.97;
const LOWEST_HERTZ = 20;
const SMALLEST_ENERGY = 2 ** -23;
const NATS_A_DECIBEL = Math.log(10) / 10;
const SMALLEST_SPREAD = 1e-3; // of a mel band over a sound, below which it is not stretched

/**
 * The features of a sound: log-mel, from the dynamic range on, at one loudness or normalised over the sound.
 *
 * @param {{samples: Float32Array, rate: number}} sound
 * @param {object} config `AudioField` of the config
 * @returns {Float32Array} (T · mels)
 */
export function readFrames(sound, config) {
  const frames = logMel(resample(sound.samples, sound.rate, config.sample_rate), config);
  const loudest = frames.reduce((most, energy) => (energy > most ? energy : most), -Infinity);
  const softest = loudest - config.dynamic_range_db * NATS_A_DECIBEL;
  frames.forEach((energy, place) => (frames[place] = Math.max(energy, softest)));
  if (config.normalization === "training") frames.forEach((energy, place) => (frames[place] = energy - loudest));
  if (config.normalization === "sound") for (let band = 0; band < config.mels; band++) standardize(frames, band, config.mels);
  return frames;
}

/** Log-mel energies (T · mels) of samples at the config's rate, a frame every `frame_shift_ms`; at least one frame. */
function logMel(samples, { sample_rate: rate, mels, frame_length_ms, frame_shift_ms }) {
  const [size, shift] = [frame_length_ms, frame_shift_ms].map((milliseconds) => samplesIn(rate, milliseconds));
  const heard = new Float32Array(Math.max(samples.length, Math.floor((rate * frame_length_ms) / 1000) + 1)); // a click is heard in silence
  heard.set(samples);
  const window = poveyWindow(size);
  const spectrum = new PowerSpectrum(2 ** Math.ceil(Math.log2(size)));
  const bands = melBands(mels, rate, spectrum.size);
  const count = Math.floor((heard.length + Math.floor(shift / 2)) / shift);
  const frames = new Float32Array(count * mels);
  for (let number = 0; number < count; number++) {
    const begin = Math.floor(shift / 2) + number * shift - Math.floor(size / 2);
    const power = spectrum.of(windowed(heard, begin, window));
    bands.forEach(({ first, weights }, band) => {
      const energy = weights.reduce((sum, weight, place) => sum + weight * power[first + place], 0);
      frames[number * mels + band] = Math.log(Math.max(energy, SMALLEST_ENERGY));
    });
  }
  return frames;
}

/** So many milliseconds in samples; a part of one is left out, and found in float32 as Kaldi does. */
function samplesIn(rate, milliseconds) {
  return Math.trunc(Math.fround(Math.fround(rate * Math.fround(0.001)) * Math.fround(milliseconds)));
}

/** Samples from `begin` on, which may lie before the first or behind the last, where the sound is mirrored; less their mean, high tones raised. */
function windowed(samples, begin, window) {
  const part = Float64Array.from(window, (_, offset) => FULL_SCALE * samples[mirrored(begin + offset, samples.length)]);
  const mean = Math.fround(part.reduce((sum, sample) => Math.fround(sum + sample), 0) / part.length); // in float32: of a constant something is left
  const centred = part.map((sample) => Math.fround(sample - mean));
  return window.map((weight, place) => weight * (centred[place] - PREEMPHASIS * centred[Math.max(place - 1, 0)]));
}

function mirrored(place, length) {
  while (place < 0 || place >= length) place = place < 0 ? -place - 1 : 2 * length - 1 - place;
  return place;
}

function poveyWindow(size) {
  return Float64Array.from({ length: size }, (_, place) => (0.5 - 0.5 * Math.cos((2 * Math.PI * place) / (size - 1))) ** 0.85);
}

/** For each mel band the first bin of the spectrum that it hears, and the weights of the bins from there: a triangle over mels. */
function melBands(count, rate, size) {
  const [low, high] = [LOWEST_HERTZ, rate / 2].map(melsOf);
  const width = (high - low) / (count + 1);
  const bins = Array.from({ length: size / 2 }, (_, bin) => melsOf((bin * rate) / size));
  return Array.from({ length: count }, (_, band) => {
    const left = low + band * width;
    const inside = [...bins.keys()].filter((bin) => bins[bin] > left && bins[bin] < left + 2 * width);
    return { first: inside[0] ?? 0, weights: inside.map((bin) => 1 - Math.abs(bins[bin] - left - width) / width) };
  });
}

function melsOf(hertz) {
  return 1127 * Math.log(1 + hertz / 700);
}

/** Bring a band to mean 0 and spread 1 over the sound. */
function standardize(frames, band, mels) {
  const count = frames.length / mels;
  let [sum, squares] = [0, 0];
  for (let place = band; place < frames.length; place += mels) sum += frames[place];
  const mean = sum / count;
  for (let place = band; place < frames.length; place += mels) squares += (frames[place] - mean) ** 2;
  const spread = Math.max(Math.sqrt(squares / count), SMALLEST_SPREAD);
  for (let place = band; place < frames.length; place += mels) frames[place] = (frames[place] - mean) / spread;
}

/** The field of sounds: samples as frames, as `sound/field.py` has them. */

import { readFrames } from "../sound/log_mel.js";

export class SoundField {
  kind = "frames";
  columns = []; // no text, so none

  /**
   * @param {object} config `AudioField` of the config
   * @param {{mean: number[], spread: number[]}} learned of each mel band over the training part, or one for all
   */
  constructor(config, { mean, spread }) {
    this.config = config;
    this.mean = mean;
    this.spread = spread;
  }

  /** Numbers a frame. */
  get width() {
    return this.config.mels;
  }

  /** What may be known of the columns, as `GET /v1/models` gives it. */
  about([name = "1"]) {
    return [{ name, kind: this.config.kind, sample_rate: this.config.sample_rate }];
  }

  /** Sound as it was given: `{samples, rate}`. */
  read(sound, where) {
    if (!(sound?.samples instanceof Float32Array)) throw new Error(`${where}: no sound; expected samples and their rate. Give what \`sound\` makes of a file.`);
    return sound;
  }

  isBlank() {
    return false;
  }

  /** Whether all samples are the same; of several channels that were averaged, but for rounding. */
  isSilent({ samples, channels }) {
    const near = channels === 1 ? 0 : 1 / 32768;
    return samples.every((sample) => Math.abs(sample - samples[0]) <= near);
  }

  /** Frames (S · mels). */
  encode(sound) {
    const { mels } = this.config;
    const of = (numbers, place) => numbers[place % mels % numbers.length];
    return readFrames(sound, this.config).map((energy, place) => (energy - of(this.mean, place)) / of(this.spread, place));
  }

  /** The first positions of frames, or the last. */
  cut(frames, limit, keep = "begin") {
    return keep === "begin" ? frames.subarray(0, limit * this.width) : frames.subarray(frames.length - limit * this.width);
  }

  /** Positions that the model reads, all of which a limit counts. */
  lengths(frames) {
    const count = frames.length / this.width;
    return { positions: count, symbols: count };
  }

  /** When each frame begins, in seconds: what attention is shown over. */
  labels(sound, frames) {
    return Array.from({ length: frames.length / this.width }, (_, number) => ((number * this.config.frame_shift_ms) / 1000).toFixed(2));
  }
}

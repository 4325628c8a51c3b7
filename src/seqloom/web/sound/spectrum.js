/** The power spectrum of real samples, by a fast Fourier transform (Cooley & Tukey 1965) of a size that is a power of two. */

export class PowerSpectrum {
  #cosines;
  #sines;
  #order;

  constructor(size) {
    this.size = size;
    const bits = Math.log2(size);
    this.#cosines = Float64Array.from({ length: size / 2 }, (_, place) => Math.cos((2 * Math.PI * place) / size));
    this.#sines = Float64Array.from({ length: size / 2 }, (_, place) => -Math.sin((2 * Math.PI * place) / size));
    this.#order = Uint32Array.from({ length: size }, (_, place) => reversed(place, bits));
  }

  /** The power of each frequency below half the rate, (size / 2,), of at most `size` samples; zeros behind them. */
  of(samples) {
    const { size } = this;
    const real = Float64Array.from(this.#order, (place) => samples[place] ?? 0);
    const imaginary = new Float64Array(size);
    for (let half = 1; half < size; half *= 2) {
      const stride = size / 2 / half;
      for (let begin = 0; begin < size; begin += 2 * half) {
        for (let place = begin, angle = 0; place < begin + half; place++, angle += stride) {
          this.#turn(real, imaginary, place, place + half, angle);
        }
      }
    }
    return real.subarray(0, size / 2).map((part, bin) => part ** 2 + imaginary[bin] ** 2);
  }

  /** The butterfly of two places. */
  #turn(real, imaginary, one, other, angle) {
    const [cosine, sine] = [this.#cosines[angle], this.#sines[angle]];
    const x = real[other] * cosine - imaginary[other] * sine;
    const y = real[other] * sine + imaginary[other] * cosine;
    real[other] = real[one] - x;
    imaginary[other] = imaginary[one] - y;
    real[one] += x;
    imaginary[one] += y;
  }
}

/** A number with its bits in the other order. */
function reversed(number, bits) {
  let result = 0;
  for (let bit = 0; bit < bits; bit++) result = (result << 1) | ((number >> bit) & 1);
  return result >>> 0;
}

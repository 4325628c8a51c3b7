/** Sound brought to another rate: a sum of its samples weighted by a sinc, cut off below half the lower rate, under a window of Kaiser (1974). */

const PASSED = 0.913; // of half the lower rate: what is heard in full, as soxr has it at its own setting
const DECIBELS = 125; // by which all from half the lower rate on is softer

/**
 * @param {Float32Array} samples (N,)
 * @param {number} from samples a second
 * @param {number} to samples a second
 * @returns {Float32Array} (N · to / from,) rounded
 */
export function resample(samples, from, to) {
  if (from === to) return samples;
  const step = greatestDivisor(from, to);
  const phases = to / step; // after so many samples the weights are the same again
  const weightsOf = filterOf(from, to);
  const filters = Array.from({ length: Math.min(phases, Math.ceil((samples.length * to) / from)) }, (_, phase) => weightsOf(((phase * from) / to) % 1));
  return Float32Array.from({ length: Math.round((samples.length * to) / from) }, (_, place) => {
    const { weights, reach } = filters[place % phases];
    const first = Math.floor((place * from) / to) - reach;
    let sum = 0;
    for (let tap = Math.max(-first, 0), last = Math.min(weights.length, samples.length - first); tap < last; tap++) sum += weights[tap] * samples[first + tap];
    return sum;
  });
}

/** The weights of the samples around a place that lies a share of a sample behind one. */
function filterOf(from, to) {
  const half = Math.min(1, to / from) / 2; // half the lower rate, in turns a sample of the source
  const cutoff = (half * (1 + PASSED)) / 2;
  const beta = 0.1102 * (DECIBELS - 8.7);
  const reach = Math.ceil((DECIBELS - 7.95) / (2.285 * 2 * Math.PI * half * (1 - PASSED)) / 2);
  const highest = bessel(beta);
  return (share) => {
    const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, tap) => {
      const distance = tap - reach - share;
      const inside = Math.max(1 - (distance / reach) ** 2, 0);
      return (2 * cutoff * sinc(2 * cutoff * distance) * bessel(beta * Math.sqrt(inside))) / highest;
    });
    return { weights, reach };
  };
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The modified Bessel function of the first kind, order 0, as its series. */
function bessel(x) {
  let [sum, part] = [1, 1];
  for (let order = 1; part > 1e-12 * sum; order++) sum += part *= (x / 2 / order) ** 2;
  return sum;
}

function greatestDivisor(one, other) {
  return other ? greatestDivisor(other, one % other) : one;
}

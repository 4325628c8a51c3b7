// What the page hears in the files on standard input, for tests/test_web_sounds.py to hold against the Python side.
import { text } from "node:stream/consumers";
import { argv, stdin, stdout } from "node:process";

const { readWave } = await import(`${argv[2]}wave.js`);
const { resample } = await import(`${argv[2]}resample.js`);
const { readFrames } = await import(`${argv[2]}log_mel.js`);

function answer({ content, config, rate }) {
  const bytes = Uint8Array.from(Buffer.from(content, "base64"));
  const sound = readWave(bytes.buffer);
  if (!sound) return null;
  return rate ? [...resample(sound.samples, sound.rate, rate)] : config ? [...readFrames(sound, config)] : sound;
}

const plain = (_, value) => (value instanceof Float32Array ? [...value] : value);
stdout.write(JSON.stringify(JSON.parse(await text(stdin)).map(answer), plain));

/** The fields of a protobuf message (https://protobuf.dev/programming-guides/encoding/), as far as models need them. */

const VARINT = 0;
const WIDE = 1;
const BYTES = 2;
const NARROW = 5;

/**
 * Each field of a message in order: its number, and a number or the bytes of a string or an inner message.
 *
 * @param {Uint8Array} bytes
 * @returns {Generator<[number, number | Uint8Array]>}
 * @throws {RangeError} the bytes end in the middle of a field, or hold a field of an unknown type.
 */
export function* readFields(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = view.getUint8(place++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (place < bytes.length) {
    const key = varint();
    const type = key % 8;
    if (type === VARINT) {
      yield [Math.floor(key / 8), varint()];
      continue;
    }
    const size = { [WIDE]: () => 8, [BYTES]: varint, [NARROW]: () => 4 }[type]?.();
    if (size === undefined || place + size > bytes.length) throw new RangeError("the message is cut or damaged");
    yield [Math.floor(key / 8), type === NARROW ? view.getFloat32(place, true) : bytes.subarray(place, place + size)];
    place += size;
  }
}

/** The text of bytes in UTF-8; a byte order mark is a character like others. */
export function text(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

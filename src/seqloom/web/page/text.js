/** Text out of a file. */

const UTF16_MARKS = ["255,254", "254,255"];
const NEW_LINE = 10;

/**
 * What stands in a file of text, without its byte order mark.
 *
 * @param {Blob} file
 * @param {string} name what a message calls it
 * @throws {Error} it is not UTF-8; names the first line that is not.
 */
export async function readText(file, name) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = decoded(bytes);
  if (text !== null) return text;
  const what = UTF16_MARKS.includes(String(bytes.subarray(0, 2))) ? "it begins with the byte order mark of UTF-16" : "expected UTF-8";
  throw new Error(`${name}:${lineOf(bytes)}: not UTF-8; ${what}. Save it as UTF-8.`);
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The first line that is not UTF-8, from 1. */
function lineOf(bytes) {
  let [number, begin] = [1, 0];
  for (let end; (end = bytes.indexOf(NEW_LINE, begin)) >= 0; begin = end + 1) {
    if (decoded(bytes.subarray(begin, end)) === null) break;
    number++;
  }
  return number;
}

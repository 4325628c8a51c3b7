/** What manifest.json says, as `manifest.py` reads it: refused in a line where it is damaged. */

const FORMAT = 1;
const PARTS = { name: "string", precision: "string", parameters: "number", search: "object", data: "object", files: "object" };
const FILES = ["fields.json", "model.onnx"];

/**
 * The manifest of a model, with what may be left out.
 *
 * @param {string} text the content of manifest.json
 * @param {string[]} targets what a model may say
 * @throws {Error} another format, or content that no export writes.
 */
export function readManifest(text, targets) {
  const manifest = { target: "ids", metrics: {}, ...readObject(text, "manifest.json") };
  const { format, target, files } = manifest;
  if (Number.isInteger(format) && format !== FORMAT) throw new Error(`model/manifest.json: format ${format}; expected ${FORMAT}. Export the model again.`);
  const isWhole = Object.entries(PARTS).every(([part, type]) => typeof manifest[part] === type && manifest[part] !== null);
  if (format !== FORMAT || !isWhole || !targets.includes(target) || !FILES.every((name) => isFile(files[name]))) throw damaged("manifest.json");
  return manifest;
}

/** The object in a file of JSON of the model. */
export function readObject(text, name) {
  let found = null;
  try {
    found = JSON.parse(text);
  } catch {
    // no JSON is no object either
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw damaged(name);
  return found;
}

function isFile(entry) {
  return Number.isInteger(entry?.size) && entry.size >= 0 && typeof entry.sha256 === "string";
}

function damaged(name) {
  return new Error(`model/${name}: damaged, or not what an export writes. Copy the whole site, or export it again.`);
}

/** Where a file is chosen or dropped. */

import { element } from "./element.js";

/**
 * A label around a file input; gives the label and the input.
 *
 * @param {{id: string, accept: string, what: string}} about what kind of file, as in "a text file"
 * @param {(file: File) => void} onfile
 */
export function dropZone({ id, accept, what }, onfile) {
  const input = element("input", { type: "file", id, accept });
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) onfile(file);
    input.value = ""; // so that the same file can be chosen again
  });
  const zone = element("label", { htmlFor: id, className: "drop" }, element("strong", {}, `Choose ${what}`), " or drop one here", input);
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) onfile(file);
  });
  return zone;
}

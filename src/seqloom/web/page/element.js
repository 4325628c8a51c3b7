/** Elements of the page, made in one expression. */

/**
 * An element with its properties and children. `aria-*` and `data-*` are set as attributes, `on*` as listeners, all else as properties.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} properties
 * @param {...(Node | string)} children texts are never read as HTML
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** What stands for the end of a sequence. */
export const END = "⏎";

/** A symbol as a person can see it: blanks, which subwords mark in their own way, ends of lines and nothing at all have signs. */
export function visible(symbol) {
  return symbol.replace(/[ \u2581]/g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥") || "∅";
}

/** A share of one as a person reads it: 3 % of 0.03, and never 100 % of less. */
export function percent(share) {
  if (share > 0.995 && share < 1) return "> 99 %";
  if (share > 0 && share < 0.005) return "< 1 %";
  return `${Math.round(share * 100)} %`;
}

/** A number with so many decimals, and a minus sign as wide as a figure. */
export function decimal(number, places) {
  return number.toFixed(places).replace("-", "−");
}

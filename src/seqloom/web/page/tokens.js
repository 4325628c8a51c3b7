/** The symbols of an answer, each with how sure the model was of it. Arrow keys go from one to the next. */

import { END, element, percent, visible } from "./element.js";

export class Tokens {
  #items;

  /**
   * @param {{tokens: string[], token_log_probs: (number | null)[]}} output one answer; probabilities have one more, for the end
   * @param {(place: number | null) => void} onlook told which symbol is looked at
   */
  constructor(output, onlook) {
    const symbols = [...output.tokens.map(visible), END];
    this.#items = symbols.map((symbol, place) => this.#item(symbol, Math.exp(output.token_log_probs[place] ?? -Infinity), place, onlook));
    this.#items[0].tabIndex = 0;
    this.element = element("ol", { className: "tokens", "aria-label": "Confidence per symbol", onkeydown: (event) => this.#move(event) }, ...this.#items);
  }

  #item(symbol, probability, place, onlook) {
    const said = `${symbol === END ? "end" : symbol}, ${percent(probability)}`;
    const item = element(
      "li",
      {
        tabIndex: -1,
        title: said,
        "aria-label": said,
        onfocus: () => onlook(place),
        onblur: () => onlook(null),
        onpointerenter: () => onlook(place),
        onpointerleave: () => onlook(null),
      },
      element("span", { className: symbol === END ? "end" : "" }, symbol),
    );
    item.style.setProperty("--sure", probability);
    item.classList.toggle("unsure", probability < 0.5);
    return item;
  }

  #move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = this.#items[this.#items.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

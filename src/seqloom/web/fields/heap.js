/** A heap (Williams 1964): gives the first of what it holds in a time that grows with the logarithm of its size. */

export class Heap {
  #items = [];
  #isBefore;

  /** @param {(one: any, other: any) => boolean} isBefore whether one comes out before another */
  constructor(isBefore) {
    this.#isBefore = isBefore;
  }

  push(item) {
    const items = this.#items;
    let place = items.push(item) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(item, items[parent])) break;
      items[place] = items[parent];
      place = parent;
    }
    items[place] = item;
  }

  /** The first item, which is taken out; undefined where there is none. */
  pop() {
    const items = this.#items;
    const [first, last] = [items[0], items.pop()];
    if (!items.length) return first;
    let place = 0;
    for (let child = 1; child < items.length; child = 2 * place + 1) {
      if (child + 1 < items.length && this.#isBefore(items[child + 1], items[child])) child++;
      if (!this.#isBefore(items[child], last)) break;
      items[place] = items[child];
      place = child;
    }
    items[place] = last;
    return first;
  }
}

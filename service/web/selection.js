/** Which alerts of the list are selected. */

export class Selection {
  constructor() {
    /** @type {Set<string>} */
    this.ids = new Set();
    /** Where a range begins. @type {string|null} */
    this.anchor = null;
  }

  get size() {
    return this.ids.size;
  }

  /**
   * Selects one, or takes it out.
   * @param {string} id
   */
  toggle(id) {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.anchor = id;
  }

  /**
   * Selects all from where the last was toggled.
   * @param {string} id
   * @param {string[]} order ids as they are listed
   */
  extend(id, order) {
    const [from, to] = [this.anchor ?? id, id].map((one) => order.indexOf(one)).sort((a, b) => a - b);
    if (from === -1) return this.toggle(id);
    for (const one of order.slice(from, to + 1)) this.ids.add(one);
    this.anchor ??= id;
  }

  /** @param {string[]} order */
  all(order) {
    for (const id of order) this.ids.add(id);
  }

  clear() {
    this.ids.clear();
    this.anchor = null;
  }
}

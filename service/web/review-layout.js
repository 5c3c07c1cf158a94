/** Where each alert of the review's list lies: days as headings, and under them rows of one or several. */

import { dayOf } from "./review-state.js";

/**
 * @typedef {object} Row
 * @property {number} top
 * @property {number} height
 * @property {number} first index of its first alert; of a heading, of the first under it
 * @property {number} count of alerts in it; 0 for a heading
 *
 * @typedef {object} Shape
 * @property {number} columns
 * @property {number} width of one
 * @property {number} height of one
 * @property {number} gap between two
 * @property {number} heading height of one
 */

/** In rem, as the rest of the page: a card in the grid, its words under the picture, a row of the list. */
const CARD = 15;
const NARROW_CARD = 10.5;
const WORDS = 6.4;
const LINE = 3.5;
const TWO_LINES = 5;
const HEADING = 2.4;
const GAP = 0.7;
/** Narrower than this a row of the list has two lines, and cards are smaller. In rem. */
const NARROW = 44;
const PICTURE = 9 / 16;

/**
 * @param {"grid"|"list"} layout
 * @param {number} width in pixels
 * @param {number} rem in pixels
 * @returns {Shape}
 */
export function shapeOf(layout, width, rem) {
  const narrow = width < NARROW * rem;
  if (layout === "list") return { columns: 1, width, height: (narrow ? TWO_LINES : LINE) * rem, gap: 0, heading: HEADING * rem };
  const gap = GAP * rem;
  const columns = Math.max(1, Math.floor((width + gap) / ((narrow ? NARROW_CARD : CARD) * rem + gap)));
  const one = (width - gap * (columns - 1)) / columns;
  return { columns, width: one, height: one * PICTURE + WORDS * rem, gap, heading: HEADING * rem };
}

export class ReviewLayout {
  /**
   * @param {{time: number}[]} entries newest first
   * @param {Shape} shape
   */
  constructor(entries, shape) {
    this.shape = shape;
    /** @type {Row[]} */
    this.rows = [];
    /** The row of each alert. @type {number[]} */
    this.rowOf = [];
    this.height = 0;
    let day = "";
    entries.forEach(({ time }, index) => {
      const its = dayOf(new Date(time));
      const row = this.rows.at(-1);
      if (its !== day) {
        this.add(index, 0, shape.heading);
        day = its;
        this.add(index, 1, shape.height + shape.gap);
      } else if (row !== undefined && row.count < shape.columns) row.count += 1;
      else this.add(index, 1, shape.height + shape.gap);
      this.rowOf.push(this.rows.length - 1);
    });
  }

  /**
   * @param {number} first
   * @param {number} count
   * @param {number} height
   */
  add(first, count, height) {
    this.rows.push({ top: this.height, height, first, count });
    this.height += height;
  }

  /** The row at a height, or the nearest one. @param {number} y */
  rowAt(y) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].top <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * @param {number} index
   * @returns {{x: number, y: number}}
   */
  placeOf(index) {
    const row = this.rows[this.rowOf[index]];
    return { x: (index - row.first) * (this.shape.width + this.shape.gap), y: row.top };
  }

  /**
   * The alert above or below another.
   * @param {number} index
   * @param {number} rows how many, negative for above
   * @returns {number} the nearest there is
   */
  across(index, rows) {
    const step = Math.sign(rows);
    let at = this.rowOf[index];
    const column = index - this.rows[at].first;
    for (let left = Math.abs(rows); left > 0; left--) {
      let next = at + step;
      while (this.rows[next]?.count === 0) next += step;
      if (this.rows[next] === undefined) break;
      at = next;
    }
    return this.rows[at].first + Math.min(column, this.rows[at].count - 1);
  }
}

/** Objects as rows of a table: what it is, its score, and why. */

import { create } from "./dom.js";
import { score as scoreText } from "./format.js";
import { isUnusual } from "./picture-view.js";

/** @typedef {import("./api.js").ScoredObject} ScoredObject */

/** The most unusual ones; a crowd's tail would only make the page jump. */
const MOST_ROWS = 8;
const MOST_TERMS = 4;
/** Less than this reads 0.0 and says nothing. */
const LEAST_TERM = 0.05;

/**
 * Per attribute how far from normal, farthest first.
 * @param {ScoredObject} object
 * @returns {string}
 */
export function why(object) {
  const terms = Object.entries(object.terms ?? {}).filter(([, value]) => value >= LEAST_TERM).sort(([, a], [, b]) => b - a);
  // A no-break space: the number stays with its name.
  return terms.slice(0, MOST_TERMS).map(([name, value]) => `${name}\u00a0${value.toFixed(1)}`).join(", ");
}

/**
 * @param {ScoredObject[]} objects
 * @param {number|null} threshold
 * @returns {HTMLElement[]}
 */
export function objectRows(objects, threshold) {
  if (objects.length === 0) return [];
  const head = create("tr", {});
  for (const title of ["Object", "Score", "Why: distance from normal"]) {
    const cell = create("th", { text: title });
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const rows = [...objects].sort((a, b) => (b.score ?? 0) - (a.score ?? 0)).slice(0, MOST_ROWS).map((object) => {
    const name = object.track_id === null ? object.label : `${object.label} ${object.track_id}`;
    const row = create("tr", {}, create("td", { text: name }), create("td", { class: "number", text: scoreText(object.score) }), create("td", { text: why(object) }));
    row.classList.toggle("over", isUnusual(object, threshold));
    return row;
  });
  return [create("thead", {}, head), create("tbody", {}, ...rows)];
}

/** Objects as rows of a table: what it is, its score, and why. */

import { create } from "./dom.js";
import { score as scoreText } from "./format.js";
import { isUnusual } from "./picture-view.js";

/** @typedef {import("./api.js").AnyObject} AnyObject */

/** The most unusual ones; a crowd's tail would only make the page jump. */
const MAX_ROWS = 8;
const MAX_TERMS = 4;
const MAX_ACTIONS = 2;
/** Less than this reads 0.0 and says nothing. */
const MIN_TERM = 0.05;

/**
 * Per attribute how far from normal, farthest first.
 * @param {AnyObject} object
 * @returns {string}
 */
export function why(object) {
  const terms = Object.entries(object.terms ?? {}).filter(([, value]) => value >= MIN_TERM).sort(([, a], [, b]) => b - a);
  // A no-break space: the number stays with its name.
  return terms.slice(0, MAX_TERMS).map(([name, value]) => `${name}\u00a0${value.toFixed(1)}`).join(", ");
}

const percent = (/** @type {number} */ share) => `${Math.round(share * 100)}\u00a0%`;

/**
 * Why an object's score is what it is, a line each.
 * @param {AnyObject} object
 * @returns {string[]}
 */
export function reasons(object) {
  const lines = [];
  if (object.caption) lines.push(object.caption);
  const distances = why(object);
  if (distances !== "") lines.push(`Unusual: ${distances}`);
  const actions = object.actions ?? [];
  const alike = actions.filter((action) => action.alike).slice(0, MAX_ACTIONS).map(({ text }) => text);
  if (actions.length > 0) lines.push(alike.length > 0 ? `Looks like: ${alike.join("; ")}` : "Resembles nothing known");
  if (object.nearest) lines.push(`Nearest normal: ${object.nearest.mode}, ${object.nearest.distance.toFixed(2)} away`);
  for (const { text, verdict, similarity, evidence } of object.matches ?? []) {
    const by = evidence === "caption" ? "what is known of it" : "its looks";
    lines.push(`Rule “${text}”, ${verdict === "normal" ? "normal" : "an anomaly"}: ${percent(similarity)} sure, by ${by}`);
  }
  if (object.taught) lines.push(`Like a false alarm: ${percent(object.taught.relief)} of its score taken away`);
  return lines;
}

/**
 * @param {AnyObject[]} objects
 * @param {number|null} threshold
 * @returns {HTMLElement[]}
 */
export function objectRows(objects, threshold) {
  if (objects.length === 0) return [];
  const head = create("tr", {});
  for (const title of ["Object", "Score", "Why"]) {
    const cell = create("th", { text: title });
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const first = (/** @type {AnyObject} */ object) => (object.culprit ? Number.POSITIVE_INFINITY : (object.score ?? 0));
  const rows = [...objects].sort((a, b) => (first(a) === first(b) ? 0 : first(b) - first(a))).slice(0, MAX_ROWS).map((object) => {
    const name = object.track_id === null ? object.label : `${object.label} ${object.track_id}`;
    const row = create("tr", {}, create("td", { text: name }), create("td", { class: "number", text: scoreText(object.score) }), create("td", {}, ...reasons(object).map((text) => create("div", { text }))));
    row.classList.toggle("over", object.culprit || isUnusual(object, threshold));
    return row;
  });
  return [create("thead", {}, head), create("tbody", {}, ...rows)];
}

/** Objects as rows of a table: what it is, its score, and why. */

import { create } from "./dom.js";
import { score as scoreText, sentence } from "./format.js";
import { isUnusual } from "./picture-view.js";

/** @typedef {import("./api.js").AnyObject} AnyObject */

/** The most unusual ones; a crowd's tail would only make the page jump. */
const MAX_ROWS = 8;
const MAX_TERMS = 4;
const MAX_WAYS = 2;
/** A score of 0.5 is one normal frame in a thousand: below it, a "why" would contradict the number beside it. */
const MIN_REASON = 0.5;
/** Less than this reads 0.0 and says nothing. */
const MIN_TERM = 0.05;

/**
 * The numbers behind the words, farthest from normal first: for who asks, not for who glances.
 * @param {AnyObject} object
 * @returns {string}
 */
function numbers(object) {
  const terms = Object.entries(object.terms ?? {}).filter(([, value]) => value >= MIN_TERM).sort(([, a], [, b]) => b - a);
  // A no-break space: the number stays with its name.
  return terms.slice(0, MAX_TERMS).map(([name, value]) => `${name}\u00a0${value.toFixed(1)}`).join(", ");
}

/**
 * Why an object's score is what it is, a line each, in words. What an encoder says of a picture is a guess, and told
 * as one.
 * @param {AnyObject} object
 * @returns {string[]}
 */
export function reasons(object) {
  // Of what is ordinary its farthest trait is no reason for anything.
  const odd = (object.score ?? 0) >= MIN_REASON || object.culprit;
  const lines = odd ? (object.why ?? []).slice(0, MAX_WAYS).map(sentence) : [];
  if (object.caption) lines.unshift(sentence(object.caption));
  const guess = (object.actions ?? []).find((action) => action.alike);
  if (guess !== undefined) lines.push(`Looks a little like “${guess.text}”.`);
  for (const { text, verdict, evidence } of object.matches ?? []) {
    const matches = evidence === "caption" ? "Matches" : `May match, by its ${evidence === "posture" ? "posture" : "looks"},`;
    lines.push(`${matches} the rule “${text}”: ${verdict === "normal" ? "normal here" : "an anomaly here"}.`);
  }
  if (object.taught) lines.push("Looks like what you called a false alarm, so it counts for less.");
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
    const who = create("td", {}, create("div", { text: name }));
    if (object.culprit) who.append(create("div", { class: "hint", text: "made the score" }));
    const why = create("td", { title: numbers(object) }, ...reasons(object).map((text) => create("div", { text })));
    const row = create("tr", {}, who, create("td", { class: "number", text: scoreText(object.score) }), why);
    row.classList.toggle("over", object.culprit || isUnusual(object, threshold));
    return row;
  });
  return [create("thead", {}, head), create("tbody", {}, ...rows)];
}

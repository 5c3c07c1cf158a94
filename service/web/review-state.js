/** What the review shows, as it stands in the page's address: `#review/ALERT?day=2026-11-30&camera=ID&verdict=none`. */

/**
 * @typedef {"none"|"confirmed"|"false_alarm"} Reviewed
 * @typedef {"grid"|"list"} Layout
 *
 * @typedef {object} ReviewState
 * @property {string|null} alert the one that is open
 * @property {string|null} day YYYY-MM-DD, in this browser's time zone
 * @property {string[]} cameras none is all
 * @property {string[]} kinds none is all
 * @property {Reviewed[]} verdicts none is all
 * @property {string} text
 * @property {Layout} layout
 */

/** @type {Record<Reviewed, string>} */
export const VERDICTS = { none: "To review", confirmed: "Confirmed", false_alarm: "False alarm" };

/** Kinds of alerts, by what the service calls them. @type {Record<string, string>} */
export const KINDS = {
  anomaly: "Something unusual",
  stream_offline: "Camera not reachable",
  not_watching: "Camera sees nothing",
};

/** What the service takes as an id; anything else in an address was mistyped. */
const ID = /^[A-Za-z0-9_.-]{1,64}$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const LONGEST_TEXT = 200;

/** @type {ReviewState} */
const EVERYTHING = { alert: null, day: null, cameras: [], kinds: [], verdicts: [], text: "", layout: "grid" };

/**
 * What an address asks for; what it says wrongly is left out.
 * @param {string} hash
 * @returns {ReviewState|null} null if it is no address of the review
 */
export function readHash(hash) {
  const match = /^#review(?:\/([^?]*))?(?:\?(.*))?$/.exec(hash);
  if (match === null) return null;
  const said = new URLSearchParams(match[2] ?? "");
  const day = said.get("day") ?? "";
  return {
    alert: ID.test(match[1] ?? "") ? match[1] : null,
    day: startOfDay(day) === null ? null : day,
    cameras: said.getAll("camera").filter((id) => ID.test(id)),
    kinds: said.getAll("kind").filter((kind) => Object.hasOwn(KINDS, kind)),
    verdicts: /** @type {Reviewed[]} */ (said.getAll("verdict").filter((verdict) => Object.hasOwn(VERDICTS, verdict))),
    text: (said.get("text") ?? "").slice(0, LONGEST_TEXT),
    layout: said.get("view") === "list" ? "list" : "grid",
  };
}

/**
 * The address of a state; what is left out is as it is without any choice.
 * @param {Partial<ReviewState>} state
 * @returns {string}
 */
export function writeHash(state) {
  const { alert, day, cameras, kinds, verdicts, text, layout } = { ...EVERYTHING, ...state };
  const said = new URLSearchParams();
  if (day !== null) said.set("day", day);
  for (const camera of cameras) said.append("camera", camera);
  for (const kind of kinds) said.append("kind", kind);
  for (const verdict of verdicts) said.append("verdict", verdict);
  if (text !== "") said.set("text", text);
  if (layout !== "grid") said.set("view", layout);
  return `#review${alert === null ? "" : `/${alert}`}${said.size === 0 ? "" : `?${said}`}`;
}

/**
 * What is asked of the service.
 * @param {ReviewState} state
 * @returns {import("./api.js").AlertFilter}
 */
export function filterOf({ day, cameras, kinds, verdicts, text }) {
  /** @type {import("./api.js").AlertFilter} */
  const filter = {};
  const from = startOfDay(day ?? "");
  if (from !== null) Object.assign(filter, between(from, new Date(from.getFullYear(), from.getMonth(), from.getDate() + 1)));
  if (cameras.length > 0) filter.stream = cameras;
  if (kinds.length > 0) filter.kind = /** @type {import("./api.js").Alert["kind"][]} */ (kinds);
  if (verdicts.length > 0) filter.verdict = verdicts;
  if (text.trim() !== "") filter.text = text.trim();
  return filter;
}

/**
 * @param {Date} from
 * @param {Date} until
 * @returns {{from: string, until: string}}
 */
export const between = (from, until) => ({ from: from.toISOString(), until: until.toISOString() });

/**
 * The midnight that a day begins with, here; null if there is no such day.
 * @param {string} day YYYY-MM-DD
 * @returns {Date|null}
 */
export function startOfDay(day) {
  const [, year, month, date] = (DAY.exec(day) ?? []).map(Number);
  const start = new Date(year, month - 1, date);
  return dayOf(start) === day ? start : null;
}

/**
 * The day of a moment, here.
 * @param {Date} date
 * @returns {string} YYYY-MM-DD
 */
export function dayOf(date) {
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((number) => String(number).padStart(2, "0"));
  return `${String(date.getFullYear()).padStart(4, "0")}-${month}-${day}`;
}

/** How many filters are set. @param {ReviewState} state */
export function countFilters({ day, cameras, kinds, verdicts, text }) {
  return [day !== null, cameras.length > 0, kinds.length > 0, verdicts.length > 0, text.trim() !== ""].filter(Boolean).length;
}

/**
 * Whether two states ask for the same alerts.
 * @param {ReviewState} one
 * @param {ReviewState} other
 */
export const sameFilter = (one, other) => JSON.stringify(filterOf(one)) === JSON.stringify(filterOf(other));

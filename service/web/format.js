/** Numbers and times as people read them. */

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDayFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const fullDayFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const countFormat = new Intl.NumberFormat();

/** Surprise (-log10 p) that the API shows as score 1. */
const FULL_SCALE = 6;

/** Surprise that no frame of an enrolment reaches, as in the sentences of alerts. */
const LEARNED = 3.8;

/** @param {number} ms Unix milliseconds */
export const clock = (ms) => clockFormat.format(ms);

/**
 * The time of day, with the day where it is not today.
 * @param {number} ms Unix milliseconds
 * @param {number} now Unix milliseconds
 */
export function moment(ms, now) {
  const sameDay = new Date(ms).toDateString() === new Date(now).toDateString();
  return sameDay ? clock(ms) : `${dayFormat.format(ms)} ${clock(ms)}`;
}

/**
 * The day as a heading.
 * @param {number} ms Unix milliseconds
 */
export function longDay(ms) {
  const [today, its] = [new Date(), new Date(ms)];
  if (its.toDateString() === today.toDateString()) return "Today";
  today.setDate(today.getDate() - 1);
  if (its.toDateString() === today.toDateString()) return "Yesterday";
  return (its.getFullYear() === new Date().getFullYear() ? longDayFormat : fullDayFormat).format(ms);
}

/**
 * The day with its year, and the time of day.
 * @param {number} ms Unix milliseconds
 */
export const fullMoment = (ms) => `${fullDayFormat.format(ms)}, ${clock(ms)}`;

/** @param {number|null|undefined} value */
export const score = (value) => (value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(2));

/**
 * What a score means: how rare such a frame is among normal ones.
 * @param {number} value 0..1
 */
export function rarity(value) {
  // Enrolment keeps at most 6,000 frames: what is rarer was not among them.
  if (FULL_SCALE * value >= LEARNED) return "never seen while learning";
  const frames = 10 ** (FULL_SCALE * value);
  if (frames < 3) return "common when all is normal";
  const magnitude = 10 ** Math.floor(Math.log10(frames));
  return `about one frame in ${countFormat.format(Math.round(frames / magnitude) * magnitude)} when all is normal`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 36 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** @param {string} text */
export const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * A stretch of a recording's time, in minutes and seconds.
 * @param {number} begin seconds
 * @param {number} end seconds
 */
export function span(begin, end) {
  const [first, last] = [Math.floor(begin), Math.floor(end)].map((at) => `${Math.floor(at / 60)}:${String(at % 60).padStart(2, "0")}`);
  return first === last ? first : `${first} to ${last}`;
}

/**
 * How often something happens, in the unit that gives a number people can picture.
 * @param {number} perDay
 */
export function often(perDay) {
  /** @type {[number, string][]} */
  const units = [[1, "day"], [7, "week"], [30, "month"], [365, "year"]];
  for (const [days, unit] of units) {
    const times = perDay * days;
    if (times >= 0.95) return `${countFormat.format(twoDigits(times))} a ${unit}`;
  }
  return "less than one a year";
}

/** @param {number} value */
function twoDigits(value) {
  const step = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(Math.round(value / step) * step * 10) / 10;
}

/** @param {number} count */
export const number = (count) => countFormat.format(count);

/**
 * What is left of a wait, to the second.
 * @param {number} seconds
 */
export function countdown(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}

/**
 * @param {number} count
 * @param {string} noun
 * @param {string} [plural]
 */
export const counted = (count, noun, plural = `${noun}s`) => `${countFormat.format(count)} ${count === 1 ? noun : plural}`;

/**
 * The service's older texts begin small and end open, to be put together; on the page they stand alone. A first word
 * that is no plain word (an address, a field's name) stays as it is written.
 * @param {string} text
 */
export function sentence(text) {
  const plain = /^[a-z]+(?=[\s,;.!?]|$)/.test(text);
  const begun = plain ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** @type {Record<import("./api.js").StreamState, string>} */
export const STATE_NAMES = {
  connecting: "Connecting",
  enrolling: "Learning",
  live: "Live",
  stalled: "Stalled",
  offline: "Offline",
  paused: "Paused",
  failed: "Failed",
  blind: "Nothing to see",
};

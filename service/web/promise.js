/** What a camera promises of its alerts, in words for people who have read nothing of it. */

import { counted, duration, number, often, score as scoreText } from "./format.js";

/** @typedef {import("./api.js").AlertPromise} AlertPromise */
/** @typedef {import("./api.js").Drift} Drift */

/**
 * How many false alerts to expect, and whether that was measured.
 * @param {AlertPromise} promise
 */
export function promiseText(promise) {
  const { expected, kind, hours, high, incidents } = promise;
  const footage = duration(hours * 3600);
  if (expected === null) return `How many false alerts to expect is not known. ${seenText(promise)}`;
  if (kind === "measured" && incidents === 0 && high !== null) return `Expect at most ${falseAlerts(high)}. ${seenText(promise)}`;
  if (kind === "measured") return `Expect about ${falseAlerts(expected)}${interval(promise)}, as measured over ${footage} of normal footage.`;
  const bound = high === null ? "" : ` So little cannot rule out up to ${often(high)}.`;
  return `Expect about ${falseAlerts(expected)}, but that is a guess. ${seenText(promise)}${bound}`;
}

/** @param {AlertPromise} promise */
function seenText({ incidents, hours }) {
  if (hours === 0) return "It was tried on no normal footage yet.";
  const seen = incidents === 0 ? "no false alert was seen" : `${counted(incidents, "false alert")} ${incidents === 1 ? "was" : "were"} seen`;
  return `In ${duration(hours * 3600)} of normal footage ${seen}.`;
}

/** @param {AlertPromise} promise */
function interval({ low, high }) {
  if (high === null) return "";
  return low === null || low <= 0 ? `, at most ${often(high)}` : `, between ${often(low)} and ${often(high)}`;
}

/** @param {number} perDay */
const falseAlerts = (perDay) => often(perDay).replace(/^(.+?) (an? )/, (_, count, per) => `${count} ${count === "1" || count === "less than one" ? "false alert" : "false alerts"} ${per}`);

/**
 * What was seen, and from where on it alerts.
 * @param {AlertPromise} promise
 * @param {import("./api.js").Profile|undefined} profile
 * @returns {[string, string][]}
 */
export function seenFacts(promise, profile) {
  const { threshold, low, high, kind } = promise;
  const first = promise.threshold_at_enrolment;
  const moved = scoreText(first) === scoreText(threshold) ? "" : `, ${scoreText(first)} when it had just learned`;
  return [
    ["Seen", profile === undefined ? "nothing" : seen(profile)],
    ["Alerts from", `a score of ${scoreText(threshold)}${moved}`],
    ["False alerts", high === null ? "not known" : `${low === null || low <= 0 ? "none" : often(low)} to ${often(high)}, ${kind === "measured" ? "measured" : "not known more closely yet"} (95 % sure)`],
  ];
}

/** @param {import("./api.js").Profile} profile */
function seen({ frames, seconds, objects, recordings }) {
  const things = objects === null ? [] : [counted(objects, "moving thing")];
  const from = recordings === 0 ? [] : [counted(recordings, "recording")];
  return [duration(seconds), counted(frames, "frame"), ...things, ...from].join(", ");
}

/** @param {Drift} drift */
export function driftText({ days, expected }) {
  const [newest, before] = days.filter(({ beyond }) => beyond);
  const shares = [before, newest].filter((day) => day !== undefined).map(({ share }) => percent(share));
  return `Normal has changed here. On the last two days ${shares.join(" and ")} of the pictures were as unusual as ${percent(expected)} was while learning. Extend what was learned?`;
}

/** @param {number} share */
const percent = (share) => `${number(Math.round(share * 1000) / 10)} %`;

/**
 * The public HTTP API as functions. Nothing in the page reaches the service by another way,
 * but for the score socket in feed.js.
 *
 * @typedef {"connecting"|"enrolling"|"live"|"stalled"|"offline"|"paused"|"failed"} StreamState
 *
 * @typedef {object} StreamStatus
 * @property {StreamState} state
 * @property {string|null} detail
 * @property {string} since
 * @property {number|null} width
 * @property {number|null} height
 * @property {number|null} measured_fps
 * @property {number|null} latency_ms
 * @property {number} reconnects
 * @property {string|null} last_frame_at
 * @property {number|null} threshold
 * @property {boolean} enrolled
 *
 * @typedef {object} Zone
 * @property {string} name
 * @property {[number, number][]} polygon corners as fractions of the picture
 * @property {"watch"|"ignore"|"mark"} mode
 *
 * @typedef {object} Stream
 * @property {string} id
 * @property {string} name
 * @property {string} url without credentials
 * @property {string} detector
 * @property {string[]} packs
 * @property {number} fps
 * @property {number|null} threshold
 * @property {number|null} alerts_per_day
 * @property {Zone[]} zones
 * @property {string|null} timezone
 * @property {boolean} enabled
 * @property {boolean} has_credentials
 * @property {StreamStatus} status
 *
 * @typedef {object} ScoredObject
 * @property {number|null} track_id
 * @property {[number, number, number, number]} box x, y, width, height as fractions of the picture
 * @property {string} label
 * @property {number|null} score with the rules in force
 * @property {number|null} raw_score without them
 * @property {Record<string, number>} terms per attribute, how far from normal
 * @property {string} caption what is known of it, in words
 * @property {{text: string, similarity: number, alike: boolean}[]} actions what it looks most like
 * @property {{mode: string, distance: number}|null} nearest the normal mode that it is nearest to
 * @property {Match[]} matches rules that matched it
 * @property {{alert_id: string, relief: number}|null} taught the false alarm that it is like
 *
 * @typedef {object} Match
 * @property {string} rule_id
 * @property {string} text
 * @property {"normal"|"anomaly"} verdict
 * @property {number} similarity
 * @property {"image"|"caption"} evidence
 *
 * @typedef {object} ScoreMessage
 * @property {string} stream_id
 * @property {number} seq
 * @property {number|null} pts null when there is no frame
 * @property {number} captured_at Unix seconds
 * @property {number|null} latency_ms
 * @property {StreamState} state
 * @property {number|null} score 0..1, with the rules in force; null whenever the stream is not live
 * @property {number|null} raw_score the same without them
 * @property {number|null} threshold
 * @property {string|null} alert_id
 * @property {Record<string, number>} heads each head's own score, before smoothing and rules
 * @property {ScoredObject[]} objects
 *
 * @typedef {object} Alert
 * @property {string} id
 * @property {string} stream_id
 * @property {string} stream_name
 * @property {"anomaly"|"stream_offline"} kind
 * @property {"open"|"closed"} state
 * @property {string} opened_at
 * @property {string} updated_at
 * @property {string|null} closed_at
 * @property {number|null} peak_score
 * @property {string|null} peak_at
 * @property {number|null} threshold
 * @property {ScoredObject[]} objects
 * @property {string} message
 * @property {"confirmed"|"false_alarm"|null} verdict
 * @property {{objects: number, detail: string}|null} taught what a false alarm taught its camera
 * @property {string|null} snapshot
 *
 * @typedef {object} Enrolment
 * @property {"none"|"collecting"|"fitting"|"ready"|"failed"} state
 * @property {number} progress
 * @property {number} frames
 * @property {number} seconds
 * @property {string|null} finished_at
 * @property {string|null} error
 * @property {{pack: string, created_at: string, frames: number, seconds: number, origin: string}[]} profiles
 *
 * @typedef {object} Schedule
 * @property {string[]} days
 * @property {string} from
 * @property {string} to
 * @property {boolean} overnight
 * @property {string|null} timezone
 *
 * @typedef {object} RuleSpec
 * @property {string} text
 * @property {"normal"|"anomaly"} verdict
 * @property {number} strength
 * @property {string|null} zone
 * @property {Schedule|null} schedule
 * @property {string|null} expires_at
 *
 * @typedef {object} Conflict
 * @property {string} id
 * @property {string} text
 * @property {"normal"|"anomaly"} verdict
 * @property {string} wins
 *
 * @typedef {object} RuleState
 * @property {string} id
 * @property {boolean} enabled
 * @property {"contrastive"|"equation10"} method
 * @property {boolean} active
 * @property {{text: string, weight: number}[]} resembles
 * @property {Conflict[]} conflicts
 * @property {string[]} warnings
 *
 * @typedef {RuleSpec & RuleState} Rule
 *
 * @typedef {object} PreviewObject
 * @property {string} label
 * @property {string} caption
 * @property {string} first_at
 * @property {number} similarity
 * @property {"image"|"caption"} evidence
 * @property {string|null} thumbnail a data URL
 *
 * @typedef {object} Preview
 * @property {number} seconds
 * @property {number} frames
 * @property {number} threshold
 * @property {{text: string, weight: number}[]} resembles
 * @property {Conflict[]} conflicts
 * @property {string[]} warnings
 * @property {PreviewObject[]} objects
 * @property {number} more_objects
 * @property {object[]} alerts_removed
 * @property {object[]} alerts_absorbed
 * @property {object[]} alerts_raised
 * @property {{at: number[], without_rule: number[], with_rule: number[]}} curves
 *
 * @typedef {object} Edit
 * @property {number} id
 * @property {string} at
 * @property {string} who
 * @property {"created"|"changed"|"deleted"|"undone"} action
 * @property {string} rule_id
 * @property {RuleSpec & {enabled: boolean}|null} before
 * @property {RuleSpec & {enabled: boolean}|null} after
 *
 * @typedef {object} Taught
 * @property {string} alert_id
 * @property {string} taught_at
 * @property {number} objects
 * @property {boolean} active
 */

import { sentence } from "./format.js";

/** A problem+json answer, or the lack of any answer (`status` 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} code stable, for programs
   * @param {string} detail a sentence, for people
   * @param {{field: string, message: string}[]} fields what is wrong with which field of the body
   */
  constructor(status, code, detail, fields = []) {
    super(detail);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

/** Registering a camera probes it first, and a busy machine tries a rule on ten minutes for as long. */
const LONG_TIMEOUT_MS = 30_000;
const TIMEOUT_MS = 10_000;

/**
 * The URL of a path of the API, relative to the page, so that a reverse proxy may serve both under a prefix.
 * @param {string} path
 * @returns {string}
 */
export function url(path) {
  return new URL(path, document.baseURI).href;
}

/**
 * @param {string} id
 * @param {string} [rest]
 */
export function streamPath(id, rest = "") {
  return `streams/${encodeURIComponent(id)}${rest}`;
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
export async function problemOf(response) {
  const fallback = `The service answered ${response.status} ${response.statusText}`.trim() + ".";
  /** @type {any} */
  const body = await response.json().catch(() => null);
  if (body === null || typeof body !== "object") return new Problem(response.status, "unreadable", fallback);
  const fields = Array.isArray(body.errors) ? body.errors.map(fieldOf) : [];
  return new Problem(response.status, body.code ?? "unknown", sentence(body.detail ?? body.title ?? fallback), fields);
}

/**
 * @param {{field: string, expected: string, got: string}} error one entry of a problem's `errors`
 * @returns {{field: string, message: string}}
 */
function fieldOf({ field, expected, got }) {
  return { field, message: `Expected ${expected}; got ${got}.` };
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, timeout?: number}} [options]
 * @returns {Promise<any>}
 */
async function request(method, path, { body, timeout = TIMEOUT_MS } = {}) {
  /** @type {RequestInit} */
  const init = { method, cache: "no-store", signal: AbortSignal.timeout(timeout) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(url(path), init);
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new Problem(0, "unreachable", late ? "The service did not answer in time." : "The service cannot be reached.");
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

/** @returns {Promise<Stream[]>} */
export const listStreams = () => request("GET", "streams");

/**
 * @param {object} spec
 * @param {boolean} probe try the source before registering it
 * @returns {Promise<Stream>}
 */
export const createStream = (spec, probe) =>
  request("POST", `streams?probe=${probe}`, { body: spec, timeout: LONG_TIMEOUT_MS });

/**
 * @param {string} id
 * @param {object} patch
 * @returns {Promise<Stream>}
 */
export const updateStream = (id, patch) =>
  request("PATCH", streamPath(id), { body: patch, timeout: LONG_TIMEOUT_MS });

/** @param {string} id */
export const deleteStream = (id) => request("DELETE", streamPath(id));

/**
 * @param {string} id
 * @param {{seconds: number, extend: boolean}} spec
 * @returns {Promise<Enrolment>}
 */
export const enrol = (id, spec) => request("POST", streamPath(id, "/enrolment"), { body: spec });

/**
 * @param {string} id
 * @returns {Promise<Enrolment>}
 */
export const enrolment = (id) => request("GET", streamPath(id, "/enrolment"));

/** @param {string} id */
export const forgetEnrolment = (id) => request("DELETE", streamPath(id, "/enrolment"));

/**
 * @param {string} id
 * @returns {Promise<Rule[]>}
 */
export const listRules = (id) => request("GET", streamPath(id, "/guidance"));

/**
 * @param {string} id
 * @param {RuleSpec} spec
 * @returns {Promise<Rule>}
 */
export const addRule = (id, spec) => request("POST", streamPath(id, "/guidance"), { body: spec });

/**
 * @param {string} id
 * @param {string} rule
 * @param {Partial<Rule>} patch
 * @returns {Promise<Rule>}
 */
export const changeRule = (id, rule, patch) => request("PATCH", rulePath(id, rule), { body: patch });

/**
 * @param {string} id
 * @param {string} rule
 */
export const deleteRule = (id, rule) => request("DELETE", rulePath(id, rule));

/**
 * Takes back the last edit of a rule, also its deletion.
 * @param {string} id
 * @param {string} rule
 */
export const undoRule = (id, rule) => request("POST", rulePath(id, rule, "/undo"));

/**
 * What a rule that is not saved would have done to the last minutes.
 * @param {string} id
 * @param {{rule: RuleSpec, minutes: number, replaces: string|null}} spec
 * @returns {Promise<Preview>}
 */
export const previewRule = (id, spec) =>
  request("POST", streamPath(id, "/guidance/preview"), { body: spec, timeout: LONG_TIMEOUT_MS });

/**
 * Edits of a camera's rules, the newest first.
 * @param {string} id
 * @returns {Promise<Edit[]>}
 */
export const listEdits = (id) => request("GET", streamPath(id, "/guidance/audit"));

/**
 * What false alarms have taught a camera.
 * @param {string} id
 * @returns {Promise<Taught[]>}
 */
export const listTaught = (id) => request("GET", streamPath(id, "/taught"));

/**
 * @param {string} id
 * @param {string} rule
 * @param {string} rest
 */
function rulePath(id, rule, rest = "") {
  return streamPath(id, `/guidance/${encodeURIComponent(rule)}${rest}`);
}

/**
 * The newest score messages of a stream, oldest first.
 * @param {string} id
 * @param {number} limit
 * @returns {Promise<ScoreMessage[]>}
 */
export const scores = (id, limit) => request("GET", streamPath(id, `/scores?limit=${limit}`));

/**
 * The newest alerts, newest first.
 * @param {number} limit
 * @returns {Promise<Alert[]>}
 */
export const listAlerts = (limit) => request("GET", `alerts?limit=${limit}`);

/**
 * @param {string} id
 * @param {"confirmed"|"false_alarm"|null} verdict
 * @returns {Promise<Alert>}
 */
export const setVerdict = (id, verdict) => request("PATCH", `alerts/${encodeURIComponent(id)}`, { body: { verdict } });

/**
 * The picture at an alert's peak. It changes while the alert is open, so the address names the peak.
 * @param {Alert} alert
 */
export const alertPicture = (alert) =>
  url(`alerts/${encodeURIComponent(alert.id)}/snapshot.jpg?peak=${encodeURIComponent(alert.peak_at ?? "")}`);

/** @returns {Promise<{name: string, kind: string|null, usable: boolean}[]>} */
export const listPacks = () => request("GET", "packs");

/** Resolves if the service is alive, rejects with a Problem if not. */
export const alive = () => request("GET", "healthz", { timeout: 4000 });

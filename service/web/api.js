/**
 * The public HTTP API as functions. Nothing in the page reaches the service by another way,
 * but for the score socket in feed.js and the pictures in pictures.js.
 *
 * Types come from the service's own description of its API, so that neither can change without the other.
 *
 * @import { AnswerOf, Given, InputOf, MethodOf, Path, Schema } from "#api"
 *
 * @typedef {Schema["StreamState"]} StreamState
 * @typedef {Schema["NotWatching"]} NotWatching why a camera does not watch
 * @typedef {NotWatching["reason"]} Reason
 * @typedef {Schema["Zone"]} Zone
 * @typedef {Given["StreamSpec"]} StreamSpec
 * @typedef {Given["StreamPatch"]} StreamPatch
 * @typedef {Given["EnrolmentSpec"]} EnrolmentSpec
 * @typedef {Schema["PackOut"]} Pack
 * @typedef {Schema["StreamOut"]} Stream
 * @typedef {Schema["ScoredObject"]} ScoredObject
 * @typedef {ScoredObject|Schema["AlertObject"]} AnyObject of a message, or what an alert keeps of it
 * @typedef {Schema["ScoreMessage"]} ScoreMessage
 * @typedef {Schema["Alert"]} Alert
 * @typedef {NonNullable<InputOf<"/alerts", "get">["query"]>} AlertQuery
 * @typedef {Omit<AlertQuery, "cursor"|"limit"|"before"|"since">} AlertFilter which alerts
 * @typedef {Schema["AlertDay"]} AlertDay
 * @typedef {Alert["verdict"]} Verdict null while nobody has said what it was
 * @typedef {Schema["EnrolmentOut"]} Enrolment
 * @typedef {Schema["MomentOut"]} Moment of what was learned from
 * @typedef {NonNullable<Moment["choice"]>} MomentChoice
 * @typedef {Schema["PromiseOut"]} AlertPromise
 * @typedef {Schema["ProfileOut"]} Profile
 * @typedef {Schema["DriftOut"]} Drift
 * @typedef {Schema["SensitivityPreview"]} Rehearsal
 * @typedef {Schema["Resemblance"]} Resemblance
 * @typedef {Schema["Conflict"]} Conflict
 * @typedef {Schema["GuidanceOut"]} Rule
 * @typedef {Schema["Schedule"]["days"][number]} Day
 * @typedef {Given["GuidanceSpec"]} RuleSpec
 * @typedef {Schema["PreviewObject"]} PreviewObject
 * @typedef {Schema["PreviewOut"]} Preview
 * @typedef {Schema["GuidanceAudit"]} Edit
 * @typedef {Schema["TaughtOut"]} Taught
 */

import { sentence } from "./format.js";

/** How far the service's clock is ahead of this computer's, in milliseconds. */
let clockAhead = 0;

/** Unix milliseconds by the service's clock, to a second or so: moments that it announces are on it. */
export const serviceNow = () => Date.now() + clockAhead;

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
const ALIVE_TIMEOUT_MS = 4000;

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
  /** @type {Partial<Schema["Problem"]>|null} */
  const body = await response.json().catch(() => null);
  if (body === null || typeof body !== "object") return new Problem(response.status, "unreadable", fallback);
  const fields = Array.isArray(body.errors) ? body.errors.map(fieldOf) : [];
  return new Problem(response.status, body.code ?? "unknown", sentence(body.detail ?? body.title ?? fallback), fields);
}

/** @param {Response} response */
function readClock(response) {
  const at = Date.parse(response.headers.get("Date") ?? "");
  if (!Number.isNaN(at)) clockAhead = at - Date.now();
}

/**
 * @param {Schema["FieldProblem"]} error
 * @returns {{field: string, message: string}}
 */
function fieldOf({ field, expected, got }) {
  // Some checks say all there is to say, in a sentence of their own.
  if (/[.!?]$/.test(expected)) return { field, message: expected };
  return { field, message: got === "nothing" || got === "''" ? `Enter ${expected}.` : `Enter ${expected}, not ${got}.` };
}

/**
 * Asks the service. Paths, and what goes with them, are those of the API's description.
 * @template {Path} P
 * @template {MethodOf<P>} M
 * @param {M} method
 * @param {P} path
 * @param {InputOf<P, M>} input
 * @param {number} [timeout] milliseconds
 * @returns {Promise<AnswerOf<P, M>>}
 */
async function request(method, path, input, timeout = TIMEOUT_MS) {
  /** @type {{path?: Record<string, string>, query?: Record<string, unknown>, body?: unknown}} */
  const { path: names = {}, query = {}, body } = input;
  const filled = path.slice(1).replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(names[name]));
  // A list is said as one parameter for each of its values.
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  const asked = String(new URLSearchParams(pairs));
  /** @type {RequestInit} */
  const init = { method: method.toUpperCase(), cache: "no-store", signal: AbortSignal.timeout(timeout) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(url(asked === "" ? filled : `${filled}?${asked}`), init);
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new Problem(0, "unreachable", late ? "The service did not answer in time." : "The service cannot be reached.");
  }
  readClock(response);
  if (!response.ok) throw await problemOf(response);
  // What JSON holds is known to no checker; here the service's description is believed.
  const answer = response.status === 204 ? null : await response.json();
  return answer;
}

export const listStreams = () => request("get", "/streams", {});

/**
 * @param {StreamSpec} spec
 * @param {boolean} probe try the source before registering it
 */
export const createStream = (spec, probe) => request("post", "/streams", { query: { probe }, body: spec }, LONG_TIMEOUT_MS);

/**
 * @param {string} id
 * @param {StreamPatch} patch
 * @param {boolean} [probe] try another source before it is taken
 */
export const updateStream = (id, patch, probe = true) =>
  request("patch", "/streams/{stream_id}", { path: { stream_id: id }, query: { probe }, body: patch }, LONG_TIMEOUT_MS);

/**
 * Tries a camera that is down again, instead of at the end of the wait.
 * @param {string} id
 */
export const retryStream = (id) => request("post", "/streams/{stream_id}/retry", { path: { stream_id: id } });

/** @param {string} id */
export const deleteStream = (id) => request("delete", "/streams/{stream_id}", { path: { stream_id: id } });

/**
 * @param {string} id
 * @param {EnrolmentSpec} spec
 */
export const enrol = (id, spec) => request("post", "/streams/{stream_id}/enrolment", { path: { stream_id: id }, body: spec });

/** @param {string} id */
export const enrolment = (id) => request("get", "/streams/{stream_id}/enrolment", { path: { stream_id: id } });

/** @param {string} id */
export const forgetEnrolment = (id) => request("delete", "/streams/{stream_id}/enrolment", { path: { stream_id: id } });

/**
 * Leaves a moment out of what is normal or keeps it; null leaves it to the service again.
 * @param {string} id
 * @param {string} moment
 * @param {MomentChoice|null} choice
 */
export const chooseMoment = (id, moment, choice) =>
  request("patch", "/streams/{stream_id}/enrolment/moments/{moment_id}", { path: { stream_id: id, moment_id: moment }, body: { choice } });

/**
 * What another sensitivity would have alerted to.
 * @param {string} id
 * @param {Given["SensitivitySpec"]} wish
 */
export const previewSensitivity = (id, wish) =>
  request("post", "/streams/{stream_id}/enrolment/preview", { path: { stream_id: id }, body: wish }, LONG_TIMEOUT_MS);

/** @param {string} id */
export const listRules = (id) => request("get", "/streams/{stream_id}/guidance", { path: { stream_id: id } });

/**
 * @param {string} id
 * @param {RuleSpec} spec
 */
export const addRule = (id, spec) => request("post", "/streams/{stream_id}/guidance", { path: { stream_id: id }, body: spec });

/**
 * @param {string} id
 * @param {string} rule
 * @param {Given["GuidancePatch"]} patch
 */
export const changeRule = (id, rule, patch) =>
  request("patch", "/streams/{stream_id}/guidance/{rule_id}", { path: { stream_id: id, rule_id: rule }, body: patch });

/**
 * @param {string} id
 * @param {string} rule
 */
export const deleteRule = (id, rule) =>
  request("delete", "/streams/{stream_id}/guidance/{rule_id}", { path: { stream_id: id, rule_id: rule } });

/**
 * Takes back the last edit of a rule, also its deletion.
 * @param {string} id
 * @param {string} rule
 */
export const undoRule = (id, rule) =>
  request("post", "/streams/{stream_id}/guidance/{rule_id}/undo", { path: { stream_id: id, rule_id: rule } });

/**
 * What a rule that is not saved would have done to the last minutes.
 * @param {string} id
 * @param {Given["PreviewSpec"]} spec
 */
export const previewRule = (id, spec) =>
  request("post", "/streams/{stream_id}/guidance/preview", { path: { stream_id: id }, body: spec }, LONG_TIMEOUT_MS);

/**
 * Edits of a camera's rules, the newest first.
 * @param {string} id
 */
export const listEdits = (id) => request("get", "/streams/{stream_id}/guidance/audit", { path: { stream_id: id } });

/**
 * What false alarms have taught a camera.
 * @param {string} id
 */
export const listTaught = (id) => request("get", "/streams/{stream_id}/taught", { path: { stream_id: id } });

/**
 * The newest score messages of a stream, oldest first.
 * @param {string} id
 * @param {number} limit
 */
export const scores = async (id, limit) => {
  const answer = await request("get", "/streams/{stream_id}/scores", { path: { stream_id: id }, query: { limit } });
  // Without a span of time the answer is messages; that depends on the query, which its type does not say.
  return /** @type {ScoreMessage[]} */ (answer);
};

/**
 * Alerts, the newest first.
 * @param {AlertQuery} query `cursor` is the id of the last alert of the page before
 */
export const listAlerts = (query) => request("get", "/alerts", { query });

/**
 * How many alerts each day has, in a time zone.
 * @param {AlertFilter} filter
 * @param {string} timezone an IANA name
 */
export const alertDays = (filter, timezone) => request("get", "/alerts/days", { query: { ...filter, timezone } });

/**
 * How many alerts there are, and how many of them nobody has reviewed.
 * @param {AlertFilter} filter
 */
export const countAlerts = (filter) => request("get", "/alerts/count", { query: filter });

/** @param {string} id */
export const getAlert = (id) => request("get", "/alerts/{alert_id}", { path: { alert_id: id } });

/**
 * The newest alert of a camera, or none.
 * @param {string} id
 */
export const newestAlert = (id) => request("get", "/alerts", { query: { stream: [id], limit: 1 } });

/**
 * @param {string} id
 * @param {Given["AlertPatch"]} patch
 */
export const reviewAlert = (id, patch) => request("patch", "/alerts/{alert_id}", { path: { alert_id: id }, body: patch });

/**
 * One verdict for several alerts, for all of them or for none.
 * @param {string[]} ids
 * @param {Verdict} verdict
 */
export const reviewAlerts = (ids, verdict) => request("post", "/alerts/reviews", { body: { ids, verdict } }, LONG_TIMEOUT_MS);

/**
 * The picture at an alert's peak. It changes while the alert is open, so the address names the peak.
 * @param {Alert} alert
 */
export const alertPicture = (alert) => {
  const peak = alert.peak_at === null ? "" : `?peak=${encodeURIComponent(alert.peak_at)}`;
  return url(`alerts/${encodeURIComponent(alert.id)}/snapshot.jpg${peak}`);
};

export const listPacks = () => request("get", "/packs", {});

/** Resolves if the service is alive, rejects with a Problem if not. */
export const alive = () => request("get", "/healthz", {}, ALIVE_TIMEOUT_MS);

/** What to say of a camera at a glance: whether it watches, and if not, why, and whether that is a fault. */

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./api.js").Reason} Reason */

/**
 * @typedef {"fault"|"connecting"|"learning"|"paused"|"watching"|"unknown"} Kind
 * @typedef {object} Condition
 * @property {Kind} kind
 * @property {string} icon of icons.svg
 * @property {string} label two or three words
 * @property {string} message why it does not watch, in a sentence; empty if it does
 * @property {string} advice what to do about it; empty if there is nothing to do
 * @property {number|null} nextTryAt Unix milliseconds, by the service's clock
 */

/** In the order in which they are shown: what needs somebody comes first. */
export const KINDS = /** @type {const} */ (["fault", "connecting", "learning", "watching", "paused", "unknown"]);

/** @type {Record<Kind, string>} */
export const KIND_NAMES = {
  fault: "Not watching",
  connecting: "Connecting",
  learning: "Learning",
  watching: "Watching",
  paused: "Paused",
  unknown: "Unknown",
};

/** Of each reason not to watch, its picture and its name. @type {Record<Reason, [icon: string, label: string]>} */
const REASONS = {
  connecting: ["connecting", "Connecting"],
  stalled: ["stalled", "No new pictures"],
  offline: ["offline", "Offline"],
  failed: ["failed", "Failed"],
  paused: ["paused", "Paused"],
  learning: ["enrolling", "Learning"],
  not_enrolled: ["unlearned", "Nothing learned yet"],
  enrolment_failed: ["unlearned", "Learning failed"],
  frozen: ["frozen", "Picture frozen"],
  black: ["blind", "Picture black"],
  white: ["blind", "Picture white"],
  covered: ["blind", "Lens covered"],
  out_of_focus: ["blind", "Out of focus"],
  disturbed: ["disturbed", "Picture disturbed"],
  overloaded: ["overloaded", "Too busy"],
};

/** @type {[icon: string, label: string]} */
const ENDED = ["paused", "Video has ended"];

/**
 * @param {Camera} camera
 * @returns {Condition}
 */
export function condition(camera) {
  if (!camera.connected) return { kind: "unknown", icon: "connecting", label: KIND_NAMES.unknown, message: "", advice: "", nextTryAt: null };
  const { watching, not_watching: why, next_try_at: next } = camera.stream.status;
  if (watching || why === null) return { kind: "watching", icon: "live", label: KIND_NAMES.watching, message: "", advice: "", nextTryAt: null };
  const [icon, label] = isEnd(why) ? ENDED : REASONS[why.reason];
  return { kind: kindOf(why), icon, label, message: why.message, advice: why.advice, nextTryAt: next === null ? null : Date.parse(next) };
}

/**
 * @param {import("./api.js").NotWatching} why
 * @returns {Kind}
 */
function kindOf(why) {
  if (why.fault) return "fault";
  if (isEnd(why)) return "paused";
  return why.reason === "learning" || why.reason === "paused" ? why.reason : "connecting";
}

/**
 * Whether a video was played to its end: it is gone, as a camera may be, but nobody has to do anything.
 * @param {import("./api.js").NotWatching} why
 */
const isEnd = ({ fault, reason }) => !fault && reason === "offline";

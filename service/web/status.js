/** The parts that a tile and the open camera share: state badge, score, facts, reason and progress. */

import { find, icon, setText } from "./dom.js";
import { counted, duration, rarity, score as scoreText, sentence, STATE_NAMES } from "./format.js";

/** @typedef {import("./camera.js").Camera} Camera */

/** Badges that are not a state of the stream: icon and text. @type {Record<string, [string, string]>} */
const BADGES = { alert: ["stalled", "Alert"], unknown: ["connecting", "Unknown"] };

/**
 * @param {HTMLElement} badge
 * @param {Camera} camera
 */
export function showBadge(badge, camera) {
  const state = !camera.connected ? "unknown" : camera.alerting ? "alert" : camera.state;
  if (badge.dataset.state === state) return;
  badge.dataset.state = state;
  const [image, text] = BADGES[state] ?? [state, STATE_NAMES[camera.state]];
  badge.replaceChildren(icon(image), text);
}

/**
 * @param {HTMLElement} element
 * @param {Camera} camera
 */
export function showScore(element, camera) {
  const { score, threshold } = camera;
  setText(element, scoreText(score));
  element.classList.toggle("over", score !== null && threshold !== null && score >= threshold);
  element.title = score === null ? "No score while the camera is not live and enrolled" : `Score: ${rarity(score)}`;
}

/**
 * The reason of a state that needs one.
 * @param {HTMLElement} element
 * @param {Camera} camera
 */
export function showReason(element, camera) {
  const { status } = camera.stream;
  // While it learns, the progress says more.
  const told = status.state === camera.state && camera.state !== "enrolling" ? status.detail : null;
  let reason = told === null ? "" : sentence(told);
  if (reason === "" && camera.state === "live" && !status.enrolled) {
    reason = "Not enrolled yet: open the camera and let it learn what is normal.";
  }
  element.hidden = reason === "";
  setText(element, reason);
}

/**
 * @param {HTMLElement} element holds a progress bar and a text
 * @param {Camera} camera
 */
export function showProgress(element, camera) {
  const { enrolment } = camera;
  const running = camera.connected && camera.state === "enrolling" && enrolment !== null;
  element.hidden = !running;
  if (!running) return;
  const bar = /** @type {HTMLProgressElement} */ (find(element, "progress"));
  bar.setAttribute("aria-label", "Learning what is normal");
  bar.value = enrolment.progress;
  const percent = `${Math.round(enrolment.progress * 100)} %`;
  const text = enrolment.state === "fitting" ? "Fitting what was seen" : `Learning ${percent}, ${counted(enrolment.frames, "frame")}`;
  setText(find(element, "span"), text);
}

/**
 * Facts about a camera's stream, short ones first.
 * @param {Camera} camera
 * @returns {string[]}
 */
export function facts(camera) {
  const { status } = camera.stream;
  if (!camera.connected) return [];
  if (!camera.delivering) {
    const since = Math.max(0, (Date.now() - Date.parse(status.since)) / 1000);
    return [`for ${duration(since)}`];
  }
  const latency = camera.history.latest?.latency_ms ?? status.latency_ms;
  return [
    status.measured_fps === null ? "" : `${status.measured_fps.toFixed(1)} fps`,
    latency === null ? "" : `${Math.round(latency)} ms`,
  ].filter((fact) => fact !== "");
}

/**
 * What lies over a picture that is not live any more: an old picture must never pass for a new one.
 * @param {HTMLElement} veil
 * @param {Camera} camera
 * @param {boolean} hasPicture
 */
export function showVeil(veil, camera, hasPicture) {
  const state = camera.connected ? STATE_NAMES[camera.state] : "No connection";
  const text = camera.delivering ? (hasPicture ? "" : "Waiting for a picture") : state;
  veil.hidden = text === "";
  veil.parentElement?.classList.toggle("bare", !hasPicture);
  setText(veil, hasPicture && text !== "" ? `${text} (last picture)` : text);
}

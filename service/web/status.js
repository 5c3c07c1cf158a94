/** The parts that a tile and the open camera share: state badge, score, facts, what is wrong, and progress. */

import { enrol, Problem, retryStream, serviceNow } from "./api.js";
import { condition } from "./condition.js";
import { find, icon, setText } from "./dom.js";
import { countdown, counted, duration, number, rarity, score as scoreText } from "./format.js";

/** @typedef {import("./camera.js").Camera} Camera */

/**
 * @param {HTMLElement} badge
 * @param {Camera} camera
 */
export function showBadge(badge, camera) {
  const { kind, icon: image, label } = condition(camera);
  const state = camera.alerting ? "alert" : kind;
  const text = camera.alerting ? "Alert" : label;
  if (badge.dataset.state === state && badge.textContent === text) return;
  badge.dataset.state = state;
  badge.replaceChildren(icon(camera.alerting ? "alert" : image), text);
}

/**
 * @param {HTMLElement} element
 * @param {Camera} camera
 */
export function showScore(element, camera) {
  const { score, threshold } = camera;
  setText(element, scoreText(score));
  element.classList.toggle("over", score !== null && threshold !== null && score >= threshold);
  element.title = score === null ? "There is no score while the camera is not watching." : `Score: ${rarity(score)}`;
}

/** Reasons not to watch that learning ends. @type {Set<import("./api.js").Reason>} */
const UNLEARNED = new Set(["not_enrolled", "enrolment_failed"]);

/** What a first press learns from: enough to be useful, and little to wait for. A slow camera takes longer. */
const [LEARN_SECONDS, LEARN_FRAMES] = [120, 110];

/**
 * Prepares the part that says why a camera is not watching: its buttons try the camera again at once, or let it learn.
 * @param {HTMLElement} element
 * @param {Camera} camera
 * @param {() => void} onTried
 */
export function prepareCondition(element, camera, onTried) {
  const failed = find(element, ".field-error");
  /** @param {string} selector @param {() => Promise<unknown>} action */
  const prepare = (selector, action) => {
    const button = /** @type {HTMLButtonElement} */ (find(element, selector));
    button.addEventListener("click", async () => {
      button.disabled = true;
      failed.hidden = true;
      try {
        await action();
        onTried();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        failed.textContent = error.message;
        failed.hidden = false;
      } finally {
        button.disabled = false;
      }
    });
  };
  prepare(".try-now", () => retryStream(camera.id));
  prepare(".learn-now", async () => {
    camera.enrolment = await enrol(camera.id, { seconds: Math.max(LEARN_SECONDS, Math.ceil(LEARN_FRAMES / camera.stream.fps)) });
  });
}

/**
 * Why a camera is not watching, what to do about it, and when it is tried again.
 * @param {HTMLElement} element
 * @param {Camera} camera
 */
export function showCondition(element, camera) {
  const { kind, message, advice, nextTryAt } = condition(camera);
  // While it learns, the progress says more.
  element.hidden = message === "" || (kind === "learning" && camera.enrolment !== null);
  element.dataset.kind = kind;
  if (element.hidden) return;
  setText(find(element, ".message"), message);
  setText(find(element, ".advice"), advice);
  const why = camera.stream.status.not_watching;
  find(element, ".learn-first").hidden = why === null || !UNLEARNED.has(why.reason) || !camera.delivering;
  const retry = find(element, ".retry");
  retry.hidden = nextTryAt === null && !camera.beingTried;
  const seconds = Math.ceil(((nextTryAt ?? 0) - serviceNow()) / 1000);
  find(retry, ".try-now").hidden = seconds <= 0;
  setText(find(retry, ".countdown"), seconds > 0 ? `Next try in ${countdown(seconds)}.` : "Trying now …");
}

/**
 * @param {HTMLElement} element holds a progress bar and a text
 * @param {Camera} camera
 */
export function showProgress(element, camera) {
  const { enrolment } = camera;
  const running = camera.connected && enrolment !== null && isRunning(enrolment);
  element.hidden = !running;
  if (!running) return;
  const bar = /** @type {HTMLProgressElement} */ (find(element, "progress"));
  bar.setAttribute("aria-label", "Learning what is normal");
  bar.value = enrolment.progress;
  setText(find(element, "span"), progressText(enrolment));
}

/** @param {import("./api.js").Enrolment} enrolment */
export const isRunning = ({ state }) => state === "collecting" || state === "fitting";

/**
 * In frames, because they are what there has to be enough of.
 * @param {import("./api.js").Enrolment} enrolment
 */
function progressText({ state, progress, frames }) {
  if (state === "fitting") return `Working out what is normal from ${counted(frames, "frame")}`;
  if (frames === 0 || progress === 0) return "Learning: no frames yet";
  const wanted = Math.max(frames, Math.round(frames / progress));
  return `Learning: ${counted(frames, "frame")} of about ${number(wanted)}`;
}

/**
 * Facts about a camera's stream, short ones first.
 * @param {Camera} camera
 * @returns {string[]}
 */
export function facts(camera) {
  const { status } = camera.stream;
  if (!camera.connected) return [];
  if (condition(camera).kind === "fault" || !camera.delivering) {
    const since = Math.max(0, (serviceNow() - Date.parse(status.since)) / 1000);
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
 * @param {HTMLElement} frame holds the picture and a veil
 * @param {Camera} camera
 * @param {boolean} hasPicture
 */
export function showVeil(frame, camera, hasPicture) {
  const { kind, icon: image, label } = condition(camera);
  frame.classList.toggle("bare", !hasPicture);
  const veil = find(frame, ".veil");
  const text = veilText(camera, kind === "unknown" ? "No connection" : label, hasPicture);
  veil.hidden = text === "";
  if (veil.dataset.text === text) return;
  veil.dataset.text = text;
  veil.replaceChildren(...(hasPicture || kind === "watching" ? [] : [icon(image)]), text);
}

/**
 * @param {Camera} camera
 * @param {string} label
 * @param {boolean} hasPicture
 */
function veilText(camera, label, hasPicture) {
  if (camera.delivering) return hasPicture ? "" : "Waiting for a picture";
  return hasPicture ? `${label} (last picture)` : label;
}

/** The alerts beside the cameras: what is open, and the newest, with the way to the review of all. */

import { alertPicture, listAlerts, Problem, reviewAlert } from "./api.js";
import { create, find, fromTemplate, setText } from "./dom.js";
import { moment, score as scoreText } from "./format.js";
import { lengthOf } from "./review-list.js";
import { writeHash } from "./review-state.js";

/** @typedef {import("./api.js").Alert} Alert */

const NEWEST = 8;
const MOST_OPEN = 20;
/** A flood of alerts is announced as a number, at most this often, so that it can be listened to. */
const ANNOUNCE_MS = 4000;

export class LatestAlerts {
  /** @param {{onJudged: () => void}} events */
  constructor({ onJudged }) {
    this.onJudged = onJudged;
    this.list = find(document, "#alert-list");
    this.none = find(document, "#no-alerts");
    /** @type {Map<string, {alert: Alert, element: HTMLElement}>} */
    this.items = new Map();
    /** Only this camera's. @type {string|null} */
    this.streamId = null;
    /** Answers to earlier questions are dropped. */
    this.asked = 0;
    /** @type {Alert[]} */
    this.unannounced = [];
    this.announceTimer = 0;
  }

  /** @param {string|null} streamId show only this camera's */
  focusOn(streamId) {
    if (streamId === this.streamId) return;
    this.streamId = streamId;
    this.take([]);
    this.none.hidden = true;
    const link = /** @type {HTMLAnchorElement} */ (find(document, "#to-review"));
    link.href = writeHash({ cameras: streamId === null ? [] : [streamId] });
    void this.refresh();
  }

  async refresh() {
    const asked = ++this.asked;
    const which = this.streamId === null ? {} : { stream: [this.streamId] };
    try {
      const [open, newest] = await Promise.all([listAlerts({ ...which, state: "open", limit: MOST_OPEN }), listAlerts({ ...which, limit: NEWEST })]);
      if (asked !== this.asked) return;
      const ids = new Set(open.map(({ id }) => id));
      this.take([...open, ...newest.filter(({ id }) => !ids.has(id))].sort((a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The banner of the lost connection speaks for it; what is shown stays.
    }
  }

  /** @param {Alert[]} alerts all that are to be shown, newest first */
  take(alerts) {
    const ids = new Set(alerts.map(({ id }) => id));
    for (const [id, { element }] of this.items) {
      if (ids.has(id)) continue;
      element.remove();
      this.items.delete(id);
    }
    let next = this.list.firstElementChild;
    for (const alert of alerts) {
      const element = this.put(alert);
      if (element === next) next = next.nextElementSibling;
      else this.list.insertBefore(element, next);
    }
    this.none.hidden = alerts.length > 0;
    setText(this.none, `No alerts yet${this.streamId === null ? "" : " for this camera"}. They appear here as they open.`);
  }

  /** @param {Alert} alert */
  put(alert) {
    const element = this.items.get(alert.id)?.element ?? this.build(alert.id);
    this.items.set(alert.id, { alert, element });
    fillItem(element, alert);
    return element;
  }

  /** @param {string} id */
  build(id) {
    const element = fromTemplate("alert-item");
    element.dataset.id = id;
    for (const button of element.querySelectorAll("[data-verdict]")) {
      button.addEventListener("click", () => void this.judge(id, /** @type {HTMLButtonElement} */ (button)));
    }
    const image = /** @type {HTMLImageElement} */ (find(element, "img"));
    image.addEventListener("error", () => image.closest(".thumb")?.classList.add("missing"));
    return element;
  }

  /**
   * @param {string} id
   * @param {HTMLButtonElement} button
   */
  async judge(id, button) {
    const item = this.items.get(id);
    if (item === undefined) return;
    const note = find(item.element, ".field-error");
    note.hidden = true;
    const pressed = button.getAttribute("aria-pressed") === "true";
    const verdict = /** @type {"confirmed"|"false_alarm"} */ (button.dataset.verdict);
    try {
      this.put(await reviewAlert(id, { verdict: pressed ? null : verdict }));
      this.onJudged();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      note.textContent = error.message;
      note.hidden = false;
    }
  }

  /** @param {Alert} alert */
  announce(alert) {
    this.unannounced.push(alert);
    if (this.announceTimer !== 0) return;
    this.speak();
    this.announceTimer = setTimeout(() => {
      this.announceTimer = 0;
      if (this.unannounced.length > 0) this.speak();
    }, ANNOUNCE_MS);
  }

  speak() {
    const [first, ...others] = this.unannounced;
    this.unannounced = [];
    const text = others.length === 0 ? `${first.stream_name}: ${first.message}` : `${others.length + 1} new alerts, one of them from ${first.stream_name}`;
    find(document, "#announce").replaceChildren(create("span", { text }));
  }
}

/**
 * @param {HTMLElement} element
 * @param {Alert} alert
 */
function fillItem(element, alert) {
  element.classList.toggle("open", alert.state === "open");
  element.dataset.kind = alert.kind;
  element.dataset.verdict = alert.verdict ?? "";
  for (const link of element.querySelectorAll("a")) link.setAttribute("href", writeHash({ alert: alert.id }));
  setText(find(element, ".alert-camera"), alert.stream_name);
  const time = find(element, "time");
  time.setAttribute("datetime", alert.opened_at);
  setText(time, moment(Date.parse(alert.opened_at), Date.now()));
  setText(find(element, ".alert-message"), alert.message);
  setText(find(element, ".alert-state"), lengthOf(alert));
  setText(find(element, ".alert-peak"), alert.peak_score === null ? "" : `peak ${scoreText(alert.peak_score)}`);
  for (const button of element.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-verdict") === alert.verdict));
  }
  const taught = find(element, ".alert-taught");
  taught.hidden = alert.taught === null;
  setText(taught, alert.taught?.detail ?? "");
  fillThumb(find(element, ".thumb"), alert);
}

/**
 * @param {HTMLElement} thumb
 * @param {Alert} alert
 */
function fillThumb(thumb, alert) {
  thumb.hidden = alert.snapshot === null;
  if (alert.snapshot === null) return;
  const image = /** @type {HTMLImageElement} */ (find(thumb, "img"));
  const address = alertPicture(alert);
  if (image.src === address) return;
  thumb.classList.remove("missing");
  image.src = address;
}

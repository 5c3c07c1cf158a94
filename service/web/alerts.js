/** The list of alerts: the newest first, updated in place, of bounded length. */

import { alertPicture, listAlerts, Problem, setVerdict } from "./api.js";
import { dialog } from "./dialogs.js";
import { create, find, fromTemplate, setText } from "./dom.js";
import { duration, moment, score as scoreText } from "./format.js";
import { objectRows, reasons } from "./object-rows.js";

/** @typedef {import("./api.js").Alert} Alert */

const MOST = 100;
/** What a look for news fetches; all are fetched when the page opens or the connection comes back. */
const NEWEST = 25;
/** Scores tell at once when an alert opens or closes; this is for those of cameras that send no scores. */
const POLL_MS = 10_000;
/** Alerts often come in pairs; asking a moment later fetches them together. */
const KICK_MS = 300;
/** A flood of alerts is announced as a number, at most this often, so that it can be listened to. */
const ANNOUNCE_MS = 4000;

export class AlertList {
  /** @param {{onOpenCount: (count: number) => void, onJudged: () => void}} events */
  constructor({ onOpenCount, onJudged }) {
    this.onOpenCount = onOpenCount;
    this.onJudged = onJudged;
    this.list = find(document, "#alert-list");
    this.none = find(document, "#no-alerts");
    /** @type {Map<string, {alert: Alert, element: HTMLElement}>} */
    this.items = new Map();
    /** @type {"all"|"review"} */
    this.filter = "all";
    /** @type {string|null} */
    this.streamId = null;
    this.loaded = false;
    this.timer = 0;
    /** @type {Alert[]} */
    this.unannounced = [];
    this.announceTimer = 0;
    for (const button of document.querySelectorAll("[data-filter]")) {
      button.addEventListener("click", () => this.choose(button));
    }
  }

  /** Looks for news soon. */
  kick() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(NEWEST), KICK_MS);
  }

  /** @param {number} count of the newest to fetch; goes on looking for news now and then */
  async refresh(count = MOST) {
    clearTimeout(this.timer);
    try {
      this.take(await listAlerts(count));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The banner of the lost connection speaks for it; what is shown stays.
    } finally {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.refresh(NEWEST), POLL_MS);
    }
  }

  /** @param {Alert[]} alerts the newest, newest first */
  take(alerts) {
    for (const alert of [...alerts].reverse()) this.put(alert);
    while (this.list.childElementCount > MOST) {
      const oldest = /** @type {HTMLElement} */ (this.list.lastElementChild);
      this.items.delete(oldest.dataset.id ?? "");
      oldest.remove();
    }
    this.loaded = true;
    this.render();
  }

  /** @param {Alert} alert */
  put(alert) {
    const known = this.items.get(alert.id);
    if (known !== undefined) {
      known.alert = alert;
      fillItem(known.element, alert);
      return;
    }
    const element = this.build(alert.id);
    fillItem(element, alert);
    this.items.set(alert.id, { alert, element });
    this.insertInOrder(element, alert);
    if (this.loaded) this.announce(alert);
  }

  /**
   * @param {HTMLElement} element
   * @param {Alert} alert
   */
  insertInOrder(element, alert) {
    const older = [...this.list.children].find((child) => {
      const id = /** @type {HTMLElement} */ (child).dataset.id ?? "";
      return (this.items.get(id)?.alert.opened_at ?? "") < alert.opened_at;
    });
    this.list.insertBefore(element, older ?? null);
  }

  /** @param {string} id */
  build(id) {
    const element = fromTemplate("alert-item");
    element.dataset.id = id;
    for (const button of element.querySelectorAll("[data-verdict]")) {
      button.addEventListener("click", () => void this.judge(id, /** @type {HTMLButtonElement} */ (button)));
    }
    find(element, ".thumb").addEventListener("click", () => {
      const item = this.items.get(id);
      if (item !== undefined) showPicture(item.alert);
    });
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
      const neighbour = item.element.nextElementSibling ?? item.element.previousElementSibling;
      this.put(await setVerdict(id, pressed ? null : verdict));
      this.onJudged();
      this.render();
      // In "To review" the judged one leaves the list: the keyboard goes on with the next.
      if (item.element.hidden) /** @type {HTMLElement|null} */ (neighbour?.querySelector(`[data-verdict=${verdict}]`) ?? null)?.focus();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      note.textContent = error.message;
      note.hidden = false;
    }
  }

  /** @param {Element} button */
  choose(button) {
    this.filter = /** @type {HTMLElement} */ (button).dataset.filter === "review" ? "review" : "all";
    for (const other of document.querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", String(other === button));
    this.render();
  }

  /** @param {string|null} streamId show only this camera's */
  focusOn(streamId) {
    this.streamId = streamId;
    this.render();
  }

  render() {
    let shown = 0;
    let open = 0;
    for (const { alert, element } of this.items.values()) {
      const wanted = this.streamId === null || alert.stream_id === this.streamId;
      const unjudged = alert.verdict === null && alert.kind === "anomaly";
      element.hidden = !wanted || (this.filter === "review" && !unjudged);
      if (!element.hidden) shown += 1;
      if (alert.state === "open" && alert.verdict !== "false_alarm") open += 1;
    }
    this.none.hidden = shown > 0 || !this.loaded;
    const where = this.streamId === null ? "" : " for this camera";
    setText(this.none, this.filter === "review" ? `Nothing to review${where}.` : `No alerts yet${where}. They appear here as they open.`);
    this.onOpenCount(open);
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
    const text = others.length === 0 ? `${first.stream_name}: ${first.message}` : `${others.length + 1} new alerts, one of ${first.stream_name}`;
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
  const camera = find(element, ".alert-camera");
  setText(camera, alert.stream_name);
  camera.setAttribute("href", `#camera/${encodeURIComponent(alert.stream_id)}`);
  const opened = Date.parse(alert.opened_at);
  const time = find(element, "time");
  time.setAttribute("datetime", alert.opened_at);
  setText(time, moment(opened, Date.now()));
  setText(find(element, ".alert-message"), alert.message);
  fillReasons(find(element, ".reasons"), alert);
  const state = alert.closed_at === null ? "open now" : `lasted ${duration((Date.parse(alert.closed_at) - opened) / 1000)}`;
  setText(find(element, ".alert-state"), state);
  setText(find(element, ".alert-peak"), alert.peak_score === null ? "" : `peak ${scoreText(alert.peak_score)}`);
  find(element, ".verdict").hidden = alert.kind !== "anomaly";
  for (const button of element.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-verdict") === alert.verdict));
  }
  const taught = find(element, ".alert-taught");
  taught.hidden = alert.taught === null;
  setText(taught, alert.taught?.detail ?? "");
  fillThumb(find(element, ".thumb"), alert);
}

/**
 * Why it was raised: of the object that stood out most.
 * @param {HTMLElement} list
 * @param {Alert} alert
 */
function fillReasons(list, alert) {
  const lines = alert.objects.slice(0, 1).flatMap(reasons);
  const shown = [...list.children].map((child) => child.textContent);
  if (lines.length === shown.length && lines.every((line, index) => line === shown[index])) return;
  list.replaceChildren(...lines.map((text) => create("li", { text })));
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

/** @param {Alert} alert */
function showPicture(alert) {
  const element = dialog("picture-dialog");
  const at = Date.parse(alert.peak_at ?? alert.opened_at);
  find(element, "#picture-title").textContent = `${alert.stream_name}, ${moment(at, Date.now())}`;
  const image = /** @type {HTMLImageElement} */ (find(element, "#picture-image"));
  image.src = alertPicture(alert);
  image.alt = alert.message;
  find(element, "#picture-message").textContent = alert.message;
  find(element, "#picture-objects").replaceChildren(...objectRows(alert.objects, alert.threshold));
  element.showModal();
}

/** One alert, large: its picture, what happened, and what people say of it. */

import { alertPicture, Problem, reviewAlert } from "./api.js";
import { create, find, setText } from "./dom.js";
import { clock, duration, fullMoment, number, rarity, score as scoreText } from "./format.js";
import { objectRows } from "./object-rows.js";
import { KINDS, writeHash } from "./review-state.js";

/** @typedef {import("./api.js").Alert} Alert */

const SAVED_MS = 4000;

export class ReviewAlert {
  /**
   * @param {HTMLElement} element
   * @param {object} events
   * @param {(steps: number) => void} events.onStep
   * @param {(id: string, verdict: "confirmed"|"false_alarm") => void} events.onVerdict
   * @param {(id: string) => void} events.onTakeBack
   * @param {() => void} events.onClose
   * @param {(alert: Alert) => void} events.onChanged
   * @param {(stream: string) => boolean} events.exists whether a camera is still there
   */
  constructor(element, events) {
    this.element = element;
    this.events = events;
    /** @type {Alert|null} */
    this.alert = null;
    this.title = find(element, "#review-alert-title");
    this.note = /** @type {HTMLTextAreaElement} */ (find(element, "textarea"));
    this.noteState = find(element, ".note-state");
    this.noteTimer = 0;
    /** What was written and is not saved yet, of each alert; it outlives a failure. @type {Map<string, string>} */
    this.drafts = new Map();
    find(element, ".previous").addEventListener("click", () => events.onStep(-1));
    find(element, ".next").addEventListener("click", () => events.onStep(1));
    find(element, ".back").addEventListener("click", (event) => {
      event.preventDefault();
      events.onClose();
    });
    for (const button of element.querySelectorAll("[data-verdict-of]")) button.addEventListener("click", () => this.pressed(button));
    find(element, ".take-back").addEventListener("click", () => this.takeBack());
    find(element, ".copy").addEventListener("click", () => void this.copyLink());
    this.note.addEventListener("change", () => void this.saveNote());
    this.note.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && !(event.key === "Enter" && (event.ctrlKey || event.metaKey))) return;
      event.stopPropagation();
      this.title.focus();
    });
    const image = /** @type {HTMLImageElement} */ (find(element, "img"));
    image.addEventListener("error", () => this.missing("The picture is not there any more. The oldest ones make room for new ones."));
    image.addEventListener("load", () => element.classList.remove("bare"));
  }

  get shown() {
    return this.alert?.id ?? null;
  }

  /** Before anything is known of it. */
  wait() {
    this.alert = null;
    this.element.classList.add("waiting");
    this.element.classList.remove("failed");
    this.neighbours(false, false);
    this.say("");
  }

  /**
   * @param {boolean} newer whether there is one to go on to
   * @param {boolean} older likewise
   */
  neighbours(newer, older) {
    /** @type {HTMLButtonElement} */ (find(this.element, ".previous")).disabled = !newer;
    /** @type {HTMLButtonElement} */ (find(this.element, ".next")).disabled = !older;
  }

  /** @param {string} problem why it cannot be shown */
  fail(problem) {
    this.alert = null;
    this.element.classList.remove("waiting");
    this.element.classList.add("failed");
    setText(this.title, problem);
    setText(find(this.element, ".alert-where"), "");
  }

  /**
   * @param {Alert} alert
   * @param {{place: number, total: number, older: boolean, newer: boolean}} where
   */
  show(alert, { place, total, older, newer }) {
    const { element } = this;
    const other = this.shown !== alert.id;
    this.alert = alert;
    element.classList.remove("waiting", "failed");
    element.dataset.verdict = alert.verdict ?? "none";
    element.dataset.state = alert.state;
    setText(find(element, ".alert-place"), place < 0 ? "" : `${number(place + 1)} of ${number(Math.max(total, place + 1))}`);
    this.neighbours(newer, older);
    setText(this.title, alert.message);
    setText(find(element, ".alert-where"), `${alert.stream_name}, ${fullMoment(Date.parse(alert.opened_at))}`);
    if (other) this.say("");
    if (other || document.activeElement !== this.note) this.note.value = this.drafts.get(alert.id) ?? alert.note ?? "";
    this.showPicture(alert);
    this.showVerdict(alert);
    find(element, ".properties").replaceChildren(...properties(alert));
    this.showCamera(alert);
    find(element, ".terms").replaceChildren(...objectRows(alert.objects, alert.threshold));
    find(element, ".alert-objects").hidden = alert.objects.length === 0;
  }

  /** @param {Alert} alert */
  showPicture(alert) {
    const image = /** @type {HTMLImageElement} */ (find(this.element, "img"));
    if (alert.snapshot === null) return this.missing("There is no picture of this alert.");
    const address = alertPicture(alert);
    image.alt = alert.message;
    if (image.getAttribute("src") === address) return;
    this.element.classList.remove("bare");
    image.src = address;
  }

  /** @param {string} why */
  missing(why) {
    find(this.element, "img").removeAttribute("src");
    this.element.classList.add("bare");
    setText(find(this.element, ".alert-figure figcaption"), why);
  }

  /** @param {Alert} alert */
  showVerdict(alert) {
    const { element } = this;
    for (const button of element.querySelectorAll("[data-verdict-of]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-verdict-of") === alert.verdict));
    }
    find(element, ".take-back").hidden = alert.verdict === null;
    const taught = find(element, ".alert-taught");
    setText(taught, alert.taught?.detail ?? "");
    const teachable = alert.kind === "anomaly" && alert.verdict === null && this.events.exists(alert.stream_id);
    find(element, ".teaches").hidden = !teachable;
  }

  /** @param {Alert} alert */
  showCamera(alert) {
    const there = this.events.exists(alert.stream_id);
    const link = /** @type {HTMLAnchorElement} */ (find(this.element, ".go-camera"));
    link.hidden = !there;
    link.href = `#camera/${encodeURIComponent(alert.stream_id)}`;
    find(this.element, ".deleted").hidden = there;
  }

  /** @param {Element} button */
  pressed(button) {
    if (this.alert === null) return;
    const verdict = button.getAttribute("data-verdict-of") === "confirmed" ? "confirmed" : "false_alarm";
    if (button.getAttribute("aria-pressed") === "true") this.events.onTakeBack(this.alert.id);
    else this.events.onVerdict(this.alert.id, verdict);
  }

  takeBack() {
    if (this.alert === null) return;
    if (document.activeElement === find(this.element, ".take-back")) this.title.focus();
    this.events.onTakeBack(this.alert.id);
  }

  async copyLink() {
    if (this.alert === null) return;
    const link = new URL(writeHash({ alert: this.alert.id }), document.baseURI).href;
    this.say((await copy(link)) ? "Link copied." : `Copying is not allowed here. The link: ${link}`);
  }

  async saveNote() {
    const { alert, note } = this;
    if (alert === null) return;
    const text = note.value.trim();
    if (text === (alert.note ?? "") && !this.drafts.has(alert.id)) return;
    this.drafts.set(alert.id, text);
    try {
      const changed = await reviewAlert(alert.id, { note: text === "" ? null : text });
      this.drafts.delete(alert.id);
      this.events.onChanged(changed);
      this.say(text === "" ? "Note removed." : "Note saved.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.say(`The note was not saved. ${error.message}`, true);
    }
  }

  /**
   * @param {string} text
   * @param {boolean} [stays]
   */
  say(text, stays = false) {
    clearTimeout(this.noteTimer);
    setText(this.noteState, text);
    if (!stays && text !== "") this.noteTimer = setTimeout(() => setText(this.noteState, ""), SAVED_MS);
  }
}

/**
 * @param {Alert} alert
 * @returns {HTMLElement[]} terms and what they are
 */
function properties(alert) {
  const opened = Date.parse(alert.opened_at);
  const closed = alert.closed_at === null ? null : Date.parse(alert.closed_at);
  const lasted = closed === null ? `Since ${clock(opened)}, open now` : `${clock(opened)} to ${clock(closed)}, ${duration((closed - opened) / 1000)}`;
  /** @type {[string, string][]} */
  const rows = [
    ["When", lasted],
    ["Kind", KINDS[alert.kind] ?? alert.kind],
  ];
  if (alert.peak_score !== null) {
    rows.push(["Score", `${scoreText(alert.peak_score)} (${rarity(alert.peak_score)})`]);
  }
  if (alert.threshold !== null) rows.push(["Alert from", scoreText(alert.threshold)]);
  const heads = Object.entries(alert.heads);
  if (heads.length > 1) rows.push(["By method", heads.map(([name, value]) => `${name} ${scoreText(value)}`).join(", ")]);
  if (alert.reviewed_at !== null) rows.push(["Reviewed", fullMoment(Date.parse(alert.reviewed_at))]);
  return rows.flatMap(([term, text]) => [create("dt", { text: term }), create("dd", { text })]);
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it is on the clipboard
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages that come over plain HTTP have no clipboard of the newer kind.
    const field = /** @type {HTMLTextAreaElement} */ (create("textarea", { text, class: "visually-hidden" }));
    const focused = /** @type {HTMLElement|null} */ (document.activeElement);
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus({ preventScroll: true });
    return copied;
  }
}

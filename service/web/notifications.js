/** A tone and a notification of the browser for each new alert, by choice. Both are off until someone asks for them. */

import { find, setText } from "./dom.js";
import { writeHash } from "./review-state.js";

/** @typedef {import("./api.js").Alert} Alert */

const SOUND = "watchword.sound";
const NOTICES = "watchword.notifications";
/** Alerts that were heard or shown already, so that several open pages of one browser tell each once. */
const HEARD = "watchword.heard";
const SHOWN = "watchword.shown";
const MOST_TOLD = 100;

/** Two short notes, a fourth apart; in seconds and hertz. */
const NOTES = [660, 880];
const NOTE_S = 0.14;
const LOUDNESS = 0.2;
/** From one tone to the next when several alerts come at once. */
const APART_S = 0.5;
/** Of a flood so many are heard; the page and its title count them all. */
const MOST_AT_ONCE = 5;

export class Notifications {
  /** @param {HTMLElement} element holds the two buttons, and says why one cannot be had */
  constructor(element) {
    this.sound = find(element, ".sound");
    this.notices = find(element, ".notices");
    this.why = find(element, ".why-silent");
    /** @type {AudioContext|null} */
    this.audio = null;
    this.sound.addEventListener("click", () => void this.toggleSound());
    this.notices.addEventListener("click", () => void this.toggleNotices());
    // A page that was loaded anew may make no sound until someone has touched it.
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => void this.wake(), { passive: true });
    // Another page of this browser may have changed it.
    globalThis.addEventListener("storage", () => this.render());
    this.render();
  }

  get withSound() {
    return recall(SOUND) === "on";
  }

  get withNotices() {
    return recall(NOTICES) === "on" && noticesAllowed() === "granted";
  }

  async toggleSound() {
    keep(SOUND, this.withSound ? "off" : "on");
    this.render();
    // What one will hear, at once.
    if (this.withSound) await this.play(1);
  }

  async toggleNotices() {
    if (this.withNotices) keep(NOTICES, "off");
    else {
      if (noticesAllowed() === "default") await Notification.requestPermission();
      if (noticesAllowed() === "granted") keep(NOTICES, "on");
    }
    this.render(true);
  }

  /** @param {boolean} asked whether someone has just asked for notifications */
  render(asked = false) {
    this.sound.setAttribute("aria-pressed", String(this.withSound));
    this.notices.setAttribute("aria-pressed", String(this.withNotices));
    const silent = this.withSound && this.audio?.state !== "running";
    const refused = asked && !this.withNotices && noticesAllowed() !== "granted";
    setText(this.why, refused ? whyNoNotices() : silent ? "Click anywhere once: until then this browser keeps the page silent." : "");
    this.why.hidden = this.why.textContent === "";
  }

  async wake() {
    if (!this.withSound || this.audio?.state === "running") return;
    this.audio ??= new AudioContext();
    await this.audio.resume().catch(() => {});
    this.render();
  }

  /** @param {Alert[]} alerts that opened just now, oldest first */
  tell(alerts) {
    if (this.withNotices) for (const alert of claim(SHOWN, alerts)) notify(alert);
    // One that must be silent leaves it to another page.
    if (this.withSound && this.audio?.state === "running") void this.play(Math.min(claim(HEARD, alerts).length, MOST_AT_ONCE));
  }

  /** @param {number} times */
  async play(times) {
    await this.wake();
    const { audio } = this;
    if (audio === null || audio.state !== "running") return;
    for (let one = 0; one < times; one++) tone(audio, audio.currentTime + one * APART_S);
  }
}

/**
 * @param {AudioContext} audio
 * @param {number} start seconds of its clock
 */
function tone(audio, start) {
  NOTES.forEach((frequency, index) => {
    const from = start + index * NOTE_S;
    const oscillator = new OscillatorNode(audio, { type: "sine", frequency });
    const gain = new GainNode(audio, { gain: 0 });
    // Faded in and out: a note that is cut clicks.
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(LOUDNESS, from + NOTE_S / 8);
    gain.gain.linearRampToValueAtTime(0, from + NOTE_S);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(from);
    oscillator.stop(from + NOTE_S);
  });
}

/** @param {Alert} alert */
function notify(alert) {
  // The tag: a browser shows one notification of a name, however many pages ask for it.
  const notice = new Notification(alert.stream_name, { body: alert.message, tag: alert.id });
  notice.addEventListener("click", () => {
    globalThis.focus();
    location.hash = writeHash({ alert: alert.id });
    notice.close();
  });
}

/** @returns {NotificationPermission} "denied" where the browser has none to give */
function noticesAllowed() {
  return "Notification" in globalThis ? Notification.permission : "denied";
}

function whyNoNotices() {
  if (!globalThis.isSecureContext) return "Browsers show notifications only of pages that come over HTTPS, or from this computer.";
  if (noticesAllowed() === "default") return "The browser was not allowed to show notifications. Click again to be asked.";
  return "This browser does not let the page show notifications. Allow them in its settings for this site.";
}

/**
 * Those that no page of this browser has told yet; from now on they are told.
 * @param {string} how
 * @param {Alert[]} alerts
 * @returns {Alert[]}
 */
function claim(how, alerts) {
  const told = (recall(how) ?? "").split(" ");
  const untold = alerts.filter(({ id }) => !told.includes(id));
  keep(how, [...untold.map(({ id }) => id), ...told].slice(0, MOST_TOLD).join(" "));
  return untold;
}

/** What is remembered until the page is closed, where the browser lets it remember no longer. @type {Map<string, string>} */
const meanwhile = new Map();

/**
 * @param {string} name
 * @returns {string|null}
 */
function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return meanwhile.get(name) ?? null;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    meanwhile.set(name, value);
  }
}

/** What the page knows of one camera. */

import { ScoreHistory } from "./history.js";

/** @typedef {import("./api.js").Stream} Stream */
/** @typedef {import("./api.js").ScoreMessage} ScoreMessage */
/** @typedef {import("./api.js").StreamState} StreamState */

/** How soon the outcome of a try is asked for: most cameras that are down refuse or stay silent for longer. */
const TRY_MS = 1500;

/** How fast the estimate follows when messages take longer than they did, per message. */
const CLOCK_LEAK = 0.01;

/** States in which the camera's pictures come. @type {Set<StreamState>} */
const DELIVERING = new Set(["live", "enrolling", "blind"]);

/**
 * The clock that a camera's capture times are on. It may differ from this computer's: cameras, service and
 * browser each have their own. Messages only ever arrive late, so the shortest way seen is the nearest guess.
 */
class CaptureClock {
  constructor() {
    /** @type {number|null} seconds that this computer's clock is ahead */
    this.ahead = null;
  }

  /** @param {number} capturedAt Unix seconds, of a message that came just now */
  observe(capturedAt) {
    const delay = Date.now() / 1000 - capturedAt;
    if (this.ahead === null || delay < this.ahead) this.ahead = delay;
    else this.ahead += (delay - this.ahead) * CLOCK_LEAK;
  }

  /** @returns {number} Unix seconds */
  now() {
    return Date.now() / 1000 - (this.ahead ?? 0);
  }
}

export class Camera {
  /**
   * @param {Stream} stream
   * @param {boolean} connected whether scores come
   */
  constructor(stream, connected) {
    this.stream = stream;
    this.history = new ScoreHistory();
    this.clock = new CaptureClock();
    /** @type {import("./api.js").Enrolment|null} */
    this.enrolment = null;
    /** @type {StreamState} what came last, by status or by message */
    this.state = stream.status.state;
    /** Without a connection nothing is known of now, whatever was true a moment ago. */
    this.connected = connected;
    /** Whether the past was fetched since the socket last opened. */
    this.filled = false;
    /** @type {number|null} Unix milliseconds at which its newest alert opened; 0 if it had none; null: not asked yet */
    this.alertedAt = null;
    /** The moment of its next try that was reached and asked about. @type {string|null} */
    this.askedFor = null;
    this.updatedAt = performance.now();
  }

  get id() {
    return this.stream.id;
  }

  /** @param {Stream} stream */
  update(stream) {
    this.stream = stream;
    this.state = stream.status.state;
    this.updatedAt = performance.now();
  }

  /**
   * @param {ScoreMessage} message that came just now
   * @returns {{state: boolean, alert: boolean}} which of them it changed; a score that comes or goes is a change of
   *   state too, because the camera begins or ceases to watch
   */
  receive(message) {
    const before = this.history.latest;
    const changed = {
      state: message.state !== this.state || (before !== null && (before.score === null) !== (message.score === null)),
      alert: (before?.alert_id ?? null) !== (message.alert_id ?? null),
    };
    if (changed.alert && message.alert_id !== null && this.alertedAt !== null) this.alerted(message.captured_at * 1000);
    // Without a frame it may be an old change of state, told again when the socket opened.
    if (message.pts !== null) this.clock.observe(message.captured_at);
    this.history.push(message);
    this.state = message.state;
    return changed;
  }

  /** @param {number} ms Unix milliseconds at which an alert of it opened */
  alerted(ms) {
    this.alertedAt = Math.max(this.alertedAt ?? 0, ms);
  }

  /** The score now; null whenever there is none to speak of. */
  get score() {
    return this.connected && this.state === "live" ? (this.history.latest?.score ?? null) : null;
  }

  get threshold() {
    return this.history.latest?.threshold ?? this.stream.status.threshold;
  }

  get alerting() {
    return this.connected && this.state === "live" && (this.history.latest?.alert_id ?? null) !== null;
  }

  /** Whether pictures come, also if there is nothing to see in them. */
  get delivering() {
    return this.connected && DELIVERING.has(this.state);
  }

  /** Whether the camera is being tried right now: it is down, and no next try is announced. */
  get beingTried() {
    const { state, next_try_at: next, not_watching: why } = this.stream.status;
    return state === "offline" && next === null && why?.fault === true;
  }

  /**
   * Whether what comes of a try is worth asking for: a try that was announced is due (told once), or has been going
   * on for a while.
   * @param {number} now Unix milliseconds, by the service's clock
   */
  tryIsDue(now) {
    if (this.beingTried) return performance.now() - this.updatedAt > TRY_MS;
    const next = this.stream.status.next_try_at;
    if (next === null || next === this.askedFor || Date.parse(next) > now) return false;
    this.askedFor = next;
    return true;
  }
}

/** What the page knows of one camera. */

import { ScoreHistory } from "./history.js";

/** @typedef {import("./api.js").Stream} Stream */
/** @typedef {import("./api.js").ScoreMessage} ScoreMessage */
/** @typedef {import("./api.js").StreamState} StreamState */

/** How fast the estimate follows when messages take longer than they did, per message. */
const CLOCK_LEAK = 0.01;

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
  }

  get id() {
    return this.stream.id;
  }

  /** @param {Stream} stream */
  update(stream) {
    this.stream = stream;
    this.state = stream.status.state;
  }

  /**
   * @param {ScoreMessage} message that came just now
   * @returns {{state: boolean, alert: boolean}} which of them it changed
   */
  receive(message) {
    const before = this.history.latest;
    const changed = {
      state: message.state !== this.state,
      alert: (before?.alert_id ?? null) !== (message.alert_id ?? null),
    };
    // Without a frame it may be an old change of state, told again when the socket opened.
    if (message.pts !== null) this.clock.observe(message.captured_at);
    this.history.push(message);
    this.state = message.state;
    return changed;
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

  /** Whether pictures come. */
  get delivering() {
    return this.connected && (this.state === "live" || this.state === "enrolling");
  }
}

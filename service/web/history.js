/** The recent scores of one camera, in flat arrays of fixed size: a page left open for weeks does not grow. */

/** @typedef {import("./api.js").ScoreMessage} ScoreMessage */

/** @type {import("./api.js").StreamState[]} */
const STATES = ["live", "enrolling", "connecting", "stalled", "offline", "paused", "failed", "blind"];

/** Ten minutes at ten frames a second. */
const CAPACITY = 6000;

/** A message this much older than the last one, in seconds, says that the service's clock was set back. */
const CLOCK_SET_BACK_S = 10;

/** Whole messages are kept only to pair boxes with the picture they belong to. */
const RECENT = 40;

/**
 * @typedef {object} Sample
 * @property {number} time Unix seconds of capture
 * @property {number} score NaN where there is none
 * @property {number} threshold NaN where there is none
 * @property {import("./api.js").StreamState} state
 * @property {boolean} alert an alert was open
 */

export class ScoreHistory {
  constructor(capacity = CAPACITY) {
    this.capacity = capacity;
    this.times = new Float64Array(capacity);
    this.scores = new Float32Array(capacity);
    this.thresholds = new Float32Array(capacity);
    this.states = new Uint8Array(capacity);
    this.alerts = new Uint8Array(capacity);
    this.start = 0;
    this.length = 0;
    /** @type {ScoreMessage[]} */
    this.recent = [];
  }

  clear() {
    this.start = 0;
    this.length = 0;
    this.recent = [];
  }

  /** @returns {ScoreMessage|null} */
  get latest() {
    return this.recent.at(-1) ?? null;
  }

  /** @param {number} index 0 is the oldest */
  time(index) {
    return this.times[(this.start + index) % this.capacity];
  }

  /**
   * @param {number} index 0 is the oldest
   * @returns {Sample}
   */
  sample(index) {
    const slot = (this.start + index) % this.capacity;
    return {
      time: this.times[slot],
      score: this.scores[slot],
      threshold: this.thresholds[slot],
      state: STATES[this.states[slot]],
      alert: this.alerts[slot] === 1,
    };
  }

  /**
   * Adds a message that is newer than all others; one that is not is already here.
   * @param {ScoreMessage} message
   */
  push(message) {
    const last = this.length > 0 ? this.time(this.length - 1) : Number.NEGATIVE_INFINITY;
    if (message.captured_at < last - CLOCK_SET_BACK_S) this.clear();
    else if (message.captured_at <= last) return;
    const slot = (this.start + this.length) % this.capacity;
    this.write(slot, message);
    if (this.length < this.capacity) this.length += 1;
    else this.start = (this.start + 1) % this.capacity;
    this.recent.push(message);
    if (this.recent.length > RECENT) this.recent.shift();
  }

  /**
   * Fills in what the socket missed: messages fetched over HTTP, oldest first, then what came meanwhile.
   * Ordered by capture time, because `seq` begins anew when the service does.
   * @param {ScoreMessage[]} fetched
   */
  fill(fetched) {
    if (fetched.length === 0) return;
    const [first, last] = [fetched[0].captured_at, fetched[fetched.length - 1].captured_at];
    const kept = new ScoreHistory(this.capacity);
    for (let i = 0; i < this.length && this.time(i) < first; i++) kept.copy(this, i);
    for (const message of fetched) kept.push(message);
    for (let i = 0; i < this.length; i++) if (this.time(i) > last) kept.copy(this, i);
    const newer = this.recent.filter((message) => message.captured_at > last);
    Object.assign(this, kept, { recent: [...kept.recent, ...newer].slice(-RECENT) });
  }

  /**
   * The index of the first sample at or after a time.
   * @param {number} time Unix seconds
   */
  lowerBound(time) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The sample nearest to a time, or null if none is within `reach` seconds.
   * @param {number} time
   * @param {number} reach
   * @returns {Sample|null}
   */
  nearest(time, reach) {
    const right = this.lowerBound(time);
    const candidates = [right - 1, right].filter((i) => i >= 0 && i < this.length);
    candidates.sort((a, b) => Math.abs(this.time(a) - time) - Math.abs(this.time(b) - time));
    const best = candidates[0];
    return best === undefined || Math.abs(this.time(best) - time) > reach ? null : this.sample(best);
  }

  /**
   * The message whose objects belong to a picture.
   * @param {number|null} seq of the picture, where the service told it
   * @returns {ScoreMessage|null}
   */
  messageFor(seq) {
    if (seq === null) return this.latest;
    // The picture may be a few messages ahead of or behind the socket; the nearest one is right or nearly so.
    let best = null;
    for (const message of this.recent) {
      if (best === null || Math.abs(message.seq - seq) <= Math.abs(best.seq - seq)) best = message;
    }
    return best;
  }

  /**
   * @param {ScoreHistory} other
   * @param {number} index
   */
  copy(other, index) {
    const from = (other.start + index) % other.capacity;
    const to = (this.start + this.length) % this.capacity;
    this.times[to] = other.times[from];
    this.scores[to] = other.scores[from];
    this.thresholds[to] = other.thresholds[from];
    this.states[to] = other.states[from];
    this.alerts[to] = other.alerts[from];
    if (this.length < this.capacity) this.length += 1;
    else this.start = (this.start + 1) % this.capacity;
  }

  /**
   * @param {number} slot
   * @param {ScoreMessage} message
   */
  write(slot, message) {
    this.times[slot] = message.captured_at;
    this.scores[slot] = message.score ?? Number.NaN;
    this.thresholds[slot] = message.threshold ?? Number.NaN;
    this.states[slot] = Math.max(0, STATES.indexOf(message.state));
    this.alerts[slot] = message.alert_id === null || message.alert_id === undefined ? 0 : 1;
  }
}

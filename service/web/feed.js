/**
 * The score socket: one connection for all cameras, kept open for as long as the page is.
 *
 * @typedef {"connecting"|"open"|"waiting"} FeedState
 * @typedef {object} Waiting
 * @property {number} retryAt Unix milliseconds
 * @property {string} reason what the service said when it closed the socket, empty if it said nothing
 * @typedef {object} FeedEvents
 * @property {(message: import("./api.js").ScoreMessage) => void} onScore
 * @property {(state: FeedState, waiting: Waiting|null) => void} onState
 * @property {(dropped: number) => void} onDropped this page was too slow and lost so many messages
 * @property {() => Promise<unknown>} probe rejects if the service is gone
 */

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 15_000;
/** A dead link makes no sound: after so much silence the service is asked over HTTP whether it is there. */
const SILENCE_MS = 8_000;
/** A socket that closes sooner was never of use, and the next wait is longer still. */
const SETTLED_MS = 5_000;

export class Feed {
  /**
   * @param {string} address ws: or wss: URL
   * @param {FeedEvents} events
   */
  constructor(address, events) {
    this.address = address;
    this.events = events;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.failures = 0;
    /** @type {number|null} */
    this.openedAt = null;
    this.retryTimer = 0;
    this.silenceTimer = 0;
    this.retry = this.retry.bind(this);
  }

  get connected() {
    return this.openedAt !== null;
  }

  start() {
    globalThis.addEventListener("online", this.retry);
    this.connect();
  }

  close() {
    globalThis.removeEventListener("online", this.retry);
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    this.drop();
  }

  /** Tries at once instead of at the end of the wait. */
  retry() {
    if (this.socket !== null) return;
    clearTimeout(this.retryTimer);
    this.connect();
  }

  connect() {
    this.events.onState("connecting", null);
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.openedAt = performance.now();
      this.events.onState("open", null);
      this.listen();
    });
    socket.addEventListener("message", (event) => {
      this.listen();
      this.receive(event.data);
    });
    socket.addEventListener("close", ({ reason }) => {
      if (this.socket === socket) this.lost(reason);
    });
  }

  /** @param {string} data */
  receive(data) {
    /** @type {(import("./api.js").ScoreMessage & {dropped?: undefined})|{dropped: number}} */
    const message = JSON.parse(data);
    if (typeof message.dropped === "number") this.events.onDropped(message.dropped);
    else this.events.onScore(message);
  }

  listen() {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(async () => {
      const socket = this.socket;
      try {
        await this.events.probe();
        this.listen();
      } catch {
        if (socket !== null && this.socket === socket) this.lost("");
      }
    }, SILENCE_MS);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  /** @param {string} reason */
  lost(reason) {
    clearTimeout(this.silenceTimer);
    this.drop();
    if (this.openedAt !== null && performance.now() - this.openedAt > SETTLED_MS) this.failures = 0;
    this.openedAt = null;
    const longest = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    this.failures += 1;
    // Jitter, so that the pages of a whole control room do not all come back in the same instant.
    const wait = longest * (0.5 + Math.random() / 2);
    this.events.onState("waiting", { retryAt: Date.now() + wait, reason });
    this.retryTimer = setTimeout(this.retry, wait);
  }
}

/**
 * Pictures of cameras. Tiles take single snapshots, at a pace the connection carries, because a browser opens
 * only about six HTTP/1.1 connections to one host and an endless MJPEG answer would hold one for each tile.
 * Only the one camera that is open has a live.mjpg.
 *
 * @typedef {object} Picture
 * @property {ImageBitmap} bitmap the receiver closes it
 * @property {number|null} seq of the score message that belongs to it, where the service tells
 *
 * @typedef {(picture: Picture) => void} OnPicture
 */

import { problemOf, streamPath, url } from "./api.js";
import { readParts } from "./multipart.js";

/** Connections that snapshots may use; the others stay free for the API and the open camera. */
const PARALLEL = 3;
/** Snapshots a second of the whole page, shared among the tiles in view. */
const RATE = 15;
const SHORTEST_PAUSE_MS = 120;
const PROBLEM_PAUSE_MS = 2000;
const TIMEOUT_MS = 8000;
const SEQ_HEADER = "X-Seq";

/**
 * @param {string|null} text
 * @returns {number|null}
 */
function parseSeq(text) {
  const seq = Number(text);
  return text === null || text === "" || !Number.isFinite(seq) ? null : seq;
}

/** @typedef {{id: string, due: number, onPicture: OnPicture}} Subscriber */

/** Takes snapshots for the tiles in view, in turn. */
export class SnapshotPacer {
  constructor() {
    /** @type {Map<string, Subscriber>} */
    this.subscribers = new Map();
    this.loading = 0;
    this.timer = 0;
    this.step = this.step.bind(this);
    document.addEventListener("visibilitychange", this.step);
  }

  /**
   * @param {string} id
   * @param {OnPicture} onPicture
   */
  show(id, onPicture) {
    this.subscribers.set(id, { id, due: 0, onPicture });
    this.step();
  }

  /** @param {string} id */
  has(id) {
    return this.subscribers.has(id);
  }

  /** @param {string} id */
  hide(id) {
    this.subscribers.delete(id);
  }

  step() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    const now = performance.now();
    const waiting = [...this.subscribers.values()].filter((one) => Number.isFinite(one.due)).sort((a, b) => a.due - b.due);
    for (const one of waiting) {
      if (one.due > now || this.loading >= PARALLEL) break;
      void this.load(one);
    }
    const next = waiting.find((one) => one.due > now);
    if (next !== undefined) this.timer = setTimeout(this.step, next.due - now);
  }

  /** @param {Subscriber} one */
  async load(one) {
    const began = performance.now();
    one.due = Number.POSITIVE_INFINITY;
    this.loading += 1;
    let pause = Math.max(SHORTEST_PAUSE_MS, (1000 * this.subscribers.size) / RATE);
    try {
      const picture = await snapshot(one.id);
      if (this.subscribers.get(one.id) === one) one.onPicture(picture);
      else picture.bitmap.close();
    } catch {
      // Why no picture comes is told by the stream's state and by the connection, better than by this request.
      pause = PROBLEM_PAUSE_MS;
    } finally {
      this.loading -= 1;
      one.due = Math.max(began + pause, performance.now() + SHORTEST_PAUSE_MS / 2);
      this.step();
    }
  }
}

/**
 * @param {string} id
 * @returns {Promise<Picture>}
 */
async function snapshot(id) {
  const response = await fetch(url(streamPath(id, "/snapshot.jpg")), {
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw await problemOf(response);
  const bitmap = await createImageBitmap(await response.blob());
  return { bitmap, seq: parseSeq(response.headers.get(SEQ_HEADER)) };
}

/**
 * The live pictures of one camera, until `signal` aborts. Read as a stream and not by an <img>, so that each
 * picture comes with the number of the scores that belong to it, and boxes never lag behind what they mark.
 * After a failure it begins again.
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {OnPicture} onPicture
 */
export async function live(id, signal, onPicture) {
  while (!signal.aborted) {
    try {
      const response = await fetch(url(streamPath(id, "/live.mjpg")), { cache: "no-store", signal });
      if (!response.ok || response.body === null) throw await problemOf(response);
      for await (const { headers, body } of readParts(response)) {
        const seq = parseSeq(headers.get(SEQ_HEADER));
        if (seq === null) continue; // a card that says there is no picture; the page says so itself
        const bitmap = await createImageBitmap(new Blob([body], { type: "image/jpeg" }));
        if (signal.aborted) bitmap.close();
        else onPicture({ bitmap, seq });
      }
    } catch {
      // As with snapshots: the state says why. Try again.
    }
    await pause(PROBLEM_PAUSE_MS, signal);
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** Looks for new alerts and for what changed of the newest, for all parts of the page that show them. */

import { countAlerts, listAlerts, Problem } from "./api.js";

/** @typedef {import("./api.js").Alert} Alert */

/** What is fetched when the page opens or the connection comes back, and remembered as known. */
const FIRST = 50;
/** What a look for news fetches. */
const NEWEST = 25;
/** Scores tell at once when an alert opens or closes; this is for those of cameras that send no scores. */
const POLL_MS = 10_000;
/** Alerts often come in pairs; asking a moment later fetches them together. */
const KICK_MS = 300;

export class AlertWatch {
  /**
   * @param {object} events
   * @param {(alerts: Alert[], unreviewed: number) => void} events.onAlerts the newest, newest first
   * @param {(alerts: Alert[]) => void} events.onNew that opened while one watched, oldest first
   * @param {(count: number) => void} events.onUnreviewed
   */
  constructor({ onAlerts, onNew, onUnreviewed }) {
    this.onAlerts = onAlerts;
    this.onNew = onNew;
    this.onUnreviewed = onUnreviewed;
    /** Ids of the newest alerts, as far as they were seen. @type {Set<string>} */
    this.known = new Set();
    /** Whether what was not seen before is new, and not only new to this page. */
    this.watching = false;
    this.timer = 0;
    /** Answers to earlier questions are dropped. */
    this.asked = 0;
  }

  /** Looks for news soon. */
  kick() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), KICK_MS);
  }

  /** The connection is lost: what opens from now on is past by the time one hears of it. */
  pause() {
    this.asked += 1;
    this.watching = false;
    clearTimeout(this.timer);
  }

  /** The page opened, or the connection came back. */
  async begin() {
    this.watching = false;
    await this.look();
  }

  async look() {
    clearTimeout(this.timer);
    const asked = ++this.asked;
    const { watching } = this;
    try {
      const [alerts, { unreviewed }] = await Promise.all([
        listAlerts({ limit: watching ? NEWEST : FIRST }),
        countAlerts({ verdict: ["none"] }),
      ]);
      if (asked !== this.asked) return;
      const fresh = watching ? alerts.filter(({ id }) => !this.known.has(id)).reverse() : [];
      this.remember(alerts);
      this.watching = true;
      this.onUnreviewed(unreviewed);
      this.onAlerts(alerts, unreviewed);
      if (fresh.length > 0) this.onNew(fresh);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The banner of the lost connection speaks for it; what is shown stays.
    } finally {
      if (asked === this.asked) this.timer = setTimeout(() => void this.look(), POLL_MS);
    }
  }

  /**
   * A few more than one answer holds, so that none is taken for new when another is deleted.
   * @param {Alert[]} alerts newest first
   */
  remember(alerts) {
    this.known = new Set([...alerts.map(({ id }) => id), ...this.known].slice(0, 4 * FIRST));
  }
}

/**
 * The alerts that a filter finds, the newest first, as far as they were asked for.
 *
 * Of every alert that was met its place in the order stays; what there is to show of it only near where one looks,
 * and is asked for again when one comes back. So a list of a hundred thousand costs megabytes and not hundreds.
 */

import { getAlert, listAlerts, countAlerts, Problem } from "./api.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./api.js").AlertFilter} AlertFilter */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} at when it opened, as the service says it
 * @property {number} time the same in Unix milliseconds
 * @property {import("./api.js").Verdict} verdict
 * @property {Alert|null} alert null if it must be asked for again
 */

const PAGE = 60;
/** One answer to get as far as the alert of a link: the most that the service gives at once. */
const LARGE_PAGE = 1000;
/** Beyond so many, an alert of a link is shown in the list of its own day. */
export const MOST_SOUGHT = 3000;
/** Alerts whose content is kept: 2 MB at 1 to 2 KB each. */
const KEPT = 1500;

export class FoundAlerts {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {AlertFilter} */
    this.filter = {};
    /** @type {Entry[]} */
    this.entries = [];
    /** @type {Map<string, number>} */
    this.places = new Map();
    /** The one that was asked for by its id, whether the list has come to it or not. @type {Alert|null} */
    this.single = null;
    /** What changed here while a question is under way, whose answer may be older. @type {Map<string, Alert>} */
    this.newer = new Map();
    /** New ones that wait until they may be shown. @type {Alert[]} */
    this.waiting = [];
    /** Whether all that there are were met. */
    this.complete = false;
    this.loading = false;
    /** Ends with the question that is asked now. @type {Promise<unknown>} */
    this.answered = Promise.resolve();
    /** Why the last question failed. @type {string|null} */
    this.problem = null;
    /** Answers to questions of an earlier filter are dropped. */
    this.asked = 0;
    /** Where the list was last looked at. */
    this.centre = 0;
  }

  /** @param {string} id */
  indexOf(id) {
    return this.places.get(id) ?? -1;
  }

  /**
   * @param {string} id
   * @returns {Entry|null}
   */
  find(id) {
    return this.entries[this.indexOf(id)] ?? (this.single?.id === id ? entryOf(this.single) : null);
  }

  /**
   * Begins anew with another filter.
   * @param {AlertFilter} filter
   */
  async restart(filter) {
    this.asked += 1;
    Object.assign(this, { filter, entries: [], waiting: [], complete: false, loading: false, problem: null, centre: 0 });
    this.places.clear();
    await this.more();
  }

  /**
   * Gets further back.
   * @param {number} limit
   */
  async more(limit = PAGE) {
    if (this.loading) return void (await this.answered);
    if (this.complete) return;
    const cursor = this.entries.at(-1)?.id;
    const page = await this.ask({ ...this.filter, limit, ...(cursor === undefined ? {} : { cursor }) });
    if (page === null) return;
    this.complete = page.length < limit;
    for (const alert of page) if (!this.places.has(alert.id)) this.places.set(alert.id, this.entries.push(entryOf(alert)) - 1);
    this.onChange();
  }

  /**
   * @param {import("./api.js").AlertQuery} query
   * @returns {Promise<Alert[]|null>} null if it failed, or came too late to matter
   */
  async ask(query) {
    const { asked } = this;
    this.loading = true;
    this.problem = null;
    this.newer = new Map();
    const answer = listAlerts(query);
    this.answered = answer.catch(() => {});
    try {
      const found = await answer;
      return this.asked === asked ? found.map((alert) => this.newer.get(alert.id) ?? alert) : null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.asked !== asked) return null;
      this.problem = error.message;
      this.onChange();
      return null;
    } finally {
      if (this.asked === asked) this.loading = false;
    }
  }

  /**
   * Loads from the newest on until an alert has its neighbours, if it is not too far.
   * @param {string} id
   * @returns {Promise<boolean>} whether it has its place now
   */
  async seek(id) {
    if (this.places.has(id)) return true;
    const { asked } = this;
    const { opened_at: from } = await this.whole(id);
    const { alerts: before } = await countAlerts({ ...this.filter, from });
    if (this.asked !== asked || before > MOST_SOUGHT) return false;
    while (!this.complete && this.problem === null && this.asked === asked && this.entries.length <= before) {
      await this.more(LARGE_PAGE);
    }
    if (this.asked !== asked) return false;
    // The filter may not hold it any more: what one opens to review leaves "to review".
    this.insert(await this.whole(id));
    return true;
  }

  /**
   * Looks for new ones, and for changes of the newest.
   * @param {boolean} hold whether new ones wait, so that nothing moves
   */
  async refresh(hold) {
    if (this.loading || this.entries.length + this.waiting.length === 0) {
      if (!this.loading) await this.restart(this.filter);
      return;
    }
    const newest = await this.ask({ ...this.filter, limit: PAGE });
    if (newest === null) return;
    const last = this.entries.at(-1);
    const known = new Set(this.waiting.map((alert) => alert.id));
    for (const alert of newest) {
      if (this.places.has(alert.id) || known.has(alert.id)) this.put(alert, false);
      else if (last === undefined || newestFirst(entryOf(alert), last) < 0) this.waiting.push(alert);
    }
    if (hold) this.onChange();
    else this.admit();
  }

  /** Takes in the new ones that wait. */
  admit() {
    // More than a page came at once: between them and the first that is known others may lie.
    if (this.waiting.length >= PAGE) return void this.restart(this.filter);
    // Not always before all others: which camera's alert was stored first says nothing of which opened first.
    if (this.waiting.length > 0) this.entries = [...this.waiting.map(entryOf), ...this.entries].sort(newestFirst);
    this.waiting = [];
    this.number();
    this.onChange();
  }

  /**
   * An alert after someone said something of it.
   * @param {Alert} alert
   * @param {boolean} tell
   */
  change(alert, tell = true) {
    this.newer.set(alert.id, alert);
    this.put(alert, tell);
  }

  /**
   * An alert as it is now.
   * @param {Alert} alert
   * @param {boolean} tell
   */
  put(alert, tell = true) {
    const entry = this.entries[this.indexOf(alert.id)];
    if (entry !== undefined) Object.assign(entry, entryOf(alert));
    if (this.single?.id === alert.id) this.single = alert;
    this.waiting = this.waiting.map((one) => (one.id === alert.id ? alert : one));
    if (tell) this.onChange();
  }

  /** @param {Alert} alert */
  insert(alert) {
    if (this.places.has(alert.id)) return;
    this.entries.push(entryOf(alert));
    this.entries.sort(newestFirst);
    this.number();
    this.onChange();
  }

  /**
   * The whole of one alert.
   * @param {string} id
   * @returns {Promise<Alert>}
   */
  async whole(id) {
    const known = this.find(id)?.alert ?? this.waiting.find((alert) => alert.id === id) ?? null;
    if (known !== null) return known;
    const alert = await getAlert(id);
    this.single = alert;
    this.put(alert);
    return alert;
  }

  /**
   * Asks again for what is to be seen and was let go, and lets go what is far from it.
   * @param {number} first
   * @param {number} last
   */
  async look(first, last) {
    this.centre = (first + last) >> 1;
    for (let i = 0; i < this.entries.length && this.entries.length > KEPT; i++) {
      if (Math.abs(i - this.centre) > KEPT / 2) this.entries[i].alert = null;
    }
    const gap = this.entries.findIndex((entry, index) => index >= first && index <= last && entry.alert === null);
    if (gap === -1 || this.loading || this.problem !== null) return;
    const cursor = this.entries[gap - 1]?.id;
    const page = await this.ask({ ...this.filter, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    for (const alert of page ?? []) this.put(alert, false);
    // One that the filter does not hold any more is in no page.
    const left = this.entries[gap];
    if (page !== null && left !== undefined && left.alert === null) await this.whole(left.id).catch((error) => this.drop(left.id, error));
    if (page !== null) this.onChange();
  }

  /**
   * Takes out an alert that the service does not have any more.
   * @param {string} id
   * @param {unknown} error what it answered
   */
  drop(id, error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status !== 404) return void (this.problem = error.message);
    this.entries = this.entries.filter((entry) => entry.id !== id);
    this.number();
  }

  number() {
    this.places = new Map(this.entries.map(({ id }, index) => [id, index]));
  }
}

/**
 * @param {Alert} alert
 * @returns {Entry}
 */
function entryOf(alert) {
  return { id: alert.id, at: alert.opened_at, time: Date.parse(alert.opened_at), verdict: alert.verdict, alert };
}

/**
 * The order of the service: by when they opened, then by id. Times have microseconds, of which `Date` knows nothing.
 * @param {Entry} one
 * @param {Entry} other
 */
function newestFirst(one, other) {
  if (one.time !== other.time) return other.time - one.time;
  const [a, b] = one.at === other.at ? [one.id, other.id] : [one.at, other.at];
  return a < b ? 1 : a > b ? -1 : 0;
}

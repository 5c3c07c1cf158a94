/** What people say of alerts: one or many at once, and taking the last word back. */

import { Problem, reviewAlert, reviewAlerts } from "./api.js";
import { counted } from "./format.js";

/** @typedef {import("./api.js").Verdict} Verdict */

/** The most that the service takes at once. */
const AT_ONCE = 200;

export class Verdicts {
  /**
   * @param {import("./found-alerts.js").FoundAlerts} found
   * @param {object} events
   * @param {(said: {count: number, text: string, undoable: boolean}) => void} events.onSaid of so many alerts
   * @param {(problem: string) => void} events.onProblem
   */
  constructor(found, { onSaid, onProblem }) {
    this.found = found;
    this.onSaid = onSaid;
    this.onProblem = onProblem;
    /** What was said before the last word, of each alert that it was about. @type {Map<string, Verdict>} */
    this.before = new Map();
    /** One word after the other, in the order in which they were said. @type {Promise<void>} */
    this.turn = Promise.resolve();
  }

  /**
   * @param {string[]} ids
   * @param {"confirmed"|"false_alarm"} verdict
   */
  judge(ids, verdict) {
    return this.inTurn(async () => {
      const before = new Map(ids.map((id) => [id, this.found.find(id)?.verdict ?? null]));
      const changed = ids.filter((id) => before.get(id) !== verdict);
      if (changed.length === 0) return;
      await this.say(changed, verdict);
      this.before = new Map(changed.map((id) => [id, before.get(id) ?? null]));
      this.onSaid({ count: changed.length, text: sentenceOf(changed.length, verdict), undoable: true });
    });
  }

  /** Takes the last word back, all of it. */
  undo() {
    return this.inTurn(async () => {
      const { before } = this;
      if (before.size === 0) return;
      await this.restore(before);
      this.before = new Map();
      this.onSaid({ count: before.size, text: before.size === 1 ? "Undone." : `Undone: ${counted(before.size, "alert")}.`, undoable: false });
    });
  }

  /**
   * Takes back what was said of one alert: what it was before the last word if that was about it, else nothing.
   * @param {string} id
   */
  takeBack(id) {
    return this.inTurn(async () => {
      await this.restore(new Map([[id, this.before.get(id) ?? null]]));
      this.before.delete(id);
      this.onSaid({ count: 1, text: "Undone.", undoable: false });
    });
  }

  /** @param {Map<string, Verdict>} before */
  async restore(before) {
    for (const verdict of new Set(before.values())) {
      await this.say([...before.keys()].filter((id) => before.get(id) === verdict), verdict);
    }
  }

  /** @param {() => Promise<void>} act */
  inTurn(act) {
    this.turn = this.turn.then(act).catch((error) => {
      if (!(error instanceof Problem)) throw error;
      this.onProblem(error.message);
    });
    return this.turn;
  }

  /**
   * @param {string[]} ids
   * @param {Verdict} verdict
   */
  async say(ids, verdict) {
    if (ids.length === 1) return void this.found.change(await reviewAlert(ids[0], { verdict }));
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      for (const alert of await reviewAlerts(ids.slice(at, at + AT_ONCE), verdict)) this.found.change(alert, false);
    }
    this.found.onChange();
  }
}

/**
 * @param {number} count
 * @param {"confirmed"|"false_alarm"} verdict
 */
function sentenceOf(count, verdict) {
  if (count === 1) return verdict === "confirmed" ? "Confirmed." : "Marked as a false alarm.";
  return `${counted(count, "alert")} ${verdict === "confirmed" ? "confirmed" : "marked as false alarms"}.`;
}

/** A month of days with how many alerts each had; one is chosen, or none. */

import { create, find, setText } from "./dom.js";
import { counted } from "./format.js";
import { dayOf, startOfDay } from "./review-state.js";

const monthFormat = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });
const weekdayFormat = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const longFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** Days to go with each key. @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
/** A day's colour has so many steps, of which the last is the month's largest count. */
const SHADES = 4;

/** @typedef {{alerts: number, unreviewed: number}} DayCount */

export class Calendar {
  /**
   * @param {HTMLElement} element
   * @param {{onDay: (day: string|null) => void, onMonth: (first: Date, end: Date) => void}} events
   */
  constructor(element, { onDay, onMonth }) {
    this.element = element;
    this.onDay = onDay;
    this.onMonth = onMonth;
    this.body = find(element, "tbody");
    /** The first of the month that is shown. */
    this.month = firstOfMonth(new Date());
    /** @type {string|null} */
    this.chosen = null;
    /** The day that Tab comes to. */
    this.current = dayOf(new Date());
    /** @type {Map<string, DayCount>} */
    this.counts = new Map();
    this.fillWeekdays();
    find(element, ".earlier").addEventListener("click", () => this.turn(-1));
    find(element, ".later").addEventListener("click", () => this.turn(1));
    this.body.addEventListener("click", (event) => {
      const day = dayAt(event.target);
      if (day !== null) this.onDay(day === this.chosen ? null : day);
    });
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    this.render();
  }

  /** The months's first day, and the first after it. @returns {[Date, Date]} */
  get span() {
    return [this.month, new Date(this.month.getFullYear(), this.month.getMonth() + 1, 1)];
  }

  /**
   * @param {string|null} day
   */
  choose(day) {
    this.chosen = day;
    const start = startOfDay(day ?? "");
    if (day !== null && start !== null) {
      this.current = day;
      this.go(firstOfMonth(start));
    }
    this.render();
  }

  /** @param {Map<string, DayCount>} counts by day, of the month that is shown */
  setCounts(counts) {
    this.counts = counts;
    this.render();
  }

  /** @param {number} months */
  turn(months) {
    this.go(new Date(this.month.getFullYear(), this.month.getMonth() + months, 1));
    this.current = dayOf(this.month);
    this.render();
  }

  /** @param {Date} month */
  go(month) {
    if (month.getTime() === this.month.getTime()) return;
    this.month = month;
    this.counts = new Map();
    this.onMonth(...this.span);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const from = startOfDay(this.current);
    if (from === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = new Date(from);
    if (event.key in STEPS) to.setDate(from.getDate() + STEPS[event.key]);
    else if (event.key === "PageUp" || event.key === "PageDown") addMonths(to, event.key === "PageUp" ? -1 : 1);
    else if (event.key === "Home") to.setDate(1);
    else if (event.key === "End") to.setMonth(from.getMonth() + 1, 0);
    else return;
    event.preventDefault();
    this.current = dayOf(to);
    this.go(firstOfMonth(to));
    this.render();
    find(this.body, `[data-day="${this.current}"]`).focus();
  }

  fillWeekdays() {
    const cells = Array.from({ length: 7 }, (_, index) => {
      // The fourth of January 1970 was a Sunday.
      const date = new Date(1970, 0, 4 + firstWeekday() + index);
      const cell = create("th", { text: weekdayFormat.format(date) });
      cell.setAttribute("scope", "col");
      return cell;
    });
    find(this.element, "thead").replaceChildren(create("tr", {}, ...cells));
  }

  render() {
    setText(find(this.element, ".month"), monthFormat.format(this.month));
    const [first, end] = this.span;
    const most = Math.max(1, ...[...this.counts.values()].map(({ alerts }) => alerts));
    const shown = this.current >= dayOf(first) && this.current < dayOf(end) ? this.current : dayOf(first);
    const focused = this.body.contains(document.activeElement);
    /** @type {HTMLElement[]} */
    const cells = Array.from({ length: (first.getDay() - firstWeekday() + 7) % 7 }, () => create("td"));
    for (const date = new Date(first); date < end; date.setDate(date.getDate() + 1)) cells.push(this.cell(new Date(date), most, shown));
    const rows = [];
    for (let at = 0; at < cells.length; at += 7) rows.push(create("tr", {}, ...cells.slice(at, at + 7)));
    this.body.replaceChildren(...rows);
    if (focused) find(this.body, `[data-day="${shown}"]`).focus();
  }

  /**
   * @param {Date} date
   * @param {number} most alerts of any day of the month
   * @param {string} tabbable
   */
  cell(date, most, tabbable) {
    const day = dayOf(date);
    const { alerts, unreviewed } = this.counts.get(day) ?? { alerts: 0, unreviewed: 0 };
    const number = create("span", { class: "day-number", text: String(date.getDate()) });
    const button = create("button", {}, number, create("span", { class: "day-count", text: alerts === 0 ? "" : String(alerts) }));
    button.setAttribute("type", "button");
    button.dataset.day = day;
    button.dataset.shade = String(Math.ceil((SHADES * alerts) / most));
    button.classList.toggle("to-review", unreviewed > 0);
    if (day === dayOf(new Date())) button.setAttribute("aria-current", "date");
    button.tabIndex = day === tabbable ? 0 : -1;
    button.setAttribute("aria-pressed", String(day === this.chosen));
    const words = alerts === 0 ? "no alerts" : `${counted(alerts, "alert")}, ${unreviewed === 0 ? "all reviewed" : `${unreviewed} to review`}`;
    button.setAttribute("aria-label", `${longFormat.format(date)}: ${words}`);
    button.title = `${longFormat.format(date)}: ${words}`;
    return create("td", {}, button);
  }
}

/** @param {EventTarget|null} target */
function dayAt(target) {
  return /** @type {HTMLElement|null} */ (/** @type {Element} */ (target).closest("[data-day]"))?.dataset.day ?? null;
}

/** @param {Date} date */
const firstOfMonth = (date) => new Date(date.getFullYear(), date.getMonth(), 1);

/**
 * The same day some months on; the last of the month where it has no such day.
 * @param {Date} date is changed
 * @param {number} months
 */
function addMonths(date, months) {
  const day = date.getDate();
  date.setMonth(date.getMonth() + months, 1);
  const days = new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate();
  date.setDate(Math.min(day, days));
}

/** What weeks begin with here: 0 is Sunday. Browsers that do not know take Monday, as ISO does. */
function firstWeekday() {
  /** @type {Intl.Locale & {getWeekInfo?: () => {firstDay: number}, weekInfo?: {firstDay: number}}} */
  const locale = new Intl.Locale(navigator.language);
  return ((locale.getWeekInfo?.() ?? locale.weekInfo)?.firstDay ?? 1) % 7;
}

/** The alerts of the review as a grid of pictures or a list. Only what is near the view is in the page. */

import { alertPicture } from "./api.js";
import { create, find, fromTemplate, icon, setText } from "./dom.js";
import { clock, duration, longDay, score as scoreText } from "./format.js";
import { ReviewLayout, shapeOf } from "./review-layout.js";
import { KINDS, VERDICTS } from "./review-state.js";

/** @typedef {import("./found-alerts.js").Entry} Entry */
/** @typedef {import("./api.js").Alert} Alert */

/** Shares of the view's height that are kept above and below it, so that scrolling shows no gaps. */
const MARGIN = 0.5;
/** The next page is asked for when the end is as near as this many heights of the view. */
const NEAR_END = 2;

/**
 * @typedef {object} Shown
 * @property {string} key the alert's id, or the name of a heading
 * @property {number} index of the alert, or of the first one under the heading
 * @property {boolean} heading
 *
 * @typedef {object} ListEvents
 * @property {(id: string) => void} onOpen
 * @property {(id: string, range: boolean) => void} onPick
 * @property {(first: number, last: number, nearEnd: boolean) => void} onLook
 */

export class ReviewList {
  /**
   * @param {HTMLElement} scroller
   * @param {ListEvents} events
   */
  constructor(scroller, events) {
    this.scroller = scroller;
    this.list = find(scroller, ".review-list");
    this.pinned = find(scroller, ".review-pinned");
    this.events = events;
    /** @type {Entry[]} */
    this.entries = [];
    /** @type {"grid"|"list"} */
    this.shapeName = "grid";
    /** What is in the page, by the alert's id, and headings by the day's first alert. @type {Map<string, HTMLElement>} */
    this.elements = new Map();
    this.layout = new ReviewLayout([], shapeOf("grid", 1, 1));
    /** The alert that the keyboard is at. @type {string|null} */
    this.current = null;
    /** @type {ReadonlySet<string>} */
    this.picked = new Set();
    /** @type {string|null} */
    this.open = null;
    this.complete = false;
    this.drawing = 0;
    scroller.addEventListener("scroll", () => this.drawSoon(), { passive: true });
    new ResizeObserver(() => this.arrange()).observe(scroller);
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("focusin", ({ target }) => {
      const id = idOf(/** @type {Element} */ (target));
      if (id !== null && id !== this.current) this.move(id);
    });
  }

  /**
   * @param {object} shown
   * @param {Entry[]} shown.entries newest first
   * @param {boolean} shown.complete whether no older ones are left
   * @param {"grid"|"list"} shown.layout
   * @param {ReadonlySet<string>} shown.picked
   * @param {string|null} shown.open the alert that is shown large beside
   */
  show({ entries, complete, layout, picked, open }) {
    Object.assign(this, { entries, complete, shapeName: layout, picked, open });
    this.arrange();
  }

  /** Lays out anew; what is at the top of the view stays there. */
  arrange() {
    const { scroller, layout } = this;
    const width = this.list.clientWidth;
    if (width === 0) return;
    const held = this.held();
    const before = held === null ? 0 : held.y - scroller.scrollTop;
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.layout = new ReviewLayout(this.entries, shapeOf(this.shapeName, width, rem));
    this.scroller.dataset.layout = this.shapeName;
    this.list.style.height = `${this.layout.height}px`;
    const place = held === null ? -1 : this.entries.findIndex(({ id }) => id === held.id);
    if (place !== -1) {
      const changed = layout.shape.columns !== this.layout.shape.columns || layout.shape.height !== this.layout.shape.height;
      if (changed) this.reveal(place);
      else scroller.scrollTop = this.layout.placeOf(place).y - before;
    }
    this.draw();
  }

  /**
   * What must not move when the list changes: the one with the keyboard, else the first in view.
   * @returns {{id: string, y: number}|null} null at the very top, where new ones may push in
   */
  held() {
    const { scroller } = this;
    const current = this.current === null ? undefined : this.elements.get(this.current);
    if (this.current !== null && current !== undefined && (this.open !== null || current.contains(document.activeElement))) {
      return { id: this.current, y: Number(current.dataset.y) };
    }
    if (scroller.scrollTop <= 0) return null;
    const first = String(this.layout.rows[this.layout.rowAt(scroller.scrollTop)]?.first);
    const [id, element] = [...this.elements].find(([, one]) => one.dataset.index === first) ?? [];
    return id === undefined || element === undefined ? null : { id, y: Number(element.dataset.y) };
  }

  drawSoon() {
    if (this.drawing !== 0) return;
    this.drawing = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.drawing);
    this.drawing = 0;
    const { scroller, layout } = this;
    const { scrollTop, clientHeight } = scroller;
    if (layout.rows.length === 0) {
      this.keep([]);
      this.pinned.hidden = true;
      if (!this.complete) this.events.onLook(0, 0, true);
      return;
    }
    const [top, bottom] = [scrollTop - clientHeight * MARGIN, scrollTop + clientHeight * (1 + MARGIN)];
    const rows = layout.rows.slice(layout.rowAt(top), layout.rowAt(bottom) + 1);
    const wanted = rows.flatMap(({ first, count }) => this.inRow(first, count));
    this.keep(this.withFocused(wanted));
    this.drawPinned(scrollTop);
    const [first, last] = [rows[0].first, rows[rows.length - 1].first + Math.max(1, rows[rows.length - 1].count) - 1];
    this.events.onLook(first, last, layout.height - scrollTop < clientHeight * (1 + NEAR_END));
  }

  /**
   * @param {number} first
   * @param {number} count 0 for a heading
   * @returns {Shown[]}
   */
  inRow(first, count) {
    if (count === 0) return [{ key: `day ${this.entries[first].id}`, index: first, heading: true }];
    return this.entries.slice(first, first + count).map(({ id }, offset) => ({ key: id, index: first + offset, heading: false }));
  }

  /**
   * The one with the keyboard stays in the page, wherever one scrolls: who takes it out takes the focus away.
   * @param {Shown[]} wanted
   * @returns {Shown[]}
   */
  withFocused(wanted) {
    const id = idOf(document.activeElement);
    if (id === null || !this.elements.has(id) || wanted.some(({ key }) => key === id)) return wanted;
    const index = this.entries.findIndex((entry) => entry.id === id);
    if (index === -1) return wanted;
    const place = wanted.findIndex((one) => one.index > index);
    const kept = { key: id, index, heading: false };
    return place === -1 ? [...wanted, kept] : [...wanted.slice(0, place), kept, ...wanted.slice(place)];
  }

  /** @param {Shown[]} wanted what shall be in the page, in order */
  keep(wanted) {
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, element] of this.elements) {
      if (keys.has(key)) continue;
      element.remove();
      this.elements.delete(key);
    }
    let next = this.list.firstElementChild;
    const tabbable = this.current !== null && keys.has(this.current) ? this.current : wanted.find(({ heading }) => !heading)?.key;
    for (const { key, index, heading } of wanted) {
      let element = this.elements.get(key);
      if (element === undefined) {
        element = heading ? create("li", { class: "review-day" }, create("h2")) : this.build(key);
        this.elements.set(key, element);
      }
      if (element === next) next = next.nextElementSibling;
      else this.list.insertBefore(element, next);
      if (heading) setText(find(element, "h2"), longDay(this.entries[index].time));
      else this.fill(element, index, key === tabbable);
      this.put(element, index, heading);
    }
  }

  /**
   * @param {HTMLElement} element
   * @param {number} index
   * @param {boolean} heading
   */
  put(element, index, heading) {
    const { shape, rows, rowOf } = this.layout;
    const { x, y } = heading ? { x: 0, y: rows[rowOf[index] - 1].top } : this.layout.placeOf(index);
    element.dataset.index = heading ? "" : String(index);
    element.dataset.y = String(y);
    element.style.transform = `translate(${x}px, ${y}px)`;
    element.style.width = heading ? "100%" : `${shape.width}px`;
    element.style.height = `${heading ? shape.heading : shape.height}px`;
  }

  /** @param {string} id */
  build(id) {
    const element = fromTemplate("review-item");
    element.dataset.id = id;
    const image = /** @type {HTMLImageElement} */ (find(element, "img"));
    image.addEventListener("error", () => element.classList.add("bare"));
    return element;
  }

  /**
   * @param {HTMLElement} element
   * @param {number} index
   * @param {boolean} tabbable
   */
  fill(element, index, tabbable) {
    const { id, alert } = this.entries[index];
    const link = find(element, "a");
    link.tabIndex = tabbable ? 0 : -1;
    if (id === this.open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    const pick = /** @type {HTMLInputElement} */ (find(element, ".pick"));
    pick.checked = this.picked.has(id);
    element.classList.toggle("picked", pick.checked);
    element.setAttribute("aria-posinset", String(index + 1));
    element.setAttribute("aria-setsize", String(this.complete ? this.entries.length : -1));
    element.classList.toggle("pending", alert === null);
    if (alert !== null) fillAlert(element, alert);
  }

  /** The day of what is at the top, over the list. @param {number} y */
  drawPinned(y) {
    const { rows } = this.layout;
    const row = rows[this.layout.rowAt(Math.max(0, y))];
    this.pinned.hidden = false;
    setText(this.pinned, longDay(this.entries[row.first].time));
  }

  /** @param {Event} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const id = idOf(target);
    const { shiftKey, ctrlKey, metaKey } = /** @type {MouseEvent} */ (event);
    if (id === null) return;
    if (target.closest(".pick") !== null) {
      this.events.onPick(id, shiftKey);
    } else if (shiftKey) {
      event.preventDefault();
      this.events.onPick(id, true);
    } else if (!ctrlKey && !metaKey && target.closest("a") !== null) {
      event.preventDefault();
      this.events.onOpen(id);
    }
  }

  /** Makes an alert the one that Tab comes to. @param {string} id */
  move(id) {
    this.current = id;
    for (const [key, element] of this.elements) {
      if (element.dataset.id !== undefined) find(element, "a").tabIndex = key === id ? 0 : -1;
    }
  }

  /** Brings an alert into view. @param {number} index */
  reveal(index) {
    const { scroller, layout } = this;
    if (this.entries[index] === undefined || layout.rowOf[index] === undefined) return;
    const { y } = layout.placeOf(index);
    const head = layout.shape.heading;
    const foot = y + layout.shape.height;
    if (y - head < scroller.scrollTop) scroller.scrollTop = y - head;
    else if (foot > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = foot - scroller.clientHeight + layout.shape.gap;
  }

  /** Brings an alert into view and the keyboard to it. @param {number} index */
  focus(index) {
    const entry = this.entries[index];
    if (entry === undefined) return;
    this.move(entry.id);
    this.reveal(index);
    this.draw();
    const element = this.elements.get(entry.id);
    if (element !== undefined) find(element, "a").focus({ preventScroll: true });
  }

  /** Where the keyboard is; the first in view if it is nowhere. */
  get place() {
    const known = this.entries.findIndex(({ id }) => id === this.current);
    if (known !== -1) return known;
    return this.layout.rows[this.layout.rowAt(this.scroller.scrollTop)]?.first ?? -1;
  }

  /** Whether the keyboard is in it. */
  get focused() {
    return this.list.contains(document.activeElement);
  }

  /** Rows that fit in the view, for Page Up and Page Down. */
  get pageRows() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / (this.layout.shape.height + this.layout.shape.gap)) - 1);
  }
}

/** @param {Element|null} element */
function idOf(element) {
  return /** @type {HTMLElement|null} */ (element?.closest(".review-item") ?? null)?.dataset.id ?? null;
}

/**
 * @param {HTMLElement} element
 * @param {Alert} alert
 */
function fillAlert(element, alert) {
  const opened = Date.parse(alert.opened_at);
  element.dataset.kind = alert.kind;
  element.dataset.verdict = alert.verdict ?? "none";
  element.dataset.state = alert.state;
  const time = find(element, "time");
  time.setAttribute("datetime", alert.opened_at);
  setText(time, clock(opened));
  setText(find(element, ".item-camera"), alert.stream_name);
  setText(find(element, ".item-message"), alert.message);
  setText(find(element, ".item-length"), lengthOf(alert));
  setText(find(element, ".item-score"), alert.peak_score === null ? "" : `peak ${scoreText(alert.peak_score)}`);
  find(element, ".pick").setAttribute("aria-label", `Select ${alert.stream_name}, ${clock(opened)}`);
  fillVerdict(find(element, ".item-verdict"), alert);
  const link = /** @type {HTMLAnchorElement} */ (find(element, "a"));
  link.href = `#review/${alert.id}`;
  fillPicture(element, alert);
}

/** @param {Alert} alert */
export function lengthOf(alert) {
  return alert.closed_at === null ? "Open now" : duration((Date.parse(alert.closed_at) - Date.parse(alert.opened_at)) / 1000);
}

/**
 * @param {HTMLElement} element
 * @param {Alert} alert
 */
export function fillVerdict(element, alert) {
  const verdict = alert.verdict ?? "none";
  if (element.dataset.verdict === verdict) return;
  element.dataset.verdict = verdict;
  const image = { none: "live", confirmed: "check", false_alarm: "cross" }[verdict];
  element.replaceChildren(icon(image), create("span", { text: VERDICTS[verdict] }));
}

/**
 * @param {HTMLElement} element
 * @param {Alert} alert
 */
function fillPicture(element, alert) {
  const image = /** @type {HTMLImageElement} */ (find(element, "img"));
  setText(find(element, ".item-kind"), alert.snapshot === null ? (KINDS[alert.kind] ?? "No picture") : "");
  const address = alert.snapshot === null ? "" : alertPicture(alert);
  if (image.getAttribute("src") === address) return;
  element.classList.toggle("bare", address === "");
  if (address === "") image.removeAttribute("src");
  else image.src = address;
}

/**
 * The review: finding alerts, looking at them one by one, and saying what they were.
 *
 * What it shows stands in the page's address, so that every list and every alert has a link.
 */

import { alertDays, alertPicture, countAlerts, Problem } from "./api.js";
import { dialog } from "./dialogs.js";
import { find, setText } from "./dom.js";
import { counted } from "./format.js";
import { FoundAlerts } from "./found-alerts.js";
import { ReviewAlert } from "./review-alert.js";
import { ReviewFilters } from "./review-filters.js";
import { press } from "./review-keys.js";
import { ReviewList } from "./review-list.js";
import { between, countFilters, dayOf, filterOf, readHash, sameFilter, startOfDay, writeHash } from "./review-state.js";
import { Selection } from "./selection.js";
import { Verdicts } from "./verdicts.js";

/** @typedef {import("./review-state.js").ReviewState} ReviewState */
/** @typedef {import("./api.js").Alert} Alert */

/** After the last key of a search. */
const SEARCH_MS = 250;
/** A pointer that moved over the list so lately means that someone looks at it: nothing may move under it. */
const LOOKING_MS = 10_000;
/** Counts follow verdicts by so much: one question for a burst of them. */
const COUNT_MS = 150;
/** What needs no answer goes by itself. */
const SAID_MS = 5000;

export class Review {
  /**
   * @param {object} events
   * @param {() => Iterable<{id: string, name: string}>} events.cameras that are there
   * @param {() => void} events.onJudged
   */
  constructor({ cameras, onJudged }) {
    this.element = find(document, "#review");
    this.cameras = cameras;
    /** What it shows; null before it was ever shown. @type {ReviewState|null} */
    this.state = null;
    this.visible = false;
    /** Ends when the list of the present filter has begun. @type {Promise<void>} */
    this.listed = Promise.resolve();
    /** Ends when the open alert is shown and placed among the others. @type {Promise<void>} */
    this.showing = Promise.resolve();
    /** What the newest alerts were when one last looked for news. */
    this.told = "";
    this.counts = { alerts: 0, unreviewed: 0 };
    this.countTimer = 0;
    this.searchTimer = 0;
    this.saidTimer = 0;
    this.pointed = Number.NEGATIVE_INFINITY;
    /** Whether the list lies in the history under the alert that is open. */
    this.openedHere = false;
    this.selection = new Selection();
    this.found = new FoundAlerts(() => this.render());
    this.verdicts = new Verdicts(this.found, {
      onSaid: ({ count, text, undoable }) => {
        // An open alert shows by itself what was said of it.
        this.tell(count === 1 && this.state?.alert !== null ? "" : text, undoable);
        this.countSoon();
        onJudged();
      },
      onProblem: (problem) => this.tell(problem, false, true),
    });
    this.filters = new ReviewFilters(find(this.element, ".review-filters"), {
      onChange: (change) => this.go(change),
      onMonth: () => void this.countDays(),
    });
    this.list = new ReviewList(find(this.element, ".review-scroll"), {
      onOpen: (id) => this.open(id),
      onPick: (id, range) => this.pick(id, range),
      onLook: (first, last, nearEnd) => this.look(first, last, nearEnd),
    });
    this.alert = new ReviewAlert(find(this.element, ".review-alert"), {
      onStep: (steps) => void this.step(steps),
      onVerdict: (id, verdict) => void this.verdicts.judge([id], verdict),
      onTakeBack: (id) => void this.verdicts.takeBack(id),
      onClose: () => this.close(),
      onChanged: (alert) => this.found.change(alert),
      exists: (stream) => [...cameras()].some(({ id }) => id === stream),
    });
    this.search = /** @type {HTMLInputElement} */ (find(this.element, "#review-search"));
    this.prepare();
  }

  prepare() {
    const { element } = this;
    this.search.addEventListener("input", () => {
      clearTimeout(this.searchTimer);
      this.searchTimer = setTimeout(() => this.go({ text: this.search.value }, true), SEARCH_MS);
    });
    for (const button of element.querySelectorAll("[data-layout-of]")) {
      button.addEventListener("click", () => this.go({ layout: button.getAttribute("data-layout-of") === "list" ? "list" : "grid" }, true));
    }
    find(element, ".filters-toggle").addEventListener("click", () => this.showFilters(!element.classList.contains("filtering")));
    find(element, ".filters-done").addEventListener("click", () => this.showFilters(false));
    find(element, ".keys").addEventListener("click", () => dialog("keys-dialog").showModal());
    find(element, ".review-news").addEventListener("click", () => this.admit());
    find(element, ".try-again").addEventListener("click", () => this.begin());
    find(element, ".show-all").addEventListener("click", () => find(element, ".clear").click());
    find(element, ".undo-last").addEventListener("click", () => this.undo());
    find(element, ".undo-close").addEventListener("click", () => this.tell("", false));
    for (const button of element.querySelectorAll("[data-judge]")) {
      const verdict = button.getAttribute("data-judge") === "confirmed" ? "confirmed" : "false_alarm";
      button.addEventListener("click", () => void this.judgePicked(verdict));
    }
    find(element, ".unpick").addEventListener("click", () => this.unpick());
    find(element, ".review-scroll").addEventListener("pointermove", () => (this.pointed = performance.now()), { passive: true });
    document.addEventListener("keydown", (event) => this.visible && press(event, this.commands));
  }

  /** @type {import("./review-keys.js").Commands} */
  get commands() {
    return {
      isOpen: () => this.state?.alert !== null,
      inList: () => this.list.focused,
      step: (steps) => void this.step(steps),
      move: (key, extend) => this.move(key, extend),
      pick: () => this.atHand !== null && this.pick(this.atHand, false),
      pickAll: () => {
        this.selection.all(this.order);
        this.render();
      },
      judge: (verdict) => void (this.state?.alert === null && this.selection.size > 0 ? this.judgePicked(verdict) : this.judge(verdict)),
      undo: () => (this.state?.alert === null ? this.undo() : this.alert.takeBack()),
      back: () => this.back(),
      search: () => this.search.focus(),
      note: () => this.alert.note.focus(),
      copy: () => void this.alert.copyLink(),
      help: () => dialog("keys-dialog").showModal(),
    };
  }

  /** Ids as they are listed. */
  get order() {
    return this.found.entries.map(({ id }) => id);
  }

  /** The alert that keys are about: the open one, else the one in the list that the keyboard is at. */
  get atHand() {
    return this.state?.alert ?? (this.list.focused ? this.list.current : null);
  }

  /**
   * Shows what an address asks for.
   * @param {string} hash
   * @returns {boolean} whether it is one of the review's
   */
  route(hash) {
    const state = readHash(hash);
    this.visible = state !== null;
    this.element.hidden = state === null;
    if (state !== null) this.take(state);
    return this.visible;
  }

  /**
   * Another view of the alerts, and its address.
   * @param {Partial<ReviewState>} change
   * @param {boolean} [replace] whether the last one needs no way back
   */
  go(change, replace = false) {
    if (this.state === null) return;
    const state = { ...this.state, ...change };
    const hash = writeHash(state);
    if (replace) history.replaceState(history.state, "", hash);
    else history.pushState(null, "", hash);
    this.take(state);
  }

  /** @param {ReviewState} state */
  take(state) {
    const before = this.state;
    this.state = state;
    const anew = before === null || !sameFilter(before, state);
    if (this.search.value.trim() !== state.text.trim()) this.search.value = state.text;
    this.filters.setCameras(this.cameras(), state.cameras);
    this.filters.show(state);
    for (const button of this.element.querySelectorAll("[data-layout-of]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-layout-of") === state.layout));
    }
    if (anew) this.begin();
    const opened = state.alert !== (before?.alert ?? null);
    this.element.classList.toggle("with-alert", state.alert !== null);
    find(this.element, ".review-alert").hidden = state.alert === null;
    if (state.alert === null || anew) this.openedHere = false;
    if (state.alert !== null && (opened || anew)) this.showing = this.showAlert(state.alert, before?.alert === null);
    else if (opened && before?.alert) this.list.focus(this.found.indexOf(before.alert));
    this.render();
  }

  /** Asks for the list of the present filter. */
  begin() {
    if (this.state === null) return;
    this.selection.clear();
    this.tell("", false);
    this.list.scroller.scrollTop = 0;
    this.listed = this.found.restart(filterOf(this.state));
    void this.count();
  }

  /**
   * Looks for what opened or changed, unless the newest alerts say that nothing did.
   * @param {Alert[]} newest of all, whatever the filter
   * @param {number} unreviewed of all
   */
  async news(newest, unreviewed) {
    if (!this.visible || this.state === null) return;
    const told = JSON.stringify([unreviewed, newest.map(({ id, updated_at, reviewed_at, note }) => [id, updated_at, reviewed_at, note])]);
    if (told === this.told) return;
    const first = this.told === "";
    this.told = told;
    // The list has just begun with the same ones.
    if (first && newest.every(({ id, updated_at }) => this.found.find(id)?.alert?.updated_at === updated_at)) return;
    await this.found.refresh(this.engaged);
    await this.count();
  }

  /** Cameras came, went or were named anew. */
  camerasChanged() {
    if (this.state === null) return;
    this.filters.setCameras(this.cameras(), this.state.cameras);
    this.render();
  }

  /** Whether someone is at something that new alerts would push away. */
  get engaged() {
    const { scroller, focused } = this.list;
    const pointing = performance.now() - this.pointed < LOOKING_MS;
    return this.state?.alert !== null || focused || this.selection.size > 0 || scroller.scrollTop > 0 || pointing;
  }

  /** Shows the new ones that wait. */
  admit() {
    this.list.scroller.scrollTop = 0;
    this.list.current = null;
    this.found.admit();
    this.list.focus(0);
  }

  countSoon() {
    clearTimeout(this.countTimer);
    this.countTimer = setTimeout(() => void this.count(), COUNT_MS);
  }

  async count() {
    const { state } = this;
    if (state === null) return;
    try {
      const [counts] = await Promise.all([countAlerts(filterOf(state)), this.countDays()]);
      if (this.state === null || !sameFilter(state, this.state)) return;
      this.counts = counts;
      this.render();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // What the list says of it, or the banner of the lost connection, is enough.
    }
  }

  async countDays() {
    const { state } = this;
    if (state === null) return;
    const span = this.filters.calendar.span;
    const filter = { ...filterOf({ ...state, day: null }), ...between(...span) };
    try {
      const days = await alertDays(filter, Intl.DateTimeFormat().resolvedOptions().timeZone);
      if (this.filters.calendar.span[0].getTime() !== span[0].getTime()) return;
      this.filters.calendar.setCounts(new Map(days.map(({ day, alerts, unreviewed }) => [day, { alerts, unreviewed }])));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  render() {
    const { state, element, found } = this;
    if (state === null || !this.visible) return;
    const none = found.entries.length === 0;
    const filters = countFilters(state);
    this.list.show({ entries: found.entries, complete: found.complete, layout: state.alert === null ? state.layout : "list", picked: this.selection.ids, open: state.alert });
    setText(find(element, ".review-count"), none && !found.complete ? "" : `${counted(this.counts.alerts, "alert")}, ${this.counts.unreviewed} to review`);
    find(element, ".review-none").hidden = !(none && found.complete);
    setText(find(element, ".review-none p"), filters === 0 ? "No alerts yet. They appear here as they open." : "No alert fits these filters.");
    find(element, ".show-all").hidden = filters === 0;
    find(element, ".review-problem").hidden = found.problem === null;
    setText(find(element, ".review-problem p"), found.problem ?? "");
    const news = find(element, ".review-news");
    news.hidden = found.waiting.length === 0;
    setText(find(news, "span"), counted(found.waiting.length, "new alert"));
    const toggle = find(element, ".filters-toggle .count");
    toggle.hidden = filters === 0;
    setText(toggle, String(filters));
    this.renderPicked();
    const alert = found.find(this.alert.shown ?? "")?.alert ?? null;
    if (alert !== null) this.fillAlert(alert);
  }

  renderPicked() {
    const { size } = this.selection;
    find(this.element, ".review-picked").hidden = size === 0 || this.state?.alert !== null;
    setText(find(this.element, ".picked-count"), `${size} selected`);
    this.element.classList.toggle("picking", size > 0);
  }

  /**
   * @param {number} first
   * @param {number} last
   * @param {boolean} nearEnd
   */
  look(first, last, nearEnd) {
    const { found } = this;
    if (found.problem !== null) return;
    if (nearEnd && !found.complete && !found.loading) void found.more();
    else void found.look(first, last);
  }

  /** @param {string} id */
  open(id) {
    if (this.state?.alert === id) return;
    const beside = this.state?.alert !== null;
    this.list.move(id);
    if (!beside) this.openedHere = true;
    this.go({ alert: id }, beside);
  }

  /** Back to the list. */
  close() {
    if (this.state?.alert === null) return;
    if (this.openedHere) history.back();
    else this.go({ alert: null }, true);
  }

  back() {
    if (this.element.classList.contains("filtering")) this.showFilters(false);
    else if (this.state?.alert !== null) this.close();
    else if (this.selection.size > 0) this.unpick();
    else if (document.activeElement === this.search) this.list.focus(this.list.place);
  }

  /**
   * @param {string} id
   * @param {boolean} focus whether the keyboard goes along
   */
  async showAlert(id, focus) {
    if (!this.found.find(id)?.alert) this.alert.wait();
    try {
      const alert = await this.found.whole(id);
      if (this.state?.alert !== id) return;
      this.fillAlert(alert);
      if (focus || document.activeElement === document.body) this.alert.title.focus({ preventScroll: true });
      find(this.element, ".review-alert").scrollTop = 0;
      await this.listed;
      const placed = await this.found.seek(id);
      if (this.state?.alert !== id) return;
      const day = dayOf(new Date(Date.parse(alert.opened_at)));
      // Too far back to load all that is newer: the list of its day has its neighbours.
      if (!placed && this.state.day === null && startOfDay(day) !== null) return this.go({ day }, true);
      this.list.move(id);
      this.render();
      this.list.reveal(this.found.indexOf(id));
      this.fillAlert(this.found.find(id)?.alert ?? alert);
      this.fetchNeighbours(id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.state?.alert === id) this.alert.fail(error.status === 404 ? "This alert is not there any more." : error.message);
    }
  }

  /** @param {Alert} alert */
  fillAlert(alert) {
    const place = this.found.indexOf(alert.id);
    this.alert.show(alert, {
      place,
      total: this.counts.alerts,
      newer: place > 0 || (place === 0 && this.found.waiting.length > 0),
      older: place >= 0 && (place + 1 < this.found.entries.length || !this.found.complete),
    });
  }

  /** So that the pictures are there when one goes on. @param {string} id */
  fetchNeighbours(id) {
    const place = this.found.indexOf(id);
    for (const at of [place + 1, place - 1]) {
      const alert = this.found.entries[at]?.alert;
      if (alert?.snapshot) new Image().src = alertPicture(alert);
    }
  }

  /** @param {number} steps 1 to the next older, -1 to the next newer */
  async step(steps) {
    const { found, list } = this;
    if (this.state?.alert === null) return list.focus(list.focused ? list.place + steps : list.place);
    const from = this.state?.alert ?? "";
    if (found.indexOf(from) === -1) await this.showing; // a key pressed before its neighbours are known
    if (found.indexOf(from) === 0 && steps < 0) found.admit();
    // More than once where something else was being asked for.
    while (found.indexOf(from) + steps >= found.entries.length && !found.complete && found.problem === null) await found.more();
    const to = found.entries[found.indexOf(from) + steps];
    if (to === undefined || found.indexOf(from) === -1 || this.state?.alert !== from) return;
    list.move(to.id);
    this.go({ alert: to.id }, true);
  }

  /**
   * Arrow keys and their like in the list.
   * @param {Parameters<import("./review-keys.js").Commands["move"]>[0]} key
   * @param {boolean} extend whether what one passes is selected
   */
  move(key, extend) {
    const { list, found } = this;
    const last = found.entries.length - 1;
    const { place, layout } = list;
    if (place === -1) return;
    const to = {
      left: () => place - 1,
      right: () => place + 1,
      up: () => layout.across(place, -1),
      down: () => layout.across(place, 1),
      pageUp: () => layout.across(place, -list.pageRows),
      pageDown: () => layout.across(place, list.pageRows),
      first: () => 0,
      last: () => last,
    }[key]();
    const index = Math.min(Math.max(to, 0), last);
    if (extend) {
      this.selection.anchor ??= found.entries[place].id;
      this.selection.extend(found.entries[index].id, this.order);
      this.render();
    }
    list.focus(index);
  }

  /**
   * @param {string} id
   * @param {boolean} range
   */
  pick(id, range) {
    if (range) this.selection.extend(id, this.order);
    else this.selection.toggle(id);
    this.list.move(id);
    this.render();
  }

  unpick() {
    this.selection.clear();
    this.render();
    if (!this.element.contains(document.activeElement) || document.activeElement === document.body) this.list.focus(this.list.place);
  }

  /** @param {"confirmed"|"false_alarm"} verdict */
  async judge(verdict) {
    if (this.atHand !== null) await this.verdicts.judge([this.atHand], verdict);
  }

  /** @param {"confirmed"|"false_alarm"} verdict */
  async judgePicked(verdict) {
    const ids = this.order.filter((id) => this.selection.ids.has(id));
    this.unpick();
    this.list.focus(this.list.place);
    await this.verdicts.judge(ids, verdict);
  }

  undo() {
    void this.verdicts.undo();
  }

  /**
   * What was done, with the way back.
   * @param {string} text empty for nothing
   * @param {boolean} undoable
   * @param {boolean} [failed]
   */
  tell(text, undoable, failed = false) {
    const bar = find(this.element, ".review-undo");
    clearTimeout(this.saidTimer);
    if (!undoable && !failed) this.saidTimer = setTimeout(() => (bar.hidden = true), SAID_MS);
    bar.classList.toggle("failed", failed);
    bar.hidden = text === "";
    setText(find(bar, "p"), text);
    find(bar, ".undo-last").hidden = !undoable;
  }

  /** @param {boolean} shown */
  showFilters(shown) {
    this.element.classList.toggle("filtering", shown);
    const toggle = find(this.element, ".filters-toggle");
    toggle.setAttribute("aria-expanded", String(shown));
    if (shown) find(this.element, ".review-filters button").focus();
    else toggle.focus();
  }
}

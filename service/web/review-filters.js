/** Which alerts the review shows: a day, cameras, verdicts, kinds. */

import { Calendar } from "./calendar.js";
import { create, find } from "./dom.js";
import { countFilters, KINDS, VERDICTS } from "./review-state.js";

/** @typedef {import("./review-state.js").ReviewState} ReviewState */

/** @typedef {"cameras"|"kinds"|"verdicts"} Choice */

export class ReviewFilters {
  /**
   * @param {HTMLElement} element
   * @param {object} events
   * @param {(change: Partial<ReviewState>) => void} events.onChange
   * @param {(first: Date, end: Date) => void} events.onMonth another month is shown
   */
  constructor(element, { onChange, onMonth }) {
    this.element = element;
    this.calendar = new Calendar(find(element, ".calendar"), { onDay: (day) => onChange({ day }), onMonth });
    /** Names of cameras by their ids, those that are deleted too. @type {Map<string, string>} */
    this.names = new Map();
    this.fill("verdicts", Object.entries(VERDICTS));
    this.fill("kinds", Object.entries(KINDS));
    for (const choice of /** @type {Choice[]} */ (["verdicts", "cameras", "kinds"])) {
      this.box(choice).addEventListener("change", () => onChange({ [choice]: this.chosen(choice) }));
    }
    find(element, ".clear").addEventListener("click", () => onChange({ day: null, cameras: [], kinds: [], verdicts: [], text: "" }));
  }

  /** @param {Choice} choice */
  box(choice) {
    return find(this.element, `[data-choice=${choice}]`);
  }

  /** @param {Choice} choice */
  inputs(choice) {
    return /** @type {HTMLInputElement[]} */ ([...this.box(choice).querySelectorAll("input")]);
  }

  /** @param {Choice} choice */
  chosen(choice) {
    return this.inputs(choice).filter(({ checked }) => checked).map(({ value }) => value);
  }

  /**
   * @param {Choice} choice
   * @param {[string, string][]} options value and text
   */
  fill(choice, options) {
    const checked = new Set(this.chosen(choice));
    const labels = options.map(([value, text]) => {
      const input = /** @type {HTMLInputElement} */ (create("input"));
      Object.assign(input, { type: "checkbox", value, checked: checked.has(value) });
      return create("label", { class: "check", title: text }, input, create("span", { text }));
    });
    this.box(choice).replaceChildren(...labels);
  }

  /**
   * @param {Iterable<{id: string, name: string}>} cameras
   * @param {string[]} chosen ids, whose cameras may be deleted
   */
  setCameras(cameras, chosen) {
    const names = new Map([...cameras].map(({ id, name }) => /** @type {[string, string]} */ ([id, name])));
    for (const id of chosen) if (!names.has(id)) names.set(id, `${this.names.get(id) ?? "A camera"} (deleted)`);
    const [before, after] = [this.names, names].map((map) => JSON.stringify([...map]));
    if (before === after) return;
    this.names = names;
    this.fill("cameras", [...names].sort(([, a], [, b]) => a.localeCompare(b)));
    find(this.element, ".no-cameras").hidden = names.size > 0;
  }

  /** @param {ReviewState} state */
  show(state) {
    this.calendar.choose(state.day);
    for (const choice of /** @type {Choice[]} */ (["verdicts", "cameras", "kinds"])) {
      /** @type {string[]} */
      const wanted = state[choice];
      for (const input of this.inputs(choice)) input.checked = wanted.includes(input.value);
    }
    find(this.element, ".clear").hidden = countFilters(state) === 0;
  }
}

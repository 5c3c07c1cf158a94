/** Moments of what was learned from, each a picture that can be left out of what is normal, or kept. */

import * as api from "./api.js";
import { create, find, icon, setText } from "./dom.js";
import { capitalised, moment as momentText, score as scoreText, span } from "./format.js";

/** @typedef {import("./api.js").Moment} Moment */
/** @typedef {import("./api.js").MomentChoice} MomentChoice */

/** @type {[MomentChoice, string][]} */
const CHOICES = [
  ["leave_out", "Leave out"],
  ["keep", "Keep as normal"],
];

export class Moments {
  /**
   * @param {HTMLElement} list
   * @param {(moment: Moment, choice: MomentChoice|null) => void} onChoice
   */
  constructor(list, onChoice) {
    this.list = list;
    this.onChoice = onChoice;
    /** By id, what is shown of each. @type {Map<string, HTMLElement>} */
    this.items = new Map();
  }

  /**
   * Shows these. What stays keeps its element, and with it the focus.
   * @param {Moment[]} moments
   */
  show(moments) {
    const ids = new Set(moments.map(({ id }) => id));
    for (const [id, item] of this.items) {
      if (ids.has(id)) continue;
      item.remove();
      this.items.delete(id);
    }
    moments.forEach((moment, index) => {
      const item = this.items.get(moment.id) ?? this.add(moment);
      this.update(item, moment);
      if (this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
    });
  }

  /** @param {Moment} moment */
  add(moment) {
    const picture = moment.picture === null ? icon("unlearned") : create("img", { class: "moment-picture" });
    if (moment.picture !== null && picture instanceof HTMLImageElement) {
      picture.alt = "";
      picture.src = api.url(moment.picture);
    }
    const group = create("div", { class: "verdict" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `Is this normal here? ${placed(moment)}`);
    const item = create(
      "li",
      { class: "moment" },
      picture,
      create("p", { class: "moment-when", text: placed(moment) }),
      create("p", { class: "moment-why", text: moment.why === null ? "Unlike the rest" : capitalised(moment.why) }),
      create("p", { class: "hint moment-state" }),
      group,
    );
    item.dataset.id = moment.id;
    for (const [choice, text] of CHOICES) {
      const button = create("button", { text });
      button.setAttribute("type", "button");
      button.dataset.choice = choice;
      button.addEventListener("click", () => this.onChoice(this.momentOf(item), choice));
      group.append(button);
    }
    const undo = create("button", { class: "plain take-back", text: "Take back" });
    undo.setAttribute("type", "button");
    undo.addEventListener("click", () => {
      this.onChoice(this.momentOf(item), null);
      /** @type {HTMLElement} */ (find(group, "button")).focus();
    });
    group.append(undo);
    this.items.set(moment.id, item);
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {Moment} moment
   */
  update(item, moment) {
    this.known.set(item, moment);
    const out = moment.choice === null ? moment.left_out : moment.choice === "leave_out";
    item.dataset.out = String(out);
    const score = moment.score === null ? "" : `, score ${scoreText(moment.score)}`;
    const who = moment.choice === null ? "" : " by you";
    setText(find(item, ".moment-state"), `${out ? "Left out" : "Kept"}${who}${score}`);
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (item.querySelectorAll("[data-choice]"))) {
      button.setAttribute("aria-pressed", String((button.dataset.choice === "leave_out") === out));
    }
    find(item, ".take-back").hidden = moment.choice === null;
  }

  /**
   * @param {HTMLElement} item
   * @returns {Moment}
   */
  momentOf(item) {
    const moment = this.known.get(item);
    if (moment === undefined) throw new Error("an item of no moment");
    return moment;
  }

  /** What each item shows now. @type {WeakMap<HTMLElement, Moment>} */
  known = new WeakMap();
}

/**
 * When a moment was: by the clock, or within its recording.
 * @param {Moment} moment
 */
function placed(moment) {
  if (moment.at !== null) return momentText(Date.parse(moment.at), Date.now());
  const time = span(moment.begin_s, moment.end_s);
  return moment.recording === null ? time : `${moment.recording}, ${time}`;
}

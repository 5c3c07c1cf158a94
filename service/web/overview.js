/** All cameras at a glance: what is wrong first, in the order, the groups and the selection that somebody chose. */

import { newestAlert } from "./api.js";
import { arranged, DEFAULT_CHOICE, GROUPINGS, ORDERS } from "./camera-order.js";
import { keep, recall } from "./choice-memory.js";
import { condition, KIND_NAMES, KINDS } from "./condition.js";
import { create, find, icon, setText } from "./dom.js";
import { counted, number } from "./format.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./camera-tile.js").CameraTile} CameraTile */
/** @typedef {import("./camera-order.js").Choice} Choice */
/** @typedef {import("./camera-order.js").Group} Group */

/** From so many cameras on there is something to choose from. */
const CHOICE_FROM = 2;

export class Overview {
  /** @param {ReadonlyMap<string, CameraTile>} tiles of all cameras, by id */
  constructor(tiles) {
    this.tiles = tiles;
    this.choice = recall();
    this.groups = find(document, "#groups");
    this.form = /** @type {HTMLFormElement} */ (find(document, "#choice"));
    this.leftOut = find(document, "#left-out");
    this.summary = find(document, "#summary");
    /** Cameras that did not watch when the page last looked. @type {Set<string>|null} */
    this.faulty = null;
    this.fill();
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.choose(this.read()));
    find(this.leftOut, "button").addEventListener("click", () => {
      this.choose({ ...this.choice, state: "all", find: "" });
      this.field("find").focus();
    });
    globalThis.addEventListener("popstate", () => this.revisit());
  }

  /** What the page's address says after going back or forth. */
  revisit() {
    this.choice = recall();
    this.fill();
    this.arrange();
  }

  /** @param {Choice} choice */
  choose(choice) {
    this.choice = choice;
    keep(choice);
    this.fill();
    this.arrange();
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement|HTMLSelectElement}
   */
  field(name) {
    return find(this.form, `[name=${name}]`);
  }

  fill() {
    for (const [name, value] of Object.entries(this.choice)) {
      const field = this.field(name);
      if (field.value !== value) field.value = value;
    }
  }

  /** @returns {Choice} */
  read() {
    const value = (/** @type {string} */ name) => this.field(name).value;
    return {
      order: ORDERS.find((one) => one === value("order")) ?? DEFAULT_CHOICE.order,
      group: GROUPINGS.find((one) => one === value("group")) ?? DEFAULT_CHOICE.group,
      state: KINDS.find((one) => one === value("state")) ?? DEFAULT_CHOICE.state,
      find: value("find"),
    };
  }

  /** Shows every camera where it belongs now. */
  arrange() {
    const cameras = [...this.tiles.values()].map(({ camera }) => camera);
    const groups = arranged(cameras, this.choice);
    const shown = new Set(groups.flatMap((group) => group.cameras));
    for (const { camera, element } of this.tiles.values()) if (!shown.has(camera)) element.remove();
    this.place(groups);
    this.tellLeftOut(cameras.length, shown.size);
    this.form.hidden = cameras.length < CHOICE_FROM;
    find(document, "#empty").hidden = cameras.length > 0;
    this.summarize(cameras);
    this.announce(cameras);
    if (this.choice.order === "alert") void this.learnNewestAlerts(cameras);
  }

  /**
   * Says for those who listen to the page which cameras have ceased to watch since it last looked.
   * @param {Camera[]} cameras
   */
  announce(cameras) {
    const faulty = cameras.filter((camera) => condition(camera).kind === "fault");
    const known = this.faulty;
    // While nothing is known of any camera, none has come or gone.
    if (cameras.some((camera) => !camera.connected)) return;
    this.faulty = new Set(faulty.map(({ id }) => id));
    if (known === null) return;
    const texts = faulty.filter(({ id }) => !known.has(id)).map((camera) => `${camera.stream.name} is not watching. ${condition(camera).message}`);
    if (texts.length > 0) find(document, "#announce").replaceChildren(create("span", { text: texts.join(" ") }));
  }

  /**
   * When each camera's newest alert opened; what comes later is told by their scores.
   * @param {Camera[]} cameras
   */
  async learnNewestAlerts(cameras) {
    const unknown = cameras.filter((camera) => camera.alertedAt === null);
    for (const camera of unknown) camera.alertedAt = 0;
    const answers = await Promise.allSettled(unknown.map(learnNewestAlert));
    if (unknown.length > 0 && answers.some(({ status }) => status === "fulfilled")) this.arrange();
  }

  /**
   * Moves only what stands elsewhere, because what moves loses its focus.
   * @param {Group[]} groups
   */
  place(groups) {
    const focused = document.activeElement;
    groups.forEach((group, index) => {
      const section = this.groups.children[index] ?? this.groups.appendChild(emptySection());
      showHeading(section, group, groups.length);
      const grid = find(section, ".grid");
      group.cameras.forEach((camera, at) => {
        const element = this.tiles.get(camera.id)?.element;
        if (element !== undefined && grid.children[at] !== element) grid.insertBefore(element, grid.children[at] ?? null);
      });
    });
    for (const section of [...this.groups.children].slice(groups.length)) section.remove();
    if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  /**
   * A selection that hides cameras says so.
   * @param {number} all
   * @param {number} shown
   */
  tellLeftOut(all, shown) {
    this.leftOut.hidden = shown === all;
    const text = shown === 0 ? "No camera is like that." : `Showing ${number(shown)} of ${counted(all, "camera")}.`;
    setText(find(this.leftOut, "span"), text);
  }

  /**
   * How many are not watching, at the top of the page; a press shows them alone.
   * @param {Camera[]} cameras
   */
  summarize(cameras) {
    const counts = new Map(KINDS.map((kind) => [kind, cameras.filter((camera) => condition(camera).kind === kind).length]));
    const faults = counts.get("fault") ?? 0;
    const text = summaryOf(cameras.length, counts);
    const shown = `${faults} of ${cameras.length}: ${text}`;
    if (this.summary.dataset.shown === shown) return;
    this.summary.dataset.shown = shown;
    const said = create("span", { text });
    if (faults === 0) return this.summary.replaceChildren(said);
    const button = create("button", { class: "faults", title: "Show only these cameras" }, icon("warning"), `${number(faults)} of ${number(cameras.length)} not watching`);
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      location.hash = "";
      this.choose({ ...this.choice, state: "fault", find: "" });
    });
    this.summary.replaceChildren(button, said);
  }
}

function emptySection() {
  return create("section", { class: "group" }, create("h2"), create("div", { class: "grid" }));
}

/**
 * @param {Element} section
 * @param {Group} group
 * @param {number} groups how many there are: one alone needs no heading, but for faults
 */
function showHeading(section, { title, kind, cameras }, groups) {
  const heading = find(section, "h2");
  heading.hidden = title === "" || (groups === 1 && kind !== "fault");
  section.setAttribute("data-kind", kind ?? "");
  const text = `${title} ${number(cameras.length)}`;
  if (heading.textContent === text && heading.dataset.kind === (kind ?? "")) return;
  heading.dataset.kind = kind ?? "";
  heading.replaceChildren(...(kind === "fault" ? [icon("warning")] : []), `${title} `, create("span", { class: "number", text: number(cameras.length) }));
}

/**
 * What there is to say beside the faults.
 * @param {number} all
 * @param {Map<string, number>} counts of cameras by kind
 */
function summaryOf(all, counts) {
  if (all === 0) return "";
  if ((counts.get("unknown") ?? 0) > 0) return `${counted(all, "camera")}, no connection`;
  if (counts.get("watching") === all) return all === 1 ? "1 camera, watching" : `All ${number(all)} cameras watching`;
  const kinds = KINDS.filter((kind) => kind !== "fault" && (counts.get(kind) ?? 0) > 0);
  return kinds.map((kind) => `${number(counts.get(kind) ?? 0)} ${KIND_NAMES[kind].toLowerCase()}`).join(", ");
}

/** @param {Camera} camera */
async function learnNewestAlert(camera) {
  try {
    const [newest] = await newestAlert(camera.id);
    if (newest !== undefined) camera.alerted(Date.parse(newest.opened_at));
  } catch (error) {
    camera.alertedAt = null;
    throw error;
  }
}

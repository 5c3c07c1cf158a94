/**
 * Drawing zones on the picture. The corners of the chosen zone are buttons: they are dragged with a pointer or
 * moved with the arrow keys; Delete takes one away, and the small ones between them add one. What else there is to a
 * zone, and saving, is in a bar that stays in view beside the picture.
 */

import { changeRule, updateStream } from "./api.js";
import { confirm } from "./dialogs.js";
import { create, find, setText } from "./dom.js";
import { clearProblem, refuse, submit } from "./forms.js";
import { crossesItself } from "./polygon.js";

/** @typedef {import("./api.js").Zone} Zone */
/** @typedef {import("./camera.js").Camera} Camera */

const SVG = "http://www.w3.org/2000/svg";
const KEY_STEP = 0.01;
const FEWEST_CORNERS = 3;
const MAX_CORNERS = 64;
const MAX_ZONES = 32;

/** Nothing counts in an ignored zone, only what is in a watched one; a marked one is only a place for rules. */
const MODES = /** @type {const} */ (["ignore", "watch", "mark"]);
const CROSSES = "The outline crosses itself. Move a corner so that it does not.";
const MODE_NAMES = { ignore: "ignored", watch: "watched", mark: "a place for rules" };

/**
 * @typedef {object} ZoneEvents
 * @property {(zone: string) => import("./api.js").Rule[]} rulesIn the rules that count only in a zone
 * @property {() => Promise<void>} onRulesMoved rules were changed along with the zones that they name
 * @property {(stream: import("./api.js").Stream) => void} onSaved
 */

export class ZoneEditor {
  /**
   * @param {HTMLElement} root the open camera's element
   * @param {Camera} camera
   * @param {ZoneEvents} events
   */
  constructor(root, camera, { rulesIn, onRulesMoved, onSaved }) {
    this.camera = camera;
    this.rulesIn = rulesIn;
    this.onRulesMoved = onRulesMoved;
    this.onSaved = onSaved;
    this.layer = /** @type {SVGSVGElement} */ (find(root, ".zone-layer"));
    this.handles = find(root, ".zone-handles");
    this.list = find(root, ".zone-list");
    this.addButton = find(root, ".zone-add");
    this.bar = /** @type {HTMLFormElement} */ (find(root, ".zone-bar"));
    this.name = /** @type {HTMLInputElement} */ (find(this.bar, "[name=zone-name]"));
    this.mode = /** @type {HTMLSelectElement} */ (find(this.bar, "[name=zone-mode]"));
    /** @type {Zone[]} */
    this.zones = [];
    /** What zones are called as they are saved. @type {Map<Zone, string>} */
    this.savedNames = new Map();
    /** @type {number|null} */
    this.chosen = null;
    this.changed = false;
    this.listen();
    this.reset();
  }

  listen() {
    this.addButton.addEventListener("click", () => this.add());
    find(this.bar, ".zone-undo").addEventListener("click", () => this.reset());
    find(this.bar, ".zone-remove").addEventListener("click", () => void this.remove());
    this.bar.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    this.name.addEventListener("input", () => this.alter((zone) => (zone.name = this.name.value)));
    this.mode.addEventListener("change", () => this.alter((zone) => (zone.mode = MODES.find((one) => one === this.mode.value) ?? "ignore")));
  }

  /** @returns {Zone|undefined} */
  get zone() {
    return this.chosen === null ? undefined : this.zones[this.chosen];
  }

  /** Goes back to what the service has. */
  reset() {
    this.zones = structuredClone(this.camera.stream.zones);
    this.savedNames = new Map(this.zones.map((zone) => [zone, zone.name]));
    this.chosen = null;
    this.changed = false;
    clearProblem(this.bar);
    this.render();
  }

  add() {
    const taken = new Set(this.zones.map((zone) => zone.name));
    let number = this.zones.length + 1;
    while (taken.has(`Zone ${number}`)) number += 1;
    this.zones.push({ name: `Zone ${number}`, mode: "ignore", polygon: [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]] });
    this.chosen = this.zones.length - 1;
    this.touch();
    this.render();
    // The next step is on the picture, which may be out of sight.
    /** @type {HTMLElement} */ (this.handles.firstElementChild).focus();
  }

  touch() {
    this.changed = true;
    this.renderBar();
  }

  /** @param {(zone: Zone) => void} change what to do to the chosen zone */
  alter(change) {
    if (this.zone === undefined) return;
    change(this.zone);
    this.touch();
    this.renderList();
    this.renderPolygons();
  }

  /** Deletes the chosen zone; where rules count only in it, not without asking. */
  async remove() {
    const zone = this.zone;
    if (zone === undefined) return;
    const rules = this.rulesIn(this.savedNames.get(zone) ?? zone.name);
    if (rules.length > 0 && !(await confirm(`Delete ${zone.name}?`, whatRulesLose(rules), "Delete"))) return;
    this.zones.splice(this.zones.indexOf(zone), 1);
    this.chosen = null;
    this.touch();
    this.render();
    this.addButton.focus();
  }

  async save() {
    await submit(this.bar, async () => {
      this.refuseWhatCannotBe();
      const renamed = this.zones.map((zone) => ({ rules: this.rulesIn(this.savedNames.get(zone) ?? ""), zone })).filter(({ rules, zone }) => rules.length > 0 && this.savedNames.get(zone) !== zone.name);
      const stream = await updateStream(this.camera.id, { zones: this.zones });
      this.onSaved(stream);
      // A rule names its zone: it follows a new name.
      for (const { rules, zone } of renamed) for (const rule of rules) await changeRule(this.camera.id, rule.id, { zone: zone.name });
      this.reset();
      if (renamed.length > 0) await this.onRulesMoved();
    });
  }

  /** What the service would refuse, said of the zone that it is about. */
  refuseWhatCannotBe() {
    const names = this.zones.map((zone) => zone.name.trim());
    const wrong = this.zones.findIndex((zone, index) => names[index] === "" || names.indexOf(names[index]) !== index || crossesItself(zone.polygon));
    if (wrong < 0) return;
    this.choose(wrong);
    if (names[wrong] === "") refuse({ "zone-name": "Enter a name." });
    if (names.indexOf(names[wrong]) !== wrong) refuse({ "zone-name": "Another zone has this name. Enter a different one." });
    refuse({ "": CROSSES });
  }

  render() {
    this.renderList();
    this.renderPolygons();
    this.renderHandles();
    this.renderBar();
  }

  /** The bar is there while a zone is chosen or something is not saved, and says at once what cannot be saved. */
  renderBar() {
    const zone = this.zone;
    this.bar.hidden = zone === undefined && !this.changed;
    find(this.bar, ".zone-fields").hidden = zone === undefined;
    find(this.bar, ".hint").hidden = zone === undefined;
    if (zone !== undefined) {
      if (this.name.value !== zone.name) this.name.value = zone.name;
      this.mode.value = zone.mode;
    }
    find(this.bar, ".zone-save").hidden = !this.changed;
    setText(find(this.bar, ".zone-undo"), this.changed ? "Discard" : "Done");
    this.addButton.hidden = this.zones.length >= MAX_ZONES;
    const crossing = this.zones.find(({ polygon }) => crossesItself(polygon));
    const problem = find(this.bar, ".form-error");
    if (crossing !== undefined) {
      problem.hidden = false;
      setText(problem, crossing === zone ? CROSSES : `${crossing.name}: ${CROSSES}`);
    } else if (problem.textContent?.endsWith(CROSSES)) problem.hidden = true;
  }

  renderList() {
    const rows = this.zones.map((zone, index) => {
      const button = create("button", { class: "zone-choose", title: "Change this zone" }, create("span", { class: "zone-name", text: zone.name || "(no name)" }), create("span", { class: "hint", text: MODE_NAMES[zone.mode] }));
      button.setAttribute("type", "button");
      button.setAttribute("aria-pressed", String(index === this.chosen));
      button.addEventListener("click", () => this.choose(this.chosen === index ? null : index));
      return create("li", {}, button);
    });
    const focused = [...this.list.children].findIndex((item) => item.contains(document.activeElement));
    this.list.replaceChildren(...rows);
    if (focused >= 0) /** @type {HTMLElement|null} */ (this.list.children[focused]?.firstElementChild ?? null)?.focus();
  }

  /** @param {number|null} index */
  choose(index) {
    if (this.chosen === index) return;
    this.chosen = index;
    this.render();
  }

  renderPolygons() {
    this.layer.replaceChildren(
      ...this.zones.map((zone, index) => {
        const polygon = document.createElementNS(SVG, "polygon");
        polygon.setAttribute("points", zone.polygon.map((point) => point.join(",")).join(" "));
        const crossing = crossesItself(zone.polygon) ? " crossing" : "";
        polygon.setAttribute("class", `zone ${zone.mode}${index === this.chosen ? " chosen" : ""}${crossing}`);
        polygon.addEventListener("click", () => this.choose(index));
        return polygon;
      }),
    );
  }

  renderHandles() {
    this.handles.replaceChildren();
    const zone = this.chosen === null ? undefined : this.zones[this.chosen];
    if (zone === undefined) return;
    zone.polygon.forEach((_, corner) => this.handles.append(this.cornerHandle(zone, corner)));
    if (zone.polygon.length >= MAX_CORNERS) return;
    zone.polygon.forEach((_, corner) => this.handles.append(this.middleHandle(zone, corner)));
  }

  /**
   * @param {Zone} zone
   * @param {number} corner
   */
  cornerHandle(zone, corner) {
    const handle = this.handle("corner", zone.polygon[corner], `Corner ${corner + 1} of ${zone.name}; arrow keys move it, Delete removes it`);
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = this.layer.getBoundingClientRect();
      this.move(zone, corner, handle, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
    handle.addEventListener("keydown", (event) => {
      const [x, y] = zone.polygon[corner];
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const step = steps[/** @type {keyof steps} */ (event.key)];
      if (step !== undefined) {
        event.preventDefault();
        this.move(zone, corner, handle, x + step[0] * KEY_STEP, y + step[1] * KEY_STEP);
      } else if ((event.key === "Delete" || event.key === "Backspace") && zone.polygon.length > FEWEST_CORNERS) {
        event.preventDefault();
        zone.polygon.splice(corner, 1);
        this.reshaped(Math.max(0, corner - 1));
      }
    });
    return handle;
  }

  /**
   * @param {Zone} zone
   * @param {number} corner the new corner comes after this one
   */
  middleHandle(zone, corner) {
    const [x, y] = zone.polygon[corner];
    const [nextX, nextY] = zone.polygon[(corner + 1) % zone.polygon.length];
    /** @type {[number, number]} */
    const middle = [(x + nextX) / 2, (y + nextY) / 2];
    const handle = this.handle("middle", middle, `Add a corner after corner ${corner + 1}`);
    handle.addEventListener("click", () => {
      zone.polygon.splice(corner + 1, 0, middle);
      this.reshaped(corner + 1);
    });
    return handle;
  }

  /** @param {number} focus the corner to go on with */
  reshaped(focus) {
    this.touch();
    this.renderPolygons();
    this.renderHandles();
    /** @type {HTMLElement} */ (this.handles.children[focus]).focus();
  }

  /**
   * @param {string} kind
   * @param {[number, number]} point
   * @param {string} title
   */
  handle(kind, point, title) {
    const handle = create("button", { class: kind, title });
    handle.setAttribute("type", "button");
    handle.setAttribute("aria-label", title);
    place(handle, point);
    return handle;
  }

  /**
   * @param {Zone} zone
   * @param {number} corner
   * @param {HTMLElement} handle
   * @param {number} x
   * @param {number} y
   */
  move(zone, corner, handle, x, y) {
    const point = /** @type {[number, number]} */ ([x, y].map((value) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000));
    zone.polygon[corner] = point;
    place(handle, point);
    const middles = [...this.handles.children].slice(zone.polygon.length);
    middles.forEach((middle, index) => {
      const [a, b] = [zone.polygon[index], zone.polygon[(index + 1) % zone.polygon.length]];
      place(/** @type {HTMLElement} */ (middle), [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
    });
    this.touch();
    this.renderPolygons();
  }
}

/**
 * @param {HTMLElement} handle
 * @param {[number, number]} point
 */
function place(handle, [x, y]) {
  handle.style.left = `${x * 100}%`;
  handle.style.top = `${y * 100}%`;
}

/** @param {import("./api.js").Rule[]} rules */
function whatRulesLose(rules) {
  const texts = rules.map(({ text }) => `“${text}”`).join(", ");
  return rules.length === 1 ? `The rule ${texts} counts only in this zone, and will no longer count anywhere.` : `The rules ${texts} count only in this zone, and will no longer count anywhere.`;
}

/**
 * Drawing zones on the picture. The corners of the chosen zone are buttons: they are dragged with a pointer or
 * moved with the arrow keys; Delete takes one away, and the small ones between them add one.
 */

import { Problem, updateStream } from "./api.js";
import { create, find, icon } from "./dom.js";

/** @typedef {import("./api.js").Zone} Zone */
/** @typedef {import("./camera.js").Camera} Camera */

const SVG = "http://www.w3.org/2000/svg";
const KEY_STEP = 0.01;
const FEWEST_CORNERS = 3;
const MAX_CORNERS = 64;
const MAX_ZONES = 32;

/** Nothing counts in an ignored zone, only what is in a watched one; a marked one is only a place for rules. */
const MODES = /** @type {const} */ (["ignore", "watch", "mark"]);

export class ZoneEditor {
  /**
   * @param {HTMLElement} root the open camera's element
   * @param {Camera} camera
   * @param {(stream: import("./api.js").Stream) => void} onSaved
   */
  constructor(root, camera, onSaved) {
    this.camera = camera;
    this.onSaved = onSaved;
    this.layer = /** @type {SVGSVGElement} */ (find(root, ".zone-layer"));
    this.handles = find(root, ".zone-handles");
    this.list = find(root, ".zone-list");
    this.addButton = find(root, ".zone-add");
    this.saveButton = find(root, ".zone-save");
    this.undoButton = find(root, ".zone-undo");
    const card = /** @type {HTMLElement} */ (this.list.closest(".card"));
    this.problem = find(card, ".form-error");
    /** @type {Zone[]} */
    this.zones = [];
    /** @type {number|null} */
    this.chosen = null;
    this.changed = false;
    this.addButton.addEventListener("click", () => this.add());
    this.saveButton.addEventListener("click", () => void this.save());
    this.undoButton.addEventListener("click", () => this.reset());
    this.reset();
  }

  /** Goes back to what the service has. */
  reset() {
    this.zones = structuredClone(this.camera.stream.zones);
    this.chosen = null;
    this.changed = false;
    this.problem.hidden = true;
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
    this.renderButtons();
  }

  async save() {
    this.problem.hidden = true;
    try {
      const stream = await updateStream(this.camera.id, { zones: this.zones });
      this.onSaved(stream);
      this.reset();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const texts = error.fields.map(({ field, message }) => `${field}: ${message}`);
      this.problem.textContent = texts.length > 0 ? texts.join(" ") : error.message;
      this.problem.hidden = false;
    }
  }

  render() {
    this.list.replaceChildren(...this.zones.map((zone, index) => this.row(zone, index)));
    this.renderPolygons();
    this.renderHandles();
    this.renderButtons();
  }

  renderButtons() {
    this.saveButton.hidden = !this.changed;
    this.undoButton.hidden = !this.changed;
    this.addButton.hidden = this.zones.length >= MAX_ZONES;
  }

  /**
   * @param {Zone} zone
   * @param {number} index
   */
  row(zone, index) {
    const name = /** @type {HTMLInputElement} */ (create("input"));
    name.value = zone.name;
    name.maxLength = 100;
    name.setAttribute("aria-label", "Zone's name");
    name.addEventListener("input", () => {
      zone.name = name.value;
      this.touch();
    });
    const mode = /** @type {HTMLSelectElement} */ (create("select"));
    mode.setAttribute("aria-label", "What the zone does");
    for (const value of MODES) mode.append(create("option", { text: value }));
    mode.value = zone.mode;
    mode.addEventListener("change", () => {
      zone.mode = MODES.find((one) => one === mode.value) ?? "ignore";
      this.touch();
      this.renderPolygons();
    });
    const remove = create("button", { class: "plain", title: "Remove" }, icon("close"));
    remove.setAttribute("type", "button");
    remove.setAttribute("aria-label", `Remove ${zone.name}`);
    remove.addEventListener("click", () => {
      this.zones.splice(index, 1);
      this.chosen = null;
      this.touch();
      this.render();
      this.addButton.focus();
    });
    const row = create("li", {}, name, mode, remove);
    row.addEventListener("focusin", () => this.choose(index));
    return row;
  }

  /** @param {number} index */
  choose(index) {
    if (this.chosen === index) return;
    this.chosen = index;
    this.renderPolygons();
    this.renderHandles();
  }

  renderPolygons() {
    this.layer.replaceChildren(
      ...this.zones.map((zone, index) => {
        const polygon = document.createElementNS(SVG, "polygon");
        polygon.setAttribute("points", zone.polygon.map((point) => point.join(",")).join(" "));
        polygon.setAttribute("class", `zone ${zone.mode}${index === this.chosen ? " chosen" : ""}`);
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

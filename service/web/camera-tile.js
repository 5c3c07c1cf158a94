/** One camera among all: picture, score, timeline, state. */

import { condition } from "./condition.js";
import { find, fromTemplate, setText } from "./dom.js";
import { PictureView } from "./picture-view.js";
import { facts, prepareCondition, showBadge, showCondition, showProgress, showScore, showVeil } from "./status.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./camera.js").Camera} Camera */

/** What a tile's timeline spans: enough to see what just happened, at a tile's width. */
const TILE_SECONDS = 120;

export class CameraTile {
  /**
   * @param {Camera} camera
   * @param {import("./pictures.js").SnapshotPacer} pacer
   * @param {() => void} onTried the camera was tried again by hand
   */
  constructor(camera, pacer, onTried) {
    this.camera = camera;
    this.pacer = pacer;
    this.visible = false;
    this.element = fromTemplate("tile");
    const canvas = /** @type {HTMLCanvasElement} */ (find(this.element, "canvas.picture"));
    this.picture = new PictureView(canvas);
    this.timeline = new Timeline(find(this.element, ".timeline"), camera.history, { seconds: TILE_SECONDS, axis: false });
    const address = `#camera/${encodeURIComponent(camera.id)}`;
    for (const selector of [".frame", ".name"]) find(this.element, selector).setAttribute("href", address);
    // The name is a link to the same place: one stop for the keyboard is enough.
    const frame = find(this.element, ".frame");
    frame.setAttribute("tabindex", "-1");
    frame.setAttribute("aria-hidden", "true");
    prepareCondition(find(this.element, ".condition"), camera, onTried);
    this.render();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    if (visible === this.visible) return;
    this.visible = visible;
    if (visible) this.render();
    else this.picture.clear();
    this.pace();
  }

  /** Pictures are asked for only where they are seen, and of cameras that have some. */
  pace() {
    const wanted = this.visible && this.camera.delivering;
    if (wanted === this.pacer.has(this.camera.id)) return;
    if (wanted) this.pacer.show(this.camera.id, (picture) => this.show(picture));
    else this.pacer.hide(this.camera.id);
  }

  /** @param {import("./pictures.js").Picture} picture */
  show({ bitmap, seq }) {
    this.picture.canvas.style.setProperty("--ratio", String(bitmap.width / bitmap.height));
    this.picture.show(bitmap, this.camera.history.messageFor(seq));
    this.renderVeil();
  }

  render() {
    const { camera, element } = this;
    setText(find(element, ".name"), camera.stream.name);
    element.classList.toggle("alerting", camera.alerting);
    element.classList.toggle("stale", !camera.delivering);
    const { kind } = condition(camera);
    element.dataset.kind = kind;
    find(element, ".banner").hidden = kind !== "fault";
    showBadge(find(element, ".badge"), camera);
    showScore(find(element, ".score"), camera);
    showCondition(find(element, ".condition"), camera);
    showProgress(find(element, ".progress"), camera);
    setText(find(element, ".facts"), facts(camera).join(", "));
    this.renderVeil();
    this.pace();
    if (this.visible) this.timeline.draw(camera.clock.now());
  }

  renderVeil() {
    showVeil(find(this.element, ".frame"), this.camera, this.picture.bitmap !== null);
  }

  close() {
    this.setVisible(false);
    this.element.remove();
  }
}

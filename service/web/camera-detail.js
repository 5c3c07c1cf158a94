/** The open camera: its live picture, its score, why, and everything that can be set. */

import * as api from "./api.js";
import { condition } from "./condition.js";
import { confirm } from "./dialogs.js";
import { create, find, fromTemplate, setText } from "./dom.js";
import { Enrolment } from "./enrolment.js";
import { clock, counted, score as scoreText } from "./format.js";
import { clearProblem, submit } from "./forms.js";
import { objectRows, reasons } from "./object-rows.js";
import { PictureView } from "./picture-view.js";
import { live } from "./pictures.js";
import { Rules } from "./rules.js";
import { Sensitivity } from "./sensitivity.js";
import { facts, prepareCondition, showBadge, showCondition, showProgress, showScore, showVeil } from "./status.js";
import { Timeline } from "./timeline.js";
import { ZoneEditor } from "./zones.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./api.js").ScoredObject} ScoredObject */

const DETAIL_SECONDS = 600;
/** The table of objects follows the picture this often: slow enough to be read. */
const TABLE_MS = 700;

export class CameraDetail {
  /**
   * @param {Camera} camera
   * @param {{onChanged: () => void, onDeleted: () => void, onEdit: () => void}} events
   */
  constructor(camera, { onChanged, onDeleted, onEdit }) {
    this.camera = camera;
    this.onChanged = onChanged;
    this.onDeleted = onDeleted;
    this.onEdit = onEdit;
    this.element = fromTemplate("camera");
    this.picture = new PictureView(/** @type {HTMLCanvasElement} */ (find(this.element, "canvas.picture")));
    this.timeline = new Timeline(find(this.element, ".timeline"), camera.history, { seconds: DETAIL_SECONDS, axis: true });
    this.rules = new Rules(find(this.element, ".rules"), camera);
    this.zones = new ZoneEditor(this.element, camera, {
      rulesIn: (zone) => this.rules.rulesIn(zone),
      onRulesMoved: () => this.rules.load(),
      onSaved: (stream) => {
        camera.update(stream);
        this.rules.fillZones();
        this.onChanged();
      },
    });
    this.sensitivity = new Sensitivity(/** @type {HTMLFormElement} */ (find(this.element, "form.sensitivity")), camera, onChanged);
    this.enrolment = new Enrolment(/** @type {HTMLElement} */ (find(this.element, "form.enrol").closest(".card")), camera, onChanged);
    this.closing = new AbortController();
    this.tableDrawn = 0;
    /** The settings whose properties are shown. @type {import("./api.js").Stream|null} */
    this.shown = null;
    this.prepareTip();
    this.prepareButtons();
    prepareCondition(find(this.element, ".condition"), camera, onChanged);
    void live(camera.id, this.closing.signal, ({ bitmap, seq }) => this.show(bitmap, seq));
    this.render();
  }

  close() {
    this.closing.abort();
    this.picture.clear();
    this.rules.close();
    this.element.remove();
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {number|null} seq
   */
  show(bitmap, seq) {
    find(this.element, ".stage").style.setProperty("--ratio", String(bitmap.width / bitmap.height));
    this.picture.show(bitmap, this.camera.history.messageFor(seq));
    this.renderVeil();
    const now = performance.now();
    if (now - this.tableDrawn < TABLE_MS) return;
    this.tableDrawn = now;
    this.renderObjects();
  }

  render() {
    const { camera, element } = this;
    setText(find(element, "#detail-title"), camera.stream.name);
    element.classList.toggle("alerting", camera.alerting);
    element.classList.toggle("stale", !camera.delivering);
    const { kind } = condition(camera);
    element.dataset.kind = kind;
    find(element, ".banner").hidden = kind !== "fault";
    showBadge(find(element, ".badge"), camera);
    showScore(find(element, ".score"), camera);
    showCondition(find(element, ".condition"), camera);
    showProgress(find(element, ".progress"), camera);
    this.renderFacts();
    this.renderVeil();
    this.renderProperties();
    this.sensitivity.render();
    this.enrolment.render();
    if (!camera.delivering) this.renderObjects();
    this.timeline.draw(camera.clock.now());
  }

  renderFacts() {
    const { status } = this.camera.stream;
    const size = status.width === null || status.height === null ? [] : [`${status.width} × ${status.height}`];
    const latest = this.camera.history.latest;
    const at = this.camera.delivering && latest !== null ? [`picture of ${clock(latest.captured_at * 1000)}`] : [];
    setText(find(this.element, ":scope > .facts"), [...size, ...facts(this.camera), ...at, ...reconnected(status.reconnects)].join(", "));
  }

  renderVeil() {
    showVeil(find(this.element, ".stage"), this.camera, this.picture.bitmap !== null);
  }

  renderObjects() {
    const objects = this.camera.delivering ? (this.picture.message?.objects ?? []) : [];
    find(this.element, "table.objects").replaceChildren(...objectRows(objects, this.camera.threshold));
    find(this.element, ".no-objects").hidden = objects.length > 0;
    const raised = find(this.element, ".raised");
    setText(raised, this.camera.delivering ? raisedBy(this.picture.message, this.camera.threshold) : "");
    raised.hidden = raised.textContent === "";
  }

  prepareTip() {
    const stage = find(this.element, ".stage");
    const tip = find(stage, ".tip");
    stage.addEventListener("pointermove", (event) => {
      const box = stage.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const object = this.picture.objectAt(x, y);
      this.picture.chosen = object;
      this.picture.draw();
      tip.hidden = object === null;
      if (object === null) return;
      tip.replaceChildren(...tipLines(object));
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      tip.style.left = `${Math.max(0, Math.min(box.width - tip.offsetWidth, left + 14))}px`;
      tip.style.top = `${Math.max(0, Math.min(box.height - tip.offsetHeight, top + 14))}px`;
    });
    stage.addEventListener("pointerleave", () => {
      this.picture.chosen = null;
      this.picture.draw();
      tip.hidden = true;
    });
  }

  prepareButtons() {
    const card = /** @type {HTMLElement} */ (find(this.element, ".pause").closest(".card"));
    find(card, ".pause").addEventListener("click", () =>
      submit(card, async () => {
        this.camera.update(await api.updateStream(this.camera.id, { enabled: !this.camera.stream.enabled }));
        this.onChanged();
      }),
    );
    find(card, ".delete").addEventListener("click", async () => {
      const name = this.camera.stream.name;
      const sure = await confirm(`Delete ${name}?`, "Its settings and what it has learned will be lost. Its alerts stay.", "Delete");
      if (sure && (await submit(card, () => api.deleteStream(this.camera.id)))) this.onDeleted();
    });
    find(card, ".edit-camera").addEventListener("click", () => this.onEdit());
    clearProblem(card);
  }

  /** What is set, anew only when it was changed. */
  renderProperties() {
    const { stream } = this.camera;
    if (this.shown === stream) return;
    this.shown = stream;
    const properties = [
      ["Address", stream.url + (stream.has_credentials ? " (with a password)" : "")],
      ["Detector", stream.detector],
      ["Scored by", stream.packs.join(", ")],
      ["Encoder", stream.encoder ?? "automatic"],
      ["Posture", stream.pose ?? "automatic"],
      ["Appearance", stream.appearance ?? "automatic"],
      ["Frame rate", `at most ${stream.fps} frames per second`],
      ["Time zone", stream.timezone ?? "UTC"],
    ];
    find(this.element, ".properties").replaceChildren(...properties.flatMap(([term, value]) => [create("dt", { text: term }), create("dd", { text: value })]));
    find(this.element, ".camera-warnings").replaceChildren(...stream.warnings.map((text) => create("li", { text })));
    setText(find(this.element, ".pause"), stream.enabled ? "Pause" : "Resume");
  }
}

/** @param {number} times */
const reconnected = (times) => (times === 0 ? [] : [times === 1 ? "reconnected once" : `reconnected ${counted(times, "time")}`]);

/**
 * What raised a score that no object in view explains; empty if one does.
 * @param {import("./api.js").ScoreMessage|null} message
 * @param {number|null} threshold
 */
function raisedBy(message, threshold) {
  if (message === null || threshold === null || (message.score ?? 0) < threshold) return "";
  if (message.objects.some((object) => object.culprit)) return "";
  const heads = Object.entries(message.heads).filter(([, value]) => value >= threshold).map(([name, value]) => `${name} ${scoreText(value)}`);
  return heads.length > 0
    ? `No single object raised the score; the picture as a whole did (${heads.join(", ")}).`
    : "The score is smoothed: what raised it was there a moment ago.";
}

/** @param {ScoredObject} object */
function tipLines(object) {
  const name = object.track_id === null ? object.label : `${object.label} ${object.track_id}`;
  const lines = [create("strong", { text: `${name}  ${scoreText(object.score)}` })];
  return [...lines, ...reasons(object).map((text) => create("span", { text }))];
}

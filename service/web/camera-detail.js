/** The open camera: its live picture, its score, why, and everything that can be set. */

import * as api from "./api.js";
import { confirm } from "./dialogs.js";
import { create, find, fromTemplate, setText } from "./dom.js";
import { clock, counted, duration, moment, rarity, score as scoreText } from "./format.js";
import { clearProblem, numberOf, submit } from "./forms.js";
import { objectRows, reasons } from "./object-rows.js";
import { PictureView } from "./picture-view.js";
import { live } from "./pictures.js";
import { Rules } from "./rules.js";
import { facts, showBadge, showProgress, showReason, showScore, showVeil } from "./status.js";
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
   * @param {{onChanged: () => void, onDeleted: () => void}} events
   */
  constructor(camera, { onChanged, onDeleted }) {
    this.camera = camera;
    this.onChanged = onChanged;
    this.onDeleted = onDeleted;
    this.element = fromTemplate("camera");
    this.picture = new PictureView(/** @type {HTMLCanvasElement} */ (find(this.element, "canvas.picture")));
    this.timeline = new Timeline(find(this.element, ".timeline"), camera.history, { seconds: DETAIL_SECONDS, axis: true });
    this.zones = new ZoneEditor(this.element, camera, (stream) => {
      camera.update(stream);
      this.rules.fillZones();
      this.onChanged();
    });
    this.rules = new Rules(find(this.element, ".rules"), camera);
    this.closing = new AbortController();
    /** The state when it was last drawn. */
    this.state = camera.state;
    this.tableDrawn = 0;
    this.prepareTip();
    this.prepareSensitivity();
    this.prepareEnrolment();
    this.prepareButtons();
    void live(camera.id, this.closing.signal, ({ bitmap, seq }) => this.show(bitmap, seq));
    void this.loadEnrolment();
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
    showBadge(find(element, ".badge"), camera);
    showScore(find(element, ".score"), camera);
    showReason(find(element, ".why"), camera);
    showProgress(find(element, ".progress"), camera);
    this.renderFacts();
    this.renderVeil();
    this.renderPause();
    this.renderThreshold();
    if (this.state === "enrolling" && camera.state !== "enrolling") void this.loadEnrolment();
    this.state = camera.state;
    if (!camera.delivering) this.renderObjects();
    this.timeline.draw(camera.clock.now());
  }

  renderFacts() {
    const { status } = this.camera.stream;
    const size = status.width === null || status.height === null ? [] : [`${status.width} × ${status.height}`];
    const latest = this.camera.history.latest;
    const at = this.camera.delivering && latest !== null ? [`picture of ${clock(latest.captured_at * 1000)}`] : [];
    setText(find(this.element, ":scope > .facts"), [...size, ...facts(this.camera), ...at, counted(status.reconnects, "reconnect")].join(", "));
  }

  renderVeil() {
    showVeil(find(this.element, ".veil"), this.camera, this.picture.bitmap !== null);
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

  prepareSensitivity() {
    const form = /** @type {HTMLFormElement} */ (find(this.element, "form.sensitivity"));
    this.fillSensitivity(form);
    for (const input of form.querySelectorAll("input[type=number]")) {
      input.addEventListener("input", () => this.chooseMode(form, /** @type {HTMLInputElement} */ (input).name));
    }
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const mode = String(data.get("mode"));
      await submit(form, async () => {
        this.camera.update(await api.updateStream(this.camera.id, { [mode]: numberOf(data, mode) ?? null }));
        this.fillSensitivity(form);
        this.onChanged();
      });
    });
  }

  /**
   * @param {HTMLFormElement} form
   * @param {string} mode
   */
  chooseMode(form, mode) {
    /** @type {HTMLInputElement} */ (find(form, `[name=mode][value=${mode}]`)).checked = true;
  }

  /** @param {HTMLFormElement} form */
  fillSensitivity(form) {
    const { stream } = this.camera;
    this.chooseMode(form, stream.threshold === null ? "alerts_per_day" : "threshold");
    /** @type {HTMLInputElement} */ (find(form, "[type=number][name=alerts_per_day]")).value = String(stream.alerts_per_day ?? "");
    /** @type {HTMLInputElement} */ (find(form, "[type=number][name=threshold]")).value = String(stream.threshold ?? "");
  }

  renderThreshold() {
    const inForce = this.camera.threshold;
    const text = inForce === null ? "No threshold until the camera is enrolled." : `In force: alert from ${scoreText(inForce)}, ${rarity(inForce)}.`;
    setText(find(this.element, ".meaning"), text);
  }

  prepareEnrolment() {
    const form = /** @type {HTMLFormElement} */ (find(this.element, "form.enrol"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      await submit(form, async () => {
        const seconds = numberOf(data, "seconds") ?? 0;
        this.camera.enrolment = await api.enrol(this.camera.id, { seconds, extend: data.get("extend") !== null });
        this.onChanged();
      });
    });
    find(form, ".forget").addEventListener("click", async () => {
      const sure = await confirm("Forget what is normal here?", "The camera gives no score until it has learned again.", "Forget");
      if (!sure) return;
      await submit(form, async () => {
        await api.forgetEnrolment(this.camera.id);
        await this.loadEnrolment();
        this.onChanged();
      });
    });
  }

  async loadEnrolment() {
    try {
      this.camera.enrolment = await api.enrolment(this.camera.id);
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      return;
    }
    this.renderEnrolment();
  }

  renderEnrolment() {
    const { enrolment } = this.camera;
    if (enrolment === null) return;
    const texts = enrolment.profiles.map(
      ({ pack, frames, seconds, origin, created_at }) =>
        `${pack}: ${counted(frames, "frame")} in ${duration(seconds)} from ${origin}, ${moment(Date.parse(created_at), Date.now())}.`,
    );
    if (texts.length === 0) texts.push("Nothing learned yet.");
    if (enrolment.error !== null) texts.push(`The last try failed: ${enrolment.error}`);
    setText(find(this.element, ".enrolled"), texts.join(" "));
    find(this.element, ".forget").hidden = enrolment.profiles.length === 0;
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
      const sure = await confirm(`Delete ${name}?`, "Its settings and what it learned are lost. Alerts stay.", "Delete");
      if (sure && (await submit(card, () => api.deleteStream(this.camera.id)))) this.onDeleted();
    });
    const { stream } = this.camera;
    const properties = [
      ["Address", stream.url + (stream.has_credentials ? " (with a password)" : "")],
      ["Detector", stream.detector],
      ["Packs", stream.packs.join(", ")],
      ["Frames per second", `at most ${stream.fps}`],
    ];
    find(card, ".properties").replaceChildren(...properties.flatMap(([term, value]) => [create("dt", { text: term }), create("dd", { text: value })]));
    clearProblem(card);
  }

  renderPause() {
    setText(find(this.element, ".pause"), this.camera.stream.enabled ? "Pause" : "Resume");
  }
}

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
    ? `No object in view raised the score, the picture as a whole did (${heads.join(", ")}).`
    : "The score is smoothed: what raised it was there a moment ago.";
}

/** @param {ScoredObject} object */
function tipLines(object) {
  const name = object.track_id === null ? object.label : `${object.label} ${object.track_id}`;
  const lines = [create("strong", { text: `${name}  ${scoreText(object.score)}` })];
  return [...lines, ...reasons(object).map((text) => create("span", { text }))];
}

/** What a camera has learned to be normal, and the form that lets it learn: from its live picture or from recordings. */

import * as api from "./api.js";
import { confirm } from "./dialogs.js";
import { find, setText } from "./dom.js";
import { counted, duration, moment, sentence } from "./format.js";
import { numberOf, refuse, submit } from "./forms.js";
import { isRunning } from "./status.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./api.js").Enrolment} EnrolmentState */

/** How the service names where a profile comes from; else it names the recordings. */
const LIVE = "live";
const OTHER_CAMERA = "stream ";

export class Enrolment {
  /**
   * @param {HTMLElement} card
   * @param {Camera} camera
   * @param {() => void} onChanged
   */
  constructor(card, camera, onChanged) {
    this.card = card;
    this.camera = camera;
    this.onChanged = onChanged;
    this.form = /** @type {HTMLFormElement} */ (find(card, "form"));
    /** What was last shown, and whether it was learning then. @type {EnrolmentState|null} */
    this.shown = null;
    this.form.addEventListener("change", () => this.showFields());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.learn();
    });
    find(this.form, ".forget").addEventListener("click", () => void this.forget());
    this.adapts = /** @type {HTMLInputElement} */ (find(card, ".adapts input"));
    this.adapts.addEventListener("change", () => void this.adapt());
    this.showFields();
    void this.load();
  }

  get fromFiles() {
    return new FormData(this.form).get("from") === "files";
  }

  showFields() {
    find(this.form, "textarea").hidden = !this.fromFiles;
  }

  async load() {
    try {
      this.camera.enrolment = await api.enrolment(this.camera.id);
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      // A camera that cannot run has none; its own message says why.
    }
    this.render();
  }

  learn() {
    return submit(this.form, async () => {
      this.camera.enrolment = await api.enrol(this.camera.id, this.spec());
      this.onChanged();
    });
  }

  /** @returns {import("./api.js").EnrolmentSpec} */
  spec() {
    const data = new FormData(this.form);
    const extend = data.get("extend") !== null;
    if (!this.fromFiles) {
      const seconds = numberOf(data, "seconds");
      if (seconds === undefined) refuse({ seconds: "Enter for how many seconds to learn." });
      return { seconds, extend };
    }
    const sources = String(data.get("sources")).split("\n").map((line) => line.trim()).filter((line) => line !== "");
    if (sources.length === 0) refuse({ sources: "Enter the name of a recording, such as gate/monday.mp4." });
    return { sources, extend };
  }

  async forget() {
    const sure = await confirm("Forget what is normal here?", "The camera is not watching until it has learned again.", "Forget");
    if (!sure) return;
    await submit(this.form, async () => {
      await api.forgetEnrolment(this.camera.id);
      await this.load();
      this.onChanged();
    });
  }

  /** Lets the threshold follow the hours scored live, or holds the one of the enrolment. */
  adapt() {
    return submit(this.form, async () => {
      try {
        await api.updateStream(this.camera.id, { threshold_adapts: this.adapts.checked });
      } finally {
        await this.load();
      }
      this.onChanged();
    });
  }

  /** Shows what there is, anew only when it has changed. */
  render() {
    const { enrolment } = this.camera;
    if (enrolment === null || enrolment === this.shown) return;
    const ended = this.shown !== null && isRunning(this.shown) && !isRunning(enrolment);
    this.shown = enrolment;
    setText(find(this.card, ".enrolled"), told(enrolment));
    this.showPromise(enrolment);
    const knows = enrolment.profiles.length > 0;
    find(this.form, ".forget").hidden = !knows && !isRunning(enrolment);
    find(this.form, ".extend").hidden = !knows;
    if (!knows) /** @type {HTMLInputElement} */ (find(this.form, "[name=extend]")).checked = false;
    /** @type {HTMLButtonElement} */ (find(this.form, "[type=submit]")).disabled = isRunning(enrolment);
    if (ended) this.onChanged();
  }

  /** @param {EnrolmentState} enrolment */
  showPromise({ promise, threshold_changes: changes }) {
    const element = find(this.card, ".promise");
    element.hidden = promise === null;
    find(this.card, ".adapts").hidden = promise === null || promise.alerts_per_day === null || promise.hours === 0;
    if (promise === null) return;
    const last = promise.adapts ? changes.at(-1) : undefined;
    setText(element, last === undefined ? promise.sentence : `${promise.sentence} ${last.sentence}`);
    this.adapts.checked = promise.adapts;
  }
}

/** @param {string} origin of a profile */
function originOf(origin) {
  if (origin === LIVE) return "the live picture";
  return origin.startsWith(OTHER_CAMERA) ? "another camera" : origin;
}

/** @param {EnrolmentState} enrolment */
function told(enrolment) {
  const [first] = enrolment.profiles;
  const names = enrolment.profiles.map(({ pack }) => pack).join(" and ");
  const known =
    first === undefined
      ? "Nothing learned yet."
      : `Learned from ${counted(first.frames, "frame")} (${duration(first.seconds)}) of ${originOf(first.origin)}, ${moment(Date.parse(first.created_at), Date.now())}, for ${names}.`;
  if (isRunning(enrolment)) return `${known} It is learning now${first === undefined ? "" : ", and what it knows counts until it is done"}.`;
  return enrolment.error === null ? known : `${known} ${first === undefined ? "The last try failed" : "The last try to learn failed"}: ${sentence(enrolment.error)}`;
}

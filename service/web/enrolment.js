/**
 * What a camera has learned to be normal, what it promises and what it would miss, and the form that lets it learn: from
 * its live picture or from recordings.
 */

import * as api from "./api.js";
import { confirm } from "./dialogs.js";
import { create, find, setText } from "./dom.js";
import { counted, duration, moment, sentence } from "./format.js";
import { clearProblem, numberOf, refuse, showProblem, submit } from "./forms.js";
import { Moments } from "./moments.js";
import { driftText, promiseText, seenFacts } from "./promise.js";
import { isRunning } from "./status.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./api.js").Enrolment} EnrolmentState */

/** How the service names where a profile comes from; else it names the recordings. */
const LIVE = "live";
const OTHER_CAMERA = "stream ";

/** What is added where normal has changed: a new way of things shows within minutes, or the notice stays. */
const EXTEND_SECONDS = 600;

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
    /** @param {import("./api.js").Moment} one @param {import("./api.js").MomentChoice|null} choice */
    const decide = (one, choice) => void this.decide(one, choice);
    this.odd = new Moments(find(card, ".odd .moments"), decide);
    this.missed = new Moments(find(card, ".missed .moments"), decide);
    find(card, ".extend-now").addEventListener("click", () => void this.extend());
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

  /**
   * Leaves a moment out or keeps it. Its buttons stay as they are meanwhile, so that the next one can be pressed.
   * @param {import("./api.js").Moment} one
   * @param {import("./api.js").MomentChoice|null} choice
   */
  async decide(one, choice) {
    const place = find(this.card, ".decide");
    clearProblem(place);
    try {
      this.camera.enrolment = await api.chooseMoment(this.camera.id, one.id, choice);
      this.render();
      this.onChanged();
    } catch (error) {
      showProblem(place, error);
    }
  }

  /** Adds to what was learned, where normal has changed. */
  extend() {
    return submit(find(this.card, ".drift"), async () => {
      this.camera.enrolment = await api.enrol(this.camera.id, { seconds: EXTEND_SECONDS, extend: true });
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

  /** @param {EnrolmentState} enrolment */
  renderPromise({ promise, profiles, threshold_changes: changes, moments, drift }) {
    const said = find(this.card, ".promise");
    said.hidden = promise === null;
    const facts = find(this.card, ".seen");
    facts.hidden = promise === null;
    const adapts = find(this.card, ".adapts");
    adapts.hidden = promise === null || promise.alerts_per_day === null || promise.hours === 0;
    const followed = find(this.card, ".followed");
    const last = promise?.adapts === true ? changes.at(-1) : undefined;
    followed.hidden = last === undefined;
    setText(followed, last?.sentence ?? "");
    if (promise !== null) {
      setText(said, promiseText(promise));
      said.dataset.kind = promise.kind;
      this.adapts.checked = promise.adapts;
      const rows = seenFacts(promise, profiles[0]);
      facts.replaceChildren(...rows.flatMap(([term, value]) => [create("dt", { text: term }), create("dd", { text: value })]));
    }
    const [odd, missed] = [moments.filter(({ kind }) => kind === "odd"), moments.filter(({ kind, alerts }) => kind === "unusual" && !alerts)];
    find(this.card, ".odd").hidden = odd.length === 0;
    find(this.card, ".missed").hidden = missed.length === 0;
    const focused = focusOn(this.card);
    this.odd.show(odd);
    this.missed.show(missed);
    focused();
    const notice = find(this.card, ".drift");
    notice.hidden = drift === null || !drift.changed;
    if (drift === null || notice.hidden) return;
    setText(find(notice, ".drift-message"), driftText(drift));
    find(notice, ".drift-moments").replaceChildren(...drift.moments.map(pictured));
  }

  /** Shows what there is, anew only when it has changed. */
  render() {
    const { enrolment } = this.camera;
    if (enrolment === null || enrolment === this.shown) return;
    const ended = this.shown !== null && isRunning(this.shown) && !isRunning(enrolment);
    this.shown = enrolment;
    setText(find(this.card, ".enrolled"), told(enrolment));
    this.renderPromise(enrolment);
    /** @type {HTMLButtonElement} */ (find(this.card, ".extend-now")).disabled = isRunning(enrolment);
    const knows = enrolment.profiles.length > 0;
    find(this.form, ".forget").hidden = !knows && !isRunning(enrolment);
    find(this.form, ".extend").hidden = !knows;
    if (!knows) /** @type {HTMLInputElement} */ (find(this.form, "[name=extend]")).checked = false;
    /** @type {HTMLButtonElement} */ (find(this.form, "[type=submit]")).disabled = isRunning(enrolment);
    if (ended) this.onChanged();
  }
}

/**
 * Remembers which moment's button has the focus. What is returned gives it back if the moment went to the other list.
 * @param {HTMLElement} card
 * @returns {() => void}
 */
function focusOn(card) {
  const button = document.activeElement;
  const id = button instanceof HTMLElement ? button.closest(".moment")?.getAttribute("data-id") : null;
  if (!(button instanceof HTMLElement) || id === null || id === undefined) return () => {};
  const choice = button.dataset.choice ?? "";
  return () => {
    if (button.isConnected) return;
    const item = card.querySelector(`.moment[data-id="${CSS.escape(id)}"]`);
    /** @type {HTMLElement|null|undefined} */ (item?.querySelector(`[data-choice="${CSS.escape(choice)}"]`))?.focus({ preventScroll: true });
  };
}

/** @param {import("./api.js").Drift["moments"][number]} one */
function pictured({ at, picture }) {
  const image = /** @type {HTMLImageElement} */ (create("img", { class: "moment-picture" }));
  image.alt = "";
  image.src = picture;
  return create("li", { class: "moment" }, image, create("p", { class: "moment-when", text: moment(Date.parse(at), Date.now()) }));
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

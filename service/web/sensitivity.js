/** How readily a camera raises alerts: what is in force, whoever set it, and the form that changes it. */

import { previewSensitivity, updateStream, url } from "./api.js";
import { create, find, setText } from "./dom.js";
import { counted, duration, moment, number, rarity, score as scoreText } from "./format.js";
import { numberOf, refuse, submit } from "./forms.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./api.js").Rehearsal} Rehearsal */
/** @typedef {"alerts_per_day"|"threshold"} Mode */

/** @type {Record<Mode, string>} */
const MISSING = {
  alerts_per_day: "Enter how many false alerts a day are acceptable.",
  threshold: "Enter a score above 0, at most 1.",
};

export class Sensitivity {
  /**
   * @param {HTMLFormElement} form
   * @param {Camera} camera
   * @param {() => void} onChanged
   */
  constructor(form, camera, onChanged) {
    this.form = form;
    this.camera = camera;
    this.onChanged = onChanged;
    /** What the fields were last filled with. */
    this.filled = "";
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[type=number]"))) {
      input.addEventListener("input", () => this.choose(/** @type {Mode} */ (input.name)));
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    find(form, ".rehearse").addEventListener("click", () => void this.rehearse());
    form.addEventListener("input", () => this.forget());
  }

  async save() {
    const data = new FormData(this.form);
    const mode = /** @type {Mode} */ (data.get("mode"));
    await submit(this.form, async () => {
      const value = numberOf(data, mode);
      if (value === undefined) return refuse({ [mode]: MISSING[mode] });
      this.camera.update(await updateStream(this.camera.id, { [mode]: value }));
      this.filled = "";
      this.onChanged();
    });
  }

  /** What is in the fields was not tried. */
  forget() {
    find(this.form, ".rehearsal").hidden = true;
  }

  /** Says what would have been with what is in the fields; saves nothing. */
  async rehearse() {
    const data = new FormData(this.form);
    const mode = /** @type {Mode} */ (data.get("mode"));
    await submit(this.form, async () => {
      const value = numberOf(data, mode);
      if (value === undefined) return refuse({ [mode]: MISSING[mode] });
      this.showRehearsal(await previewSensitivity(this.camera.id, { [mode]: value }));
    });
    find(this.form, ".rehearse").focus();
  }

  /** @param {Rehearsal} rehearsal */
  showRehearsal(rehearsal) {
    const place = find(this.form, ".rehearsal");
    place.hidden = false;
    setText(find(place, ".rehearsal-outcome"), outcome(rehearsal));
    setText(find(place, ".basis"), basis(rehearsal));
    find(place, ".rehearsed").replaceChildren(...rehearsal.alerts.map(rehearsed));
  }

  /** @param {Mode} mode */
  choose(mode) {
    /** @type {HTMLInputElement} */ (find(this.form, `[name=mode][value=${mode}]`)).checked = true;
  }

  /** Follows what is in force, but writes over nothing that somebody is typing. */
  render() {
    const { stream } = this.camera;
    setText(find(this.form, ".meaning"), this.meaning());
    const inForce = JSON.stringify([stream.threshold, stream.status.alerts_per_day, stream.status.threshold]);
    if (inForce === this.filled || this.form.contains(document.activeElement)) return;
    this.filled = inForce;
    this.choose(stream.threshold === null ? "alerts_per_day" : "threshold");
    this.fill("alerts_per_day", stream.status.alerts_per_day);
    this.fill("threshold", stream.threshold ?? stream.status.threshold);
  }

  /**
   * @param {Mode} mode
   * @param {number|null} value
   */
  fill(mode, value) {
    const input = /** @type {HTMLInputElement} */ (find(this.form, `[type=number][name=${mode}]`));
    input.value = value === null ? "" : String(Math.round(value * 1000) / 1000);
  }

  meaning() {
    const { stream, threshold } = this.camera;
    const { alerts_per_day: wished } = stream.status;
    const wish = wished === null ? "" : `${counted(wished, "false alert")} per day${stream.alerts_per_day === null ? " (the default)" : ""}`;
    if (threshold === null) return wish === "" ? "It takes effect once the camera has learned what is normal." : `In force: ${wish}. The score for it is known once the camera has learned what is normal.`;
    const from = `an alert opens from a score of ${scoreText(threshold)} (${rarity(threshold)})`;
    return wish === "" ? `In force: ${from}.` : `In force: ${wish}. For that, ${from}.`;
  }
}

/** @param {Rehearsal} rehearsal */
function outcome({ count, count_now: now, watched_s: watched, exact, threshold }) {
  if (watched === 0) return "There are no scores yet to try it on.";
  const would = count === 0 ? "no alert" : `${exact ? "" : "about "}${counted(count, "alert")}`;
  const than = count === now ? "As many as with what is in force" : `With what is in force, ${exact ? "" : "about "}${number(now)}`;
  return `In the ${duration(watched)} watched there would have been ${would} (from a score of ${scoreText(threshold)}). ${than}.`;
}

/** @param {Rehearsal} rehearsal */
function basis({ since, exact, alerts, count, promise }) {
  if (since === null) return promise;
  const listed = alerts.length < count ? ` The newest ${alerts.length} are listed.` : "";
  const rough = exact ? "" : " Of what is longer past only the highest score of each minute is known; minutes in a row count as one alert.";
  return `Since ${moment(Date.parse(since), Date.now())}.${rough}${listed} ${promise} Nothing is changed until you save.`;
}

/** @param {Rehearsal["alerts"][number]} alert */
function rehearsed({ opened_at: opened, peak_score: peak, exact, alert_id: id, picture }) {
  const when = `${exact ? "" : "about "}${moment(Date.parse(opened), Date.now())}`;
  const image = /** @type {HTMLImageElement} */ (create("img", { class: "moment-picture" }));
  image.alt = "";
  image.loading = "lazy";
  if (picture !== null) image.src = picture.startsWith("data:") ? picture : url(picture);
  const link = create("a", { text: when });
  if (id !== null) link.setAttribute("href", `#review/${encodeURIComponent(id)}`);
  return create("li", { class: "moment" }, ...(picture === null ? [] : [image]), create("p", { class: "moment-when" }, id === null ? when : link), create("p", { class: "hint", text: `score ${scoreText(peak)}${id === null ? "" : ", was an alert"}` }));
}

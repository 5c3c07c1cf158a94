/** How readily a camera raises alerts: what is in force, whoever set it, and the form that changes it. */

import { updateStream } from "./api.js";
import { find, setText } from "./dom.js";
import { counted, rarity, score as scoreText } from "./format.js";
import { numberOf, refuse, submit } from "./forms.js";

/** @typedef {import("./camera.js").Camera} Camera */
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

/** The form that registers a camera. */

import { createStream, listPacks } from "./api.js";
import { dialog } from "./dialogs.js";
import { create, find } from "./dom.js";
import { clearProblem, numberOf, submit } from "./forms.js";

export class AddCamera {
  /** @param {(stream: import("./api.js").Stream) => void} onAdded */
  constructor(onAdded) {
    this.dialog = dialog("add-dialog");
    this.form = /** @type {HTMLFormElement} */ (find(this.dialog, "form"));
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = find(this.form, "[type=submit]");
      button.textContent = "Trying the camera…";
      await submit(this.form, async () => {
        const data = new FormData(this.form);
        const stream = await createStream(specOf(data), data.get("unprobed") === null);
        this.dialog.close("added");
        this.form.reset();
        onAdded(stream);
      });
      button.textContent = "Add camera";
    });
  }

  open() {
    clearProblem(this.form);
    this.dialog.showModal();
    void this.offerDetectors();
  }

  async offerDetectors() {
    const select = find(this.form, "[name=detector]");
    // Without the list there is still the built-in detector to choose.
    const packs = await listPacks().catch(() => []);
    const known = new Set([...select.querySelectorAll("option")].map((option) => option.value));
    for (const { name, kind, usable } of packs) {
      if (kind !== "detector" || !usable || known.has(name)) continue;
      const option = /** @type {HTMLOptionElement} */ (create("option", { text: name }));
      option.value = name;
      select.append(option);
    }
  }
}

/**
 * @param {FormData} data
 * @returns {import("./api.js").StreamSpec}
 */
function specOf(data) {
  return {
    name: String(data.get("name")),
    url: String(data.get("url")),
    transport: /** @type {"tcp"|"udp"} */ (data.get("transport")),
    detector: String(data.get("detector")),
    fps: numberOf(data, "fps"),
    alerts_per_day: numberOf(data, "alerts_per_day"),
    enrolment: data.get("enrol") === null ? undefined : { seconds: numberOf(data, "seconds") },
  };
}

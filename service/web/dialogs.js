/** Dialogs: asking before what cannot be undone, and a large picture. */

import { find } from "./dom.js";

/** @param {string} id */
export function dialog(id) {
  return /** @type {HTMLDialogElement} */ (find(document, `#${id}`));
}

/**
 * Makes the close buttons of every dialog work, and a press on what is behind it. Not where `data-keep` says that
 * somebody has typed something in: a press beside it must not lose that.
 */
export function prepareDialogs() {
  for (const element of document.querySelectorAll("dialog")) {
    element.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      const behind = target === element && element.dataset.keep === undefined;
      if (behind || target.closest("[data-close]") !== null) element.close("no");
    });
  }
}

/**
 * @param {string} title
 * @param {string} text
 * @param {string} yes what the button says
 * @param {string} [no] what the other one says
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, yes, no = "Cancel") {
  const element = dialog("confirm-dialog");
  find(element, "#confirm-title").textContent = title;
  find(element, "#confirm-text").textContent = text;
  find(element, "#confirm-yes").textContent = yes;
  find(element, "[value=no]").textContent = no;
  element.returnValue = "no";
  element.showModal();
  return new Promise((resolve) => {
    element.addEventListener("close", () => resolve(element.returnValue === "yes"), { once: true });
  });
}

/** Problems of a form's request, shown at the fields they are about. */

import { Problem } from "./api.js";
import { create, find } from "./dom.js";

/** @param {HTMLElement} form */
export function clearProblem(form) {
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
  for (const note of form.querySelectorAll(".field-error")) note.remove();
  const general = find(form, ".form-error");
  general.hidden = true;
  general.textContent = "";
}

/**
 * @param {HTMLElement} form
 * @param {unknown} error
 */
export function showProblem(form, error) {
  if (!(error instanceof Problem)) throw error;
  const fields = error.code.startsWith("source_") ? [{ field: sourceField(form), message: error.message }] : error.fields;
  const unplaced = fields.filter((field) => !place(form, field));
  const texts = unplaced.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  if (fields.length === 0) texts.push(error.message);
  const general = find(form, ".form-error");
  general.textContent = texts.join(" ");
  general.hidden = texts.length === 0;
  const first = /** @type {HTMLElement|null} */ (form.querySelector("[aria-invalid]"));
  (first?.matches("fieldset") === true ? first.querySelector("input") : first)?.focus();
}

/**
 * The field that says where pictures come from, or nothing if the form has none.
 * @param {HTMLElement} form
 */
function sourceField(form) {
  return ["sources", "url"].find((name) => form.querySelector(`[name=${name}]`) !== null) ?? "";
}

/**
 * @param {HTMLElement} form
 * @param {{field: string, message: string}} problem
 * @returns {boolean} whether the form has that field
 */
function place(form, { field, message }) {
  const names = field.split(/[.[\]]+/).filter((name) => name !== "").reverse();
  const input = names.map((name) => form.querySelector(fieldSelector(name))).find((one) => one !== null);
  if (input === undefined || input === null) return false;
  const note = create("p", { class: "field-error", text: message });
  note.id = `${field.replaceAll(/\W+/g, "-")}-error`;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", note.id);
  const holder = input.closest(".field, .choice, fieldset") ?? input.parentElement ?? form;
  if (holder === form) input.after(note);
  else holder.append(note);
  const folded = input.closest("details");
  if (folded !== null) folded.open = true;
  return true;
}

/**
 * A field of a form, or what holds the boxes that make one.
 * @param {string} name
 */
function fieldSelector(name) {
  const quoted = `"${CSS.escape(name)}"`;
  return `[name=${quoted}]:not([type=radio], [type=checkbox]), [data-field=${quoted}]`;
}

/**
 * Refuses what a form can see itself, as the service would, all at once.
 * @param {Record<string, string>} problems by field, in words
 */
export function refuse(problems) {
  const fields = Object.entries(problems).map(([field, message]) => ({ field, message }));
  if (fields.length > 0) throw new Problem(0, "refused", fields[0].message, fields);
}

/**
 * Runs a form's request with its buttons disabled, and shows the problem if there is one.
 * @param {HTMLElement} form
 * @param {() => Promise<unknown>} action
 * @returns {Promise<boolean>} whether it went well
 */
export async function submit(form, action) {
  clearProblem(form);
  const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (form.querySelectorAll("button:not([data-close])"));
  form.setAttribute("aria-busy", "true");
  for (const button of buttons) button.disabled = true;
  try {
    await action();
    return true;
  } catch (error) {
    showProblem(form, error);
    return false;
  } finally {
    form.removeAttribute("aria-busy");
    for (const button of buttons) button.disabled = false;
  }
}

/**
 * A number field's value as JSON takes it; an empty field leaves the choice to the service.
 * @param {FormData} data
 * @param {string} name
 * @returns {number|undefined}
 */
export function numberOf(data, name) {
  const text = String(data.get(name) ?? "").trim();
  return text === "" ? undefined : Number(text);
}

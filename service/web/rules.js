/** Rules in words of one camera: try one on the recent past, save it, switch it, take it back. */

import * as api from "./api.js";
import { create, find, fromTemplate, icon, setText } from "./dom.js";
import { clock, counted, duration, moment, sentence } from "./format.js";
import { clearProblem, submit } from "./forms.js";
import { drawCurves } from "./curves.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./api.js").Rule} Rule */
/** @typedef {import("./api.js").RuleSpec} RuleSpec */
/** @typedef {import("./api.js").Preview} Preview */

const VERDICTS = { normal: "is normal here", anomaly: "is an anomaly here" };
const DAY_NAMES = { mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun" };
/** How far back a rule is tried, as far as the service remembers. */
const PREVIEW_MINUTES = 10;
/** What a rule was understood as: the phrases that count. */
const MOST_PHRASES = 3;
const MOST_THUMBS = 12;
/** A rule that was taken away can be brought back for so long. */
const UNDO_MS = 15_000;

export class Rules {
  /**
   * @param {HTMLElement} card
   * @param {Camera} camera
   */
  constructor(card, camera) {
    this.card = card;
    this.camera = camera;
    this.form = /** @type {HTMLFormElement} */ (find(card, "form.rule"));
    this.preview = find(card, ".preview");
    this.undoTimer = 0;
    /** The preview that is awaited; an older one's answer is not shown. */
    this.asked = 0;
    this.prepareForm();
    this.fillZones();
    this.forgetPreview();
    void this.load();
  }

  prepareForm() {
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await submit(this.form, async () => {
        await api.addRule(this.camera.id, this.spec());
        this.form.reset();
        this.forgetPreview();
        await this.load();
      });
    });
    find(this.form, ".try").addEventListener("click", () => void this.tryOut());
    // What was tried is no longer what would be saved.
    this.form.addEventListener("input", () => this.forgetPreview());
    find(this.form, "details").addEventListener("toggle", () => this.fillZones());
  }

  /** @returns {RuleSpec} */
  spec() {
    const data = new FormData(this.form);
    const [from, to] = [String(data.get("from")), String(data.get("to"))];
    const days = data.getAll("days").map(String);
    const timed = from !== "" || to !== "" || days.length > 0;
    const [begins, ends] = [from === "" ? "00:00" : from, to === "" ? "24:00" : to];
    const expires = String(data.get("expires_at"));
    return {
      text: String(data.get("text")).trim(),
      verdict: /** @type {"normal"|"anomaly"} */ (data.get("verdict")),
      strength: Number(data.get("strength")),
      zone: String(data.get("zone")) || null,
      schedule: timed
        ? { days: days.length > 0 ? days : Object.keys(DAY_NAMES), from: begins, to: ends, overnight: ends < begins, timezone: this.camera.stream.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone }
        : null,
      expires_at: expires === "" ? null : new Date(expires).toISOString(),
    };
  }

  fillZones() {
    const select = /** @type {HTMLSelectElement} */ (find(this.form, "[name=zone]"));
    const chosen = select.value;
    const options = [["", "Anywhere"], ...this.camera.stream.zones.map(({ name }) => [name, name])].map(([value, text]) => {
      const option = /** @type {HTMLOptionElement} */ (create("option", { text }));
      option.value = value;
      return option;
    });
    select.replaceChildren(...options);
    select.value = this.camera.stream.zones.some(({ name }) => name === chosen) ? chosen : "";
  }

  forgetPreview() {
    this.asked += 1;
    this.preview.hidden = true;
  }

  async tryOut() {
    const asked = ++this.asked;
    await submit(this.form, async () => {
      const result = await api.previewRule(this.camera.id, { rule: this.spec(), minutes: PREVIEW_MINUTES });
      if (asked === this.asked) this.showPreview(result);
    });
  }

  /** @param {Preview} result */
  showPreview(result) {
    this.preview.hidden = false;
    setText(find(this.preview, ".outcome"), outcome(result));
    setText(find(this.preview, ".understood"), understood(result.resembles));
    find(this.preview, ".warnings").replaceChildren(...notes(result));
    const thumbs = result.objects.slice(0, MOST_THUMBS).map(thumbnail);
    find(this.preview, ".matches").replaceChildren(...thumbs);
    const chart = find(this.preview, ".chart");
    chart.hidden = result.curves.at.length < 2;
    if (!chart.hidden) drawCurves(/** @type {HTMLCanvasElement} */ (find(chart, "canvas")), result);
  }

  async load() {
    try {
      const [rules, taught] = await Promise.all([api.listRules(this.camera.id), api.listTaught(this.camera.id)]);
      this.render(rules, taught);
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      // A camera that cannot run has none; its own message says why.
    }
  }

  /**
   * @param {Rule[]} rules
   * @param {import("./api.js").Taught[]} taught
   */
  render(rules, taught) {
    find(this.card, ".rule-list").replaceChildren(...rules.map((rule) => this.item(rule, rules)));
    find(this.card, ".no-rules").hidden = rules.length > 0;
    find(this.card, ".taught-head").hidden = taught.length === 0;
    find(this.card, ".taught-list").replaceChildren(...taught.map((one) => this.taughtItem(one)));
  }

  /**
   * @param {Rule} rule
   * @param {Rule[]} rules
   */
  item(rule, rules) {
    const element = fromTemplate("rule-item");
    const box = /** @type {HTMLInputElement} */ (find(element, "input"));
    box.checked = rule.enabled;
    box.addEventListener("change", () => void this.change(element, () => api.changeRule(this.camera.id, rule.id, { enabled: box.checked })));
    setText(find(element, ".rule-text"), rule.text);
    setText(find(element, ".rule-verdict"), VERDICTS[rule.verdict]);
    element.dataset.verdict = rule.verdict;
    element.classList.toggle("idle", !rule.active);
    setText(find(element, ".rule-facts"), facts(rule));
    find(element, ".warnings").replaceChildren(...notes(rule, rules));
    const remove = find(element, ".remove");
    remove.setAttribute("aria-label", `Delete the rule ${rule.text}`);
    remove.addEventListener("click", () => void this.remove(element, rule));
    return element;
  }

  /** @param {import("./api.js").Taught} taught */
  taughtItem(taught) {
    const element = fromTemplate("taught-item");
    const what = counted(taught.objects, "object");
    setText(find(element, "span"), `${what} of a false alarm, ${moment(Date.parse(taught.taught_at), Date.now())}${taught.active ? "" : " (learned with another encoder, not in force)"}`);
    find(element, "button").addEventListener("click", () => void this.change(element, () => api.setVerdict(taught.alert_id, null)));
    return element;
  }

  /**
   * @param {HTMLElement} element
   * @param {Rule} rule
   */
  async remove(element, rule) {
    const done = await this.change(element, () => api.deleteRule(this.camera.id, rule.id));
    if (done) this.offerUndo(rule);
  }

  /** @param {Rule} rule */
  offerUndo(rule) {
    const bar = find(this.card, ".undo");
    bar.replaceChildren(create("span", { text: `Deleted “${rule.text}”.` }));
    const button = create("button", { text: "Undo" });
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      bar.hidden = true;
      void this.change(bar, () => api.undoRule(this.camera.id, rule.id));
    });
    bar.append(button);
    bar.hidden = false;
    clearTimeout(this.undoTimer);
    this.undoTimer = setTimeout(() => {
      bar.hidden = true;
    }, UNDO_MS);
  }

  /**
   * @param {HTMLElement} element what is changed
   * @param {() => Promise<unknown>} request
   * @returns {Promise<boolean>} whether it went well
   */
  async change(element, request) {
    const problem = find(this.card, ".list-error");
    problem.hidden = true;
    element.setAttribute("aria-busy", "true");
    try {
      await request();
      return true;
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      problem.textContent = error.message;
      problem.hidden = false;
      return false;
    } finally {
      element.removeAttribute("aria-busy");
      await this.load();
    }
  }

  close() {
    clearTimeout(this.undoTimer);
    this.asked += 1;
    clearProblem(this.form);
  }
}

/** @param {Preview} result */
function outcome(result) {
  const matched = result.objects.length + result.more_objects;
  if (result.frames === 0) return "Nothing to try it on yet: the camera has given no score in the last minutes.";
  const parts = [
    matched === 0 ? "match nothing" : `match ${counted(matched, "object")}`,
    result.alerts_removed.length === 0 ? "remove no alert" : `remove ${counted(result.alerts_removed.length, "alert")}`,
    result.alerts_raised.length === 0 ? "raise none" : `raise ${result.alerts_raised.length}`,
  ];
  return `In the last ${duration(result.seconds)} it would ${parts.join(", ")}.`;
}

/** @param {{text: string, weight: number}[]} phrases */
function understood(phrases) {
  if (phrases.length === 0) return "";
  return `Understood as: ${phrases.slice(0, MOST_PHRASES).map(({ text }) => text).join("; ")}.`;
}

/** @param {Rule} rule */
function facts(rule) {
  const { schedule } = rule;
  const parts = [];
  if (rule.zone !== null) parts.push(`in ${rule.zone}`);
  if (rule.strength < 1) parts.push(`strength ${rule.strength}`);
  if (schedule !== null) {
    const days = schedule.days.length === 7 ? "every day" : schedule.days.map((day) => DAY_NAMES[/** @type {keyof DAY_NAMES} */ (day)]).join(", ");
    parts.push(`${days} ${schedule.from}–${schedule.to}${schedule.timezone ? ` (${schedule.timezone})` : ""}`);
  }
  if (rule.expires_at !== null) parts.push(`until ${moment(Date.parse(rule.expires_at), Date.now())}`);
  if (rule.method === "equation10") parts.push("equation 10");
  if (rule.enabled && !rule.active) parts.push("not in force now");
  return parts.join(", ");
}

/**
 * @param {{warnings: string[], conflicts: import("./api.js").Conflict[], id?: string}} result
 * @returns {HTMLElement[]}
 */
function notes({ warnings, conflicts, id }) {
  const contradictions = conflicts.map(({ text, wins, verdict }) => {
    const which = id !== undefined && wins === id ? "this rule counts" : "the other counts";
    return `“${text}” ${VERDICTS[verdict]} says the opposite; where both match, ${which}`;
  });
  return [...warnings, ...contradictions].map((text) => create("li", { text: sentence(text) }));
}

/** @param {import("./api.js").PreviewObject} object */
function thumbnail(object) {
  const name = object.caption === "" ? object.label : object.caption;
  const text = `${name}, ${clock(Date.parse(object.first_at))}`;
  const figure = create("figure", { title: text });
  if (object.thumbnail === null) figure.append(icon("live"));
  else {
    const image = /** @type {HTMLImageElement} */ (create("img"));
    image.src = object.thumbnail;
    image.alt = "";
    figure.append(image);
  }
  const means = object.evidence === "caption" ? "by what is known of it" : "by its looks";
  figure.append(create("figcaption", {}, create("span", { text: name }), create("span", { class: "hint", text: `${Math.round(object.similarity * 100)} % ${means}` })));
  return create("li", {}, figure);
}

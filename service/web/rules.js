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

/** A score that moves by less than this looks the same. */
const MIN_MOVE = 0.005;
const ACTIONS = { created: "added", changed: "changed", deleted: "deleted", undone: "undid an edit of" };
const SURE = { caption: "by what is known of it", image: "a guess, by its looks", posture: "a guess, by its posture" };
const VERDICTS = { normal: "is normal here", anomaly: "is not normal here" };
/** @type {Record<import("./api.js").Day, string>} */
const DAY_NAMES = { mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun" };
const DAYS = /** @type {import("./api.js").Day[]} */ (Object.keys(DAY_NAMES));
/** How far back a rule is tried, as far as the service remembers. */
const PREVIEW_MINUTES = 10;
/** What a rule was understood as: the phrases that count. */
const MAX_PHRASES = 3;
const MAX_THUMBS = 12;
/** An edit can be taken back with one press for so long; afterwards, in the list of edits. */
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
    /** @type {Rule|null} the saved rule that the form changes */
    this.editing = null;
    /** @type {Rule[]} those that are saved */
    this.rules = [];
    this.prepareForm();
    this.fillZones();
    this.forgetPreview();
    void this.load();
  }

  prepareForm() {
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.submitSpec(async (spec) => {
        if (this.editing === null) {
          const { id } = await api.addRule(this.camera.id, spec);
          this.offerUndo(id, `Saved “${spec.text}”.`);
        } else {
          const { id } = await api.changeRule(this.camera.id, this.editing.id, spec);
          this.offerUndo(id, `Changed “${spec.text}”.`);
        }
        this.edit(null);
        await this.load();
      });
    });
    find(this.form, ".cancel").addEventListener("click", () => this.edit(null));
    const edits = /** @type {HTMLDetailsElement} */ (find(this.card, ".edits"));
    edits.addEventListener("toggle", () => void this.load());
    find(this.form, ".try").addEventListener("click", () => void this.tryOut());
    // What was tried is no longer what would be saved.
    this.form.addEventListener("input", () => this.forgetPreview());
    find(this.form, "details").addEventListener("toggle", () => this.fillZones());
  }

  /**
   * @param {(spec: RuleSpec) => Promise<unknown>} action
   */
  submitSpec(action) {
    return submit(this.form, async () => {
      const spec = this.spec();
      if (spec.text === "") {
        const message = "Enter what the rule is about.";
        throw new api.Problem(0, "empty", message, [{ field: "text", message }]);
      }
      await action(spec);
    });
  }

  /**
   * Takes a saved rule into the form, or empties it for a new one.
   * @param {Rule|null} rule
   */
  edit(rule) {
    this.editing = rule;
    this.form.reset();
    this.fillZones();
    clearProblem(this.form);
    this.forgetPreview();
    find(this.form, ".cancel").hidden = rule === null;
    setText(find(this.form, "[type=submit]"), rule === null ? "Save rule" : "Save change");
    if (rule === null) return;
    const field = (/** @type {string} */ name) => /** @type {HTMLInputElement|HTMLSelectElement} */ (find(this.form, `[name=${name}]`));
    const { schedule } = rule;
    const strength = /** @type {HTMLSelectElement} */ (field("strength"));
    if (![...strength.options].some(({ value }) => Number(value) === rule.strength)) strength.add(new Option(String(rule.strength)));
    field("text").value = rule.text;
    field("verdict").value = rule.verdict;
    strength.value = String(rule.strength);
    field("zone").value = rule.zone ?? "";
    field("from").value = schedule?.from ?? "";
    // A time field knows no 24:00; left empty it means that.
    field("to").value = schedule === null || schedule.to === "24:00" ? "" : schedule.to;
    for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (this.form.querySelectorAll("[name=days]"))) box.checked = schedule?.days.some((day) => day === box.value) ?? false;
    field("expires_at").value = rule.expires_at === null ? "" : localMinute(new Date(rule.expires_at));
    /** @type {HTMLDetailsElement} */ (find(this.form, "details")).open = facts(rule) !== "";
    field("text").focus();
  }

  /** @returns {RuleSpec} */
  spec() {
    const data = new FormData(this.form);
    const [from, to] = [String(data.get("from")), String(data.get("to"))];
    const chosen = data.getAll("days");
    const days = DAYS.filter((day) => chosen.includes(day));
    const timed = from !== "" || to !== "" || days.length > 0;
    const [begins, ends] = [from === "" ? "00:00" : from, to === "" ? "24:00" : to];
    const expires = String(data.get("expires_at"));
    return {
      text: String(data.get("text")).trim(),
      verdict: /** @type {"normal"|"anomaly"} */ (data.get("verdict")),
      strength: Number(data.get("strength")),
      zone: String(data.get("zone")) || null,
      schedule: timed
        ? { days: days.length > 0 ? days : DAYS, from: begins, to: ends, overnight: ends < begins, timezone: this.ownTimezone() }
        : null,
      expires_at: expires === "" ? null : new Date(expires).toISOString(),
    };
  }

  /** The time zone that the rule's hours are in; null goes by the camera's, where it has one. */
  ownTimezone() {
    const here = this.camera.stream.timezone === null ? Intl.DateTimeFormat().resolvedOptions().timeZone : null;
    return this.editing?.schedule?.timezone ?? here;
  }

  /**
   * The rules that count only in a zone.
   * @param {string} zone its name
   */
  rulesIn(zone) {
    return this.rules.filter((rule) => rule.zone === zone);
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
    setText(find(this.form, ".hours"), `The hours are in ${this.ownTimezone() ?? this.camera.stream.timezone} time.`);
    select.value = this.camera.stream.zones.some(({ name }) => name === chosen) ? chosen : "";
  }

  forgetPreview() {
    this.asked += 1;
    this.preview.hidden = true;
  }

  async tryOut() {
    const asked = ++this.asked;
    const well = await this.submitSpec(async (rule) => {
      this.preview.hidden = false;
      this.preview.classList.add("pending");
      setText(find(this.preview, ".outcome"), `Trying it on the last ${PREVIEW_MINUTES} minutes …`);
      const result = await api.previewRule(this.camera.id, { rule, minutes: PREVIEW_MINUTES, replaces: this.editing?.id ?? null });
      if (asked === this.asked) this.showPreview(result);
    });
    if (!well) this.forgetPreview();
  }

  /** @param {Preview} result */
  showPreview(result) {
    this.preview.classList.remove("pending");
    setText(find(this.preview, ".outcome"), outcome(result));
    setText(find(this.preview, ".understood"), understood(result.resembles));
    find(this.preview, ".warnings").replaceChildren(...notes(result));
    const thumbs = [...grouped(result.objects).values()].slice(0, MAX_THUMBS).map(thumbnail);
    find(this.preview, ".matches").replaceChildren(...thumbs);
    const chart = find(this.preview, ".chart");
    chart.hidden = result.curves.at.length < 2;
    if (!chart.hidden) drawCurves(/** @type {HTMLCanvasElement} */ (find(chart, "canvas")), result);
  }

  async load() {
    try {
      const open = /** @type {HTMLDetailsElement} */ (find(this.card, ".edits")).open;
      const [rules, taught, edits] = await Promise.all([
        api.listRules(this.camera.id),
        api.listTaught(this.camera.id),
        open ? api.listEdits(this.camera.id) : [],
      ]);
      this.render(rules, taught, edits);
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      // A camera that cannot run has none; its own message says why.
    }
  }

  /**
   * @param {Rule[]} rules
   * @param {import("./api.js").Taught[]} taught
   * @param {import("./api.js").Edit[]} edits
   */
  render(rules, taught, edits) {
    this.rules = rules;
    const last = undoable(edits);
    find(this.card, ".edit-list").replaceChildren(...edits.map((edit) => this.editItem(edit, last.has(edit.id))));
    find(this.card, ".rule-list").replaceChildren(...rules.map((rule) => this.item(rule)));
    find(this.card, ".no-rules").hidden = rules.length > 0;
    find(this.card, ".taught-head").hidden = taught.length === 0;
    find(this.card, ".taught-list").replaceChildren(...taught.map((one) => this.taughtItem(one)));
  }

  /** @param {Rule} rule */
  item(rule) {
    const element = fromTemplate("rule-item");
    const box = /** @type {HTMLInputElement} */ (find(element, "input"));
    box.checked = rule.enabled;
    box.addEventListener("change", () => void this.toggle(element, rule, box.checked));
    setText(find(element, ".rule-text"), rule.text);
    setText(find(element, ".rule-verdict"), VERDICTS[rule.verdict]);
    element.dataset.verdict = rule.verdict;
    element.classList.toggle("idle", !rule.active);
    setText(find(element, ".rule-facts"), facts(rule));
    find(element, ".warnings").replaceChildren(...notes(rule));
    const edit = find(element, ".edit");
    edit.setAttribute("aria-label", `Edit the rule ${rule.text}`);
    edit.addEventListener("click", () => this.edit(rule));
    const remove = find(element, ".remove");
    remove.setAttribute("aria-label", `Delete the rule ${rule.text}`);
    remove.addEventListener("click", () => void this.remove(element, rule));
    return element;
  }

  /**
   * @param {import("./api.js").Edit} edit
   * @param {boolean} last whether it is what an undo of its rule takes back
   */
  editItem(edit, last) {
    const at = moment(Date.parse(edit.at), Date.now());
    const text = (edit.after ?? edit.before)?.text ?? "";
    const item = create("li", {}, create("span", { text: `${at}, ${edit.who} ${ACTIONS[edit.action]} “${text}”${switched(edit)}` }));
    if (last) {
      const button = create("button", { text: "Undo" });
      button.setAttribute("type", "button");
      button.addEventListener("click", () => void this.change(item, () => api.undoRule(this.camera.id, edit.rule_id)));
      item.append(button);
    }
    return item;
  }

  /** @param {import("./api.js").Taught} taught */
  taughtItem(taught) {
    const element = fromTemplate("taught-item");
    const what = counted(taught.objects, "object");
    setText(find(element, "span"), `${what} of a false alarm, learned ${moment(Date.parse(taught.taught_at), Date.now())}${taught.active ? "" : " with another encoder, and so not in effect"}`);
    find(element, "button").addEventListener("click", () => void this.change(element, () => api.reviewAlert(taught.alert_id, { verdict: null })));
    return element;
  }

  /**
   * @param {HTMLElement} element
   * @param {Rule} rule
   */
  async remove(element, rule) {
    const done = await this.change(element, () => api.deleteRule(this.camera.id, rule.id));
    if (done && this.editing?.id === rule.id) this.edit(null);
    if (done) this.offerUndo(rule.id, `Deleted “${rule.text}”.`);
  }

  /**
   * @param {HTMLElement} element
   * @param {Rule} rule
   * @param {boolean} enabled
   */
  async toggle(element, rule, enabled) {
    const done = await this.change(element, () => api.changeRule(this.camera.id, rule.id, { enabled }));
    if (done) this.offerUndo(rule.id, `Switched “${rule.text}” ${enabled ? "on" : "off"}.`);
  }

  /**
   * @param {string} id of the rule
   * @param {string} said what was done
   */
  offerUndo(id, said) {
    const bar = find(this.card, ".undo");
    bar.replaceChildren(create("span", { text: said }));
    const button = create("button", { text: "Undo" });
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      bar.hidden = true;
      void this.change(bar, () => api.undoRule(this.camera.id, id));
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
  if (result.frames === 0) return "There is nothing to try it on yet: this camera has had no score in the last few minutes.";
  const said = [
    `In the last ${duration(result.seconds)} this rule would match ${matched === 0 ? "nothing" : counted(matched, "object")}.`,
    moved(result, 1),
    moved(result, -1),
    changedAlerts(result),
  ];
  return said.filter((text) => text !== "").join(" ");
}

/**
 * How many frames a rule would raise, or lower, and what that comes to.
 * @param {Preview} result
 * @param {1|-1} sign
 */
function moved({ curves, threshold }, sign) {
  const scores = curves.with_rule.filter((score, index) => sign * (score - curves.without_rule[index]) >= MIN_MOVE);
  if (scores.length === 0) return "";
  const over = scores.filter((score) => score >= threshold).length;
  const those = `the score of ${counted(scores.length, "frame")}`;
  return sign > 0
    ? `It would raise ${those}, ${over === 0 ? "none" : over} of them to the threshold or above.`
    : `It would lower ${those}, ${over === 0 ? "none" : over} of which would still be at the threshold or above.`;
}

/** @param {Preview} result */
function changedAlerts({ alerts_removed: gone, alerts_absorbed: absorbed, alerts_raised: come }) {
  const changes = [
    gone.length > 0 ? `remove ${counted(gone.length, "alert")}` : "",
    absorbed.length > 0 ? `join ${counted(absorbed.length, "alert")} to others` : "",
    come.length > 0 ? `add ${counted(come.length, "alert")}` : "",
  ].filter((change) => change !== "");
  return changes.length === 0 ? "No alert would come or go." : `It would ${changes.join(" and ")}.`;
}

/**
 * Objects of which the same is said, the most alike of each first.
 * @param {import("./api.js").PreviewObject[]} objects
 */
function grouped(objects) {
  /** @type {Map<string, import("./api.js").PreviewObject[]>} */
  const groups = new Map();
  for (const object of objects) {
    const name = `${object.caption || object.label} ${object.evidence}`;
    groups.set(name, [...(groups.get(name) ?? []), object]);
  }
  return groups;
}

/**
 * Of each rule the edit that an undo takes back: the newest that none took back yet.
 * @param {import("./api.js").Edit[]} edits the newest first
 * @returns {Set<number>} their ids
 */
function undoable(edits) {
  const [last, undone] = [new Map(), new Map()];
  for (const { id, rule_id: rule, action } of edits) {
    const waiting = undone.get(rule) ?? 0;
    if (action === "undone") undone.set(rule, waiting + 1);
    else if (waiting > 0) undone.set(rule, waiting - 1);
    else if (!last.has(rule)) last.set(rule, id);
  }
  return new Set(last.values());
}

/** @param {import("./api.js").Edit} edit */
function switched({ before, after }) {
  return before === null || after === null || before.enabled === after.enabled ? "" : after.enabled ? ", on" : ", off";
}

/**
 * As a field for date and time takes it.
 * @param {Date} date
 */
function localMinute(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {import("./api.js").Resemblance[]} phrases */
function understood(phrases) {
  if (phrases.length === 0) return "";
  return `Understood as: ${phrases.slice(0, MAX_PHRASES).map(({ text }) => text).join("; ")}.`;
}

/** @param {Rule} rule */
function facts(rule) {
  const { schedule } = rule;
  const parts = [];
  if (rule.zone !== null) parts.push(`in ${rule.zone}`);
  if (rule.strength < 1) parts.push(`strength ${rule.strength}`);
  if (schedule !== null) {
    const days = schedule.days.length === 7 ? "every day" : schedule.days.map((day) => DAY_NAMES[day]).join(", ");
    parts.push(`${days} ${schedule.from}–${schedule.to}${schedule.timezone ? ` (${schedule.timezone})` : ""}`);
  }
  if (rule.expires_at !== null) parts.push(`until ${moment(Date.parse(rule.expires_at), Date.now())}`);
  if (rule.method === "equation10") parts.push("equation 10");
  if (rule.enabled && !rule.active) parts.push("not in effect right now");
  return parts.join(", ");
}

/**
 * @param {{warnings: string[], conflicts: import("./api.js").Conflict[], id?: string}} result
 * @returns {HTMLElement[]}
 */
function notes({ warnings, conflicts, id }) {
  const contradictions = conflicts.map(({ text, wins, verdict }) => {
    const which = id !== undefined && wins === id ? "this rule" : "the other rule";
    return `Another rule says that “${text}” ${VERDICTS[verdict]}. Where both match, ${which} counts`;
  });
  return [...warnings, ...contradictions].map((text) => create("li", { text: sentence(text) }));
}

/** @param {import("./api.js").PreviewObject[]} objects of which the same is said */
function thumbnail(objects) {
  const object = objects.find((one) => one.thumbnail !== null) ?? objects[0];
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
  const sure = SURE[object.evidence];
  const more = objects.length === 1 ? [] : [create("span", { class: "hint", text: `and ${objects.length - 1} more like it` })];
  figure.append(create("figcaption", {}, create("span", { text: name }), create("span", { class: "hint", text: sure }), ...more));
  return create("li", {}, figure);
}

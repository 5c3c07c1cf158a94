/** The form that registers a camera, and changes one. It says what a change costs before it is made. */

import { hasLogin, sameCamera, withLogin } from "./address.js";
import * as api from "./api.js";
import { dialog } from "./dialogs.js";
import { create, find, setText } from "./dom.js";
import { clearProblem, numberOf, refuse, submit } from "./forms.js";

/** @typedef {import("./api.js").Stream} Stream */
/** @typedef {import("./api.js").StreamPatch} StreamPatch */
/** @typedef {import("./api.js").Pack} Pack */
/** @typedef {import("./camera.js").Camera} Camera */

/** What is no pack, as the service names it: a detector, and no network at all; no name leaves the choice to it. */
const MOTION = "motion";
const NONE = "none";
const AUTOMATIC = "";
/** @type {Record<string, string>} */
const NAMES = { [MOTION]: "motion: anything that moves", [AUTOMATIC]: "automatic", [NONE]: "none" };
const USUAL_HEADS = ["attributes"];
/** Settings for which the service stops and starts a camera. */
const REBUILDS = /** @type {const} */ (["url", "credentials", "transport", "fps", "detector", "packs", "encoder", "pose", "appearance"]);
/** Networks beside the detector, each with the kinds of packs that can be one. */
const NETWORKS = /** @type {const} */ ({ encoder: ["encoder"], pose: ["pose"], appearance: ["appearance", "encoder"] });
const NETWORK_NAMES = /** @type {(keyof typeof NETWORKS)[]} */ (Object.keys(NETWORKS));

export class CameraForm {
  /** @param {(stream: Stream) => void} onSaved */
  constructor(onSaved) {
    this.onSaved = onSaved;
    this.dialog = dialog("camera-dialog");
    this.form = /** @type {HTMLFormElement} */ (find(this.dialog, "form"));
    /** @type {Camera|null} the camera that is changed; null while one is added */
    this.camera = null;
    /** Counts openings, so that a list that comes late fills no other form. */
    this.openings = 0;
    this.fillTimezones();
    this.form.addEventListener("input", () => this.tellCosts());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
  }

  add() {
    this.open(null);
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.field("timezone").value = here === "UTC" ? "" : here;
  }

  /** @param {Camera} camera */
  edit(camera) {
    this.open(camera);
    const { stream } = camera;
    for (const name of /** @type {const} */ (["name", "url", "transport"])) this.field(name).value = stream[name];
    this.field("fps").value = String(stream.fps);
    this.field("timezone").value = stream.timezone ?? "";
  }

  /** @param {Camera|null} camera */
  open(camera) {
    this.camera = camera;
    this.form.reset();
    clearProblem(this.form);
    const edits = camera !== null;
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll("[data-only=add]"))) part.hidden = edits;
    setText(find(this.form, "h2"), edits ? `Change ${camera.stream.name}` : "Add a camera");
    this.nameButton();
    setText(find(this.form, ".unprobed"), edits ? "Save it even if the camera does not answer right now" : "Add it even if it does not answer right now");
    setText(find(this.form, ".login-hint"), loginHint(camera?.stream));
    const stored = camera?.stream.has_credentials === true ? "unchanged" : "";
    for (const name of ["user", "password"]) /** @type {HTMLInputElement} */ (this.field(name)).placeholder = stored;
    find(this.form, ".costs").hidden = true;
    /** @type {HTMLDetailsElement} */ (find(this.form, "details")).open = edits;
    for (const list of ["[name=detector]", ...NETWORK_NAMES.map((name) => `[name=${name}]`), ".heads div"]) find(this.form, list).replaceChildren();
    this.offer([]);
    this.dialog.showModal();
    void this.loadPacks();
  }

  nameButton() {
    setText(find(this.form, "[type=submit]"), this.camera === null ? "Add camera" : "Save");
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement|HTMLSelectElement}
   */
  field(name) {
    return find(this.form, `[name=${name}]`);
  }

  async loadPacks() {
    const opening = ++this.openings;
    // Without the list there is still what the camera has, or the built-in choice.
    const packs = await api.listPacks().catch(() => []);
    if (opening === this.openings && this.dialog.open) this.offer(packs);
  }

  /**
   * Fills the lists of detectors, heads and networks. What is chosen stays chosen, and what the camera has is offered
   * even if it cannot be used any more.
   * @param {Pack[]} packs
   */
  offer(packs) {
    const stream = this.camera?.stream;
    const usable = (/** @type {Pack["kind"]} */ kind) => packs.filter((pack) => pack.kind === kind && pack.usable).map(({ name }) => name);
    const detector = this.chosen("detector") ?? stream?.detector ?? MOTION;
    fillSelect(this.field("detector"), [MOTION, detector, ...usable("detector")], detector);
    for (const name of NETWORK_NAMES) {
      const chosen = this.chosen(name) ?? stream?.[name] ?? AUTOMATIC;
      fillSelect(this.field(name), [AUTOMATIC, chosen, ...NETWORKS[name].flatMap(usable), NONE], chosen);
    }
    const present = stream?.packs ?? USUAL_HEADS;
    this.offerHeads(packs, [...new Set([...present, ...usable("head")])], this.heads() ?? present);
  }

  /**
   * @param {Pack[]} packs
   * @param {string[]} names
   * @param {string[]} chosen
   */
  offerHeads(packs, names, chosen) {
    const boxes = names.map((name) => {
      const box = /** @type {HTMLInputElement} */ (create("input"));
      [box.type, box.name, box.value, box.checked] = ["checkbox", "heads", name, chosen.includes(name)];
      const about = packs.find((pack) => pack.name === name)?.description ?? "";
      return create("label", { class: "check", title: about }, box, name);
    });
    find(this.form, ".heads div").replaceChildren(...boxes);
  }

  /**
   * @param {string} name of a list
   * @returns {string|null} null if it is not filled yet
   */
  chosen(name) {
    const select = /** @type {HTMLSelectElement} */ (this.field(name));
    return select.options.length === 0 ? null : select.value;
  }

  /** @returns {string[]|null} null if none are offered yet */
  heads() {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (this.form.querySelectorAll("[name=heads]"));
    return boxes.length === 0 ? null : [...boxes].filter((box) => box.checked).map((box) => box.value);
  }

  fillTimezones() {
    const options = Intl.supportedValuesOf("timeZone").map((name) => new Option(name, name));
    find(this.form, "#timezones").replaceChildren(...options);
  }

  /** What the form says that differs from what the camera has. */
  patch() {
    const stream = /** @type {Camera} */ (this.camera).stream;
    const said = this.said();
    /** @type {StreamPatch} */
    const patch = {};
    if (said.name !== stream.name) patch.name = said.name;
    if (said.transport !== stream.transport) patch.transport = said.transport;
    if (said.detector !== stream.detector) patch.detector = said.detector;
    for (const name of NETWORK_NAMES) if (said[name] !== stream[name]) patch[name] = said[name];
    if (said.fps !== stream.fps) patch.fps = said.fps;
    if (said.timezone !== stream.timezone) patch.timezone = said.timezone;
    if (!sameNames(said.heads, stream.packs)) patch.packs = said.heads;
    return { ...patch, ...this.source(stream) };
  }

  /**
   * The address is sent only if it was changed: what is shown of it may be masked. A login that was not typed is kept,
   * for the same camera alone.
   * @param {Stream} stream
   * @returns {StreamPatch}
   */
  source(stream) {
    const { url, user, password } = this.said();
    const moved = url !== stream.url;
    const login = { ...(user === "" ? {} : { user }), ...(password === "" ? {} : { password }) };
    const typed = user !== "" || password !== "";
    const keeps = stream.has_credentials && moved && sameCamera(url, stream.url) && !hasLogin(url);
    return { ...(moved ? { url } : {}), ...(typed || keeps ? { credentials: login } : {}) };
  }

  said() {
    const data = new FormData(this.form);
    const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
    return {
      name: text("name"),
      url: text("url"),
      user: text("user"),
      // A password may begin or end with a space.
      password: String(data.get("password") ?? ""),
      transport: /** @type {"tcp"|"udp"} */ (text("transport")),
      detector: text("detector"),
      encoder: text("encoder") || null,
      pose: text("pose") || null,
      appearance: text("appearance") || null,
      heads: this.heads() ?? [],
      fps: numberOf(data, "fps"),
      timezone: text("timezone") || null,
    };
  }

  /** What saving would cost, while it can still be thought over. */
  tellCosts() {
    if (this.camera === null) return;
    const { stream } = this.camera;
    const lines = costs(stream, this.patch());
    const relearns = unlearns(stream, this.patch());
    find(this.form, ".costs").hidden = lines.length === 0;
    const shown = [...this.form.querySelectorAll(".costs li")].map((item) => item.textContent);
    if (shown.join() !== lines.join()) find(this.form, ".costs ul").replaceChildren(...lines.map((text) => create("li", { text })));
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll(".relearn"))) part.hidden = !relearns;
  }

  async save() {
    setText(find(this.form, "[type=submit]"), "Trying the camera …");
    const opening = this.openings;
    await submit(this.form, async () => {
      refuse(this.problems());
      const stream = this.camera === null ? await this.create() : await this.change(this.camera);
      if (opening === this.openings) this.dialog.close("saved");
      this.onSaved(stream);
    });
    this.nameButton();
  }

  /** What can be seen without asking the service. */
  problems() {
    const { name, url, fps, heads } = this.said();
    /** @type {Record<string, string>} */
    const problems = {};
    if (name === "") problems.name = "Enter a name.";
    if (url === "") problems.url = "Enter an address.";
    if (fps === undefined) problems.fps = "Enter how many frames per second to look at.";
    if (heads.length === 0) problems.packs = "Choose at least one.";
    return problems;
  }

  create() {
    const data = new FormData(this.form);
    const { user, password, heads, ...spec } = this.said();
    const enrolment = data.get("enrol") === null ? undefined : { seconds: numberOf(data, "seconds") };
    const sensitivity = { alerts_per_day: numberOf(data, "alerts_per_day") };
    return api.createStream({ ...spec, ...sensitivity, enrolment, packs: heads, url: withLogin(spec.url, user, password) }, data.get("unprobed") === null);
  }

  /** @param {Camera} camera */
  async change(camera) {
    const data = new FormData(this.form);
    const patch = this.patch();
    if (Object.keys(patch).length === 0) return camera.stream;
    const learns = unlearns(camera.stream, patch) && data.get("relearn") !== null;
    const stream = await api.updateStream(camera.id, patch, data.get("unprobed") === null);
    camera.update(stream);
    // Another encoder unlearns only what uses one.
    if (learns && stream.enabled && !stream.status.enrolled) camera.enrolment = await api.enrol(camera.id, { seconds: numberOf(data, "relearn_seconds") });
    return stream;
  }
}

/**
 * Whether a change makes what a camera has learned useless.
 * @param {Stream} stream
 * @param {StreamPatch} patch
 */
function unlearns(stream, patch) {
  return stream.status.enrolled && (patch.detector !== undefined || patch.packs !== undefined || NETWORK_NAMES.some((name) => patch[name] !== undefined));
}

/**
 * @param {Stream} stream
 * @param {StreamPatch} patch
 * @returns {string[]} a sentence each
 */
function costs(stream, patch) {
  const lines = [];
  const { enrolled } = stream.status;
  if (enrolled && patch.detector !== undefined) lines.push("Changing the detector means learning anew.");
  if (enrolled && patch.packs !== undefined) lines.push("Changing what scores the picture means learning anew.");
  if (enrolled && patch.encoder !== undefined) lines.push("Changing the encoder means learning anew if something that scores the picture uses it. What false alarms have taught stops counting.");
  if (enrolled && patch.pose !== undefined) lines.push("Changing what finds people's postures means learning anew.");
  if (enrolled && patch.appearance !== undefined) lines.push("Changing what says how things look means learning anew.");
  if (enrolled && patch.url !== undefined) lines.push("What it has learned stays. If the camera shows another place, let it learn anew.");
  if (patch.url !== undefined && stream.has_credentials && patch.credentials === undefined && !hasLogin(patch.url ?? "")) {
    lines.push("The stored password belongs to the old address and is deleted. Enter it again if it is needed.");
  }
  if (REBUILDS.some((name) => patch[name] !== undefined)) lines.push("The camera connects again; there are no scores for a few seconds.");
  if (patch.timezone !== undefined) lines.push(`The hours of its rules are then in ${patch.timezone ?? "UTC"}, except where a rule names a time zone itself.`);
  return lines;
}

/**
 * @param {Stream|undefined} stream
 */
function loginHint(stream) {
  return stream?.has_credentials === true ? "Left empty, what is stored stays. It is never shown." : "If the camera asks for them. They are stored apart and never shown.";
}

/**
 * @param {Element} select
 * @param {string[]} names what there is to choose; the same name counts once
 * @param {string} chosen
 */
function fillSelect(select, names, chosen) {
  const options = [...new Set(names)].map((name) => new Option(NAMES[name] ?? name, name, false, name === chosen));
  select.replaceChildren(...options);
}

/**
 * @param {string[]} ones
 * @param {string[]} others
 */
const sameNames = (ones, others) => ones.length === others.length && ones.every((name) => others.includes(name));

/** Which cameras are shown, in which order and in which groups. Plain data in, plain data out. */

import { condition, KIND_NAMES, KINDS } from "./condition.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./condition.js").Kind} Kind */

export const ORDERS = /** @type {const} */ (["state", "name", "alert"]);
export const GROUPINGS = /** @type {const} */ (["state", "place", "none"]);

/**
 * @typedef {object} Choice
 * @property {typeof ORDERS[number]} order
 * @property {typeof GROUPINGS[number]} group
 * @property {Kind|"all"} state only cameras in it
 * @property {string} find only cameras with this in their name
 */

/** @type {Readonly<Choice>} */
export const DEFAULT_CHOICE = { order: "state", group: "state", state: "all", find: "" };

/** @typedef {{title: string, kind: Kind|null, cameras: Camera[]}} Group */

const OTHERS = "Others";
/** Numbers in names count as numbers: Platform 2 comes before Platform 10. */
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * @param {Iterable<Camera>} cameras
 * @param {Choice} choice
 * @returns {Group[]} none of them empty
 */
export function arranged(cameras, choice) {
  const wanted = [...cameras].filter((camera) => isWanted(camera, choice)).sort(comparison(choice.order));
  if (choice.group === "none") return wanted.length === 0 ? [] : [{ title: "", kind: null, cameras: wanted }];
  return choice.group === "state" ? byState(wanted) : byPlace(wanted);
}

/**
 * @param {Camera} camera
 * @param {Choice} choice
 */
function isWanted(camera, { state, find }) {
  const named = camera.stream.name.toLowerCase().includes(find.trim().toLowerCase());
  return named && (state === "all" || condition(camera).kind === state);
}

/**
 * @param {Choice["order"]} order
 * @returns {(a: Camera, b: Camera) => number}
 */
function comparison(order) {
  const byName = (/** @type {Camera} */ a, /** @type {Camera} */ b) => collator.compare(a.stream.name, b.stream.name) || (a.id < b.id ? -1 : 1);
  if (order === "name") return byName;
  if (order === "alert") return (a, b) => (b.alertedAt ?? 0) - (a.alertedAt ?? 0) || byName(a, b);
  const rank = (/** @type {Camera} */ camera) => KINDS.indexOf(condition(camera).kind);
  return (a, b) => rank(a) - rank(b) || byName(a, b);
}

/**
 * @param {Camera[]} cameras
 * @returns {Group[]}
 */
function byState(cameras) {
  const groups = KINDS.map((kind) => ({ title: KIND_NAMES[kind], kind, cameras: cameras.filter((camera) => condition(camera).kind === kind) }));
  return groups.filter((group) => group.cameras.length > 0);
}

/**
 * Groups by where cameras hang, as their names tell it; those that are alone in their place are together. A group
 * stands where its first camera would, so that a camera that does not watch brings its place to the front.
 * @param {Camera[]} cameras
 * @returns {Group[]}
 */
function byPlace(cameras) {
  const keyOf = (/** @type {Camera} */ camera) => placeOf(camera.stream.name).toLowerCase();
  /** @type {Map<string, Camera[]>} */
  const places = new Map();
  for (const camera of cameras) places.set(keyOf(camera), [...(places.get(keyOf(camera)) ?? []), camera]);
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const camera of cameras) {
    const alone = places.get(keyOf(camera))?.length === 1;
    const title = alone ? OTHERS : placeOf(camera.stream.name);
    const key = alone ? "" : keyOf(camera);
    const group = groups.get(key) ?? { title, kind: null, cameras: [] };
    group.cameras.push(camera);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/**
 * Where a camera hangs: what its name begins with, up to a separator ("Hall / north door", "Hall: north door"), else
 * its first word ("Platform 2").
 * @param {string} name
 */
function placeOf(name) {
  const [place, ...others] = name.split(/\s*[/:|,\u2013\u2014]\s*|\s+-\s+/);
  return others.length > 0 && place !== "" ? place : name.split(/\s/, 1)[0];
}

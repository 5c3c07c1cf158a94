/** The keys of the review. They count while no field is being written in and no dialog is open. */

/**
 * @typedef {object} Commands what keys do; with the alert that is open, or in the list
 * @property {() => boolean} isOpen whether an alert is shown large
 * @property {() => boolean} inList whether the keyboard is in the list
 * @property {(steps: number) => void} step to the next alert, or back
 * @property {(key: "left"|"right"|"up"|"down"|"pageUp"|"pageDown"|"first"|"last", extend: boolean) => void} move
 * @property {() => void} pick
 * @property {() => void} pickAll
 * @property {(verdict: "confirmed"|"false_alarm") => void} judge
 * @property {() => void} undo
 * @property {() => void} back out of what is open or chosen
 * @property {() => void} search
 * @property {() => void} note
 * @property {() => void} copy
 * @property {() => void} help
 */

/** @type {Record<string, "left"|"right"|"up"|"down"|"pageUp"|"pageDown"|"first"|"last">} */
const MOVES = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  PageUp: "pageUp",
  PageDown: "pageDown",
  Home: "first",
  End: "last",
};

/**
 * @param {KeyboardEvent} event
 * @param {Commands} commands
 */
export function press(event, commands) {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]") !== null) return;
  const writing = isField(event.target);
  if (event.key === "Escape") return void commands.back();
  if (writing) return;
  const done = event.ctrlKey || event.metaKey ? pressWithControl(event, commands) : pressAlone(event, commands);
  if (done) event.preventDefault();
}

/**
 * @param {KeyboardEvent} event
 * @param {Commands} commands
 */
function pressWithControl(event, commands) {
  if (event.key.toLowerCase() !== "a" || !commands.inList()) return false;
  commands.pickAll();
  return true;
}

/**
 * @param {KeyboardEvent} event
 * @param {Commands} commands
 * @returns {boolean} whether it was a key of the review
 */
function pressAlone(event, commands) {
  const { key } = event;
  const open = commands.isOpen();
  if (key in MOVES && commands.inList() && !(open && (key === "ArrowLeft" || key === "ArrowRight"))) {
    commands.move(MOVES[key], event.shiftKey);
    return true;
  }
  /** @type {Record<string, () => void>} */
  const acts = {
    j: () => commands.step(1),
    k: () => commands.step(-1),
    x: commands.pick,
    c: () => commands.judge("confirmed"),
    f: () => commands.judge("false_alarm"),
    u: commands.undo,
    "/": commands.search,
    "?": commands.help,
    ...(open ? { ArrowRight: () => commands.step(1), ArrowLeft: () => commands.step(-1), n: commands.note, l: commands.copy } : {}),
  };
  // Arrows belong to what has the keyboard, if that is something that moves by them.
  if (key.startsWith("Arrow") && event.target instanceof Element && event.target.closest(".calendar") !== null) return false;
  const act = acts[key.length === 1 ? key.toLowerCase() : key];
  act?.();
  return act !== undefined;
}

/** @param {EventTarget|null} target */
function isField(target) {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

/**
 * The overview's choice in the page's address, so that a reload, a bookmark and a link keep it. How cameras are
 * ordered and grouped is also remembered for the next visit. What is left out is not: a filter that somebody forgot
 * would hide the camera that fails next.
 */

import { DEFAULT_CHOICE, GROUPINGS, ORDERS } from "./camera-order.js";
import { KINDS } from "./condition.js";

/** @typedef {import("./camera-order.js").Choice} Choice */

const KEY = "watchword.overview";
const MAX_FIND = 100;

/** @returns {Choice} what the address says, else what was chosen last time, else the usual */
export function recall() {
  const said = new URLSearchParams(location.search);
  const kept = remembered();
  const find = said.get("find")?.slice(0, MAX_FIND) ?? DEFAULT_CHOICE.find;
  return {
    order: ORDERS.find((one) => one === (said.get("order") ?? kept.get("order"))) ?? DEFAULT_CHOICE.order,
    group: GROUPINGS.find((one) => one === (said.get("group") ?? kept.get("group"))) ?? DEFAULT_CHOICE.group,
    state: KINDS.find((one) => one === said.get("state")) ?? DEFAULT_CHOICE.state,
    find,
  };
}

/** @param {Choice} choice */
export function keep(choice) {
  const address = new URL(location.href);
  for (const name of /** @type {(keyof Choice)[]} */ (Object.keys(DEFAULT_CHOICE))) {
    if (choice[name] === DEFAULT_CHOICE[name]) address.searchParams.delete(name);
    else address.searchParams.set(name, choice[name]);
  }
  if (address.href !== location.href) history.replaceState(history.state, "", address);
  const { order, group } = choice;
  try {
    localStorage.setItem(KEY, String(new URLSearchParams({ order, group })));
  } catch {
    // A browser that stores nothing still has the address.
  }
}

/** @returns {URLSearchParams} */
function remembered() {
  try {
    return new URLSearchParams(localStorage.getItem(KEY) ?? "");
  } catch {
    return new URLSearchParams();
  }
}

/** The colours of style.css, for what is drawn on a canvas. */

const NAMES = ["series", "series-fill", "alert", "alert-fill", "line", "text", "text-faint", "hatch", "learning-fill", "surface"];

/** @type {Record<string, string>|null} */
let colours = null;

/**
 * @param {string} name of a custom property of the root, without its dashes
 * @returns {string}
 */
export function colour(name) {
  if (colours === null) {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(NAMES.map((key) => [key, style.getPropertyValue(`--${key}`).trim()]));
  }
  return colours[name];
}

for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"]) {
  matchMedia(query).addEventListener("change", () => {
    colours = null;
  });
}

export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

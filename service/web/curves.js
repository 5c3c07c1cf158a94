/** The score of the recent past as it was and as a rule would have made it, in one small chart. */

import { fitCanvas } from "./dom.js";
import { clock } from "./format.js";
import { colour } from "./theme.js";

/** Two scores farther apart than this, in seconds, are not joined. */
const GAP_S = 3;
const PAD = 3;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./api.js").Preview} preview
 */
export function drawCurves(canvas, { curves, threshold }) {
  const fitted = fitCanvas(canvas);
  if (fitted === null) return;
  const { context, width, height } = fitted;
  const [from, to] = [curves.at[0], curves.at[curves.at.length - 1]];
  const x = (/** @type {number} */ time) => ((time - from) / Math.max(to - from, 1e-6)) * width;
  const y = (/** @type {number} */ value) => PAD + (1 - value) * (height - 2 * PAD);
  context.clearRect(0, 0, width, height);
  context.strokeStyle = colour("alert");
  context.setLineDash([4, 3]);
  context.beginPath();
  context.moveTo(0, y(threshold));
  context.lineTo(width, y(threshold));
  context.stroke();
  context.setLineDash([]);
  line(context, curves.at, curves.without_rule, x, y, colour("text-faint"), 1);
  line(context, curves.at, curves.with_rule, x, y, colour("series"), 2);
  const peak = Math.max(...curves.with_rule).toFixed(2);
  const before = Math.max(...curves.without_rule).toFixed(2);
  canvas.setAttribute("aria-label", `Score from ${clock(from * 1000)} to ${clock(to * 1000)}: highest ${before} as it was, ${peak} with the rule`);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} times
 * @param {number[]} values
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @param {string} stroke
 * @param {number} width
 */
function line(context, times, values, x, y, stroke, width) {
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.beginPath();
  for (let i = 0; i < times.length; i++) {
    if (i > 0 && times[i] - times[i - 1] <= GAP_S) context.lineTo(x(times[i]), y(values[i]));
    else context.moveTo(x(times[i]), y(values[i]));
  }
  context.stroke();
}

/**
 * The score of one camera over the last minutes, drawn on a canvas: a line with the threshold, hatched where
 * there was no score, tinted where the camera was learning, shaded while an alert was open.
 */

import { fitCanvas, setText } from "./dom.js";
import { clock, rarity, score as scoreText, STATE_NAMES } from "./format.js";
import { colour } from "./theme.js";

/** @typedef {import("./history.js").ScoreHistory} ScoreHistory */
/** @typedef {import("./history.js").Sample} Sample */

/** Two scores farther apart than this, in seconds, have a gap between them. */
const GAP_S = 3;
/** Room for half a line's width above score 1 and below score 0. */
const PAD = 3;

/**
 * @typedef {object} Span
 * @property {number} from Unix seconds
 * @property {number} to
 */

/**
 * Where the line breaks, why, and where alerts were open, of the samples in a window.
 * @param {ScoreHistory} history
 * @param {number} from
 * @param {number} to
 * @returns {{lines: [number, number][], gaps: Span[], learning: Span[], alerts: Span[]}}
 *   `lines` are index ranges, last one included, of samples that join up
 */
export function segments(history, from, to) {
  /** @type {[number, number][]} */
  const lines = [];
  /** @type {Span[]} */
  const gaps = [];
  /** @type {Span[]} */
  const learning = [];
  /** @type {Span[]} */
  const alerts = [];
  // One sample before the window, so that what began outside reaches its edge.
  const first = Math.max(0, history.lowerBound(from) - 1);
  for (let i = first; i < history.length; i++) {
    const sample = history.sample(i);
    const next = i + 1 < history.length ? history.time(i + 1) : to;
    if (sample.time > to) break;
    if (Number.isNaN(sample.score)) {
      const learns = sample.state === "enrolling" && next - sample.time <= GAP_S;
      extend(learns ? learning : gaps, sample.time, next);
    } else {
      const line = lines.at(-1);
      const joins = line !== undefined && line[1] === i - 1 && sample.time - history.time(i - 1) <= GAP_S;
      if (joins) line[1] = i;
      else lines.push([i, i]);
      if (next - sample.time > GAP_S) extend(gaps, sample.time, next);
    }
    if (sample.alert) extend(alerts, sample.time, Math.min(next, sample.time + GAP_S));
  }
  if (history.length === 0) gaps.push({ from, to });
  else if (history.time(0) > from) gaps.unshift({ from, to: history.time(0) });
  return { lines, gaps, learning, alerts };
}

/**
 * @param {Span[]} spans
 * @param {number} from
 * @param {number} to
 */
function extend(spans, from, to) {
  const last = spans.at(-1);
  if (last !== undefined && from - last.to < 0.001) last.to = to;
  else spans.push({ from, to });
}

export class Timeline {
  /**
   * @param {HTMLElement} element holds a canvas and, for what the pointer is on, an output
   * @param {ScoreHistory} history
   * @param {{seconds: number, axis: boolean}} options
   */
  constructor(element, history, { seconds, axis }) {
    this.element = element;
    this.history = history;
    this.seconds = seconds;
    this.axis = axis;
    this.canvas = /** @type {HTMLCanvasElement} */ (element.querySelector("canvas"));
    this.readout = /** @type {HTMLOutputElement} */ (element.querySelector("output"));
    /** @type {number|null} the pointer's place, as a share of the width */
    this.cursor = null;
    this.now = Date.now() / 1000;
    element.addEventListener("pointermove", (event) => this.point(event));
    element.addEventListener("pointerleave", () => this.moveCursor(null));
    element.addEventListener("blur", () => this.moveCursor(null));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {PointerEvent} event */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    this.moveCursor(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const steps = { ArrowLeft: -0.01, ArrowRight: 0.01, PageUp: 0.1, PageDown: -0.1 };
    if (event.key === "Escape") return this.moveCursor(null);
    const step = event.key === "Home" ? -1 : event.key === "End" ? 1 : steps[/** @type {keyof steps} */ (event.key)];
    if (step === undefined) return;
    event.preventDefault();
    this.moveCursor(Math.min(1, Math.max(0, (this.cursor ?? 1) + step)));
  }

  /** @param {number|null} cursor */
  moveCursor(cursor) {
    this.cursor = cursor;
    this.draw(this.now);
  }

  /** @param {number} now Unix seconds, by the service's clock: the right edge */
  draw(now) {
    this.now = now;
    const fitted = fitCanvas(this.canvas);
    if (fitted === null) return;
    const { context, width, height } = fitted;
    context.clearRect(0, 0, width, height);
    const plot = new Plot(context, width, this.axis ? height - 16 : height, now - this.seconds, now);
    const found = segments(this.history, plot.from, plot.to);
    for (const span of found.gaps) plot.hatch(span);
    for (const span of found.learning) plot.shade(span, colour("learning-fill"));
    for (const span of found.alerts) plot.shade(span, colour("alert-fill"));
    for (const line of found.lines) plot.line(this.history, line);
    plot.threshold(this.history.latest?.threshold ?? null);
    if (this.axis) plot.ticks(this.seconds);
    this.tell(plot);
  }

  /** @param {Plot} plot */
  tell(plot) {
    this.readout.hidden = this.cursor === null;
    if (this.cursor === null) return;
    const time = plot.from + this.cursor * (plot.to - plot.from);
    const sample = this.history.nearest(time, GAP_S);
    const x = this.cursor * plot.width;
    plot.cross(x, sample);
    setText(this.readout, describe(time, sample));
    this.element.setAttribute("aria-valuetext", this.readout.textContent ?? "");
    this.element.setAttribute("aria-valuenow", String(Math.round(this.cursor * 100)));
    const room = plot.width - this.readout.offsetWidth;
    this.readout.style.translate = `${Math.max(0, Math.min(room, x - this.readout.offsetWidth / 2))}px 0`;
  }
}

/**
 * @param {number} time
 * @param {Sample|null} sample
 */
function describe(time, sample) {
  if (sample === null) return `${clock(time * 1000)}  no score`;
  const at = clock(sample.time * 1000);
  if (Number.isNaN(sample.score)) return `${at}  no score: ${STATE_NAMES[sample.state].toLowerCase()}`;
  return `${at}  ${scoreText(sample.score)}  ${rarity(sample.score)}`;
}

/** The mapping from time and score to a canvas, and the marks on it. */
class Plot {
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   * @param {number} from
   * @param {number} to
   */
  constructor(context, width, height, from, to) {
    this.context = context;
    this.width = width;
    this.height = height;
    this.from = from;
    this.to = to;
  }

  /** @param {number} time */
  x(time) {
    return ((time - this.from) / (this.to - this.from)) * this.width;
  }

  /** @param {number} score */
  y(score) {
    return PAD + (1 - score) * (this.height - 2 * PAD);
  }

  /**
   * @param {Span} span
   * @param {string} fill
   */
  shade(span, fill) {
    const left = Math.max(0, this.x(span.from));
    this.context.fillStyle = fill;
    this.context.fillRect(left, 0, Math.max(1, Math.min(this.width, this.x(span.to)) - left), this.height);
  }

  /** @param {Span} span */
  hatch(span) {
    const { context } = this;
    const [left, right] = [Math.max(0, this.x(span.from)), Math.min(this.width, this.x(span.to))];
    if (right - left < 1) return;
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, this.height);
    context.clip();
    context.beginPath();
    // Lines start at multiples of the step in time, so that the pattern travels with the picture.
    const step = 7;
    const phase = ((this.from / (this.to - this.from)) * this.width) % step;
    for (let x = left - this.height - ((left + phase) % step); x < right; x += step) {
      context.moveTo(x, this.height);
      context.lineTo(x + this.height, 0);
    }
    context.strokeStyle = colour("hatch");
    context.lineWidth = 1;
    context.stroke();
    context.restore();
  }

  /**
   * One unbroken line. Where samples are denser than pixels each column keeps its lowest and highest, so a
   * single odd frame is never lost; columns are fixed in time, so the line does not shimmer as it moves.
   * @param {ScoreHistory} history
   * @param {[number, number]} range indices, last one included
   */
  line(history, [first, last]) {
    const { context } = this;
    const column = (this.to - this.from) / this.width;
    const path = new Path2D();
    let begun = false;
    for (let i = first; i <= last; ) {
      const bucket = Math.floor(history.time(i) / column);
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (; i <= last && Math.floor(history.time(i) / column) === bucket; i++) {
        const { score } = history.sample(i);
        low = Math.min(low, score);
        high = Math.max(high, score);
      }
      const x = this.x(bucket * column);
      if (begun) path.lineTo(x, this.y(high));
      else path.moveTo(x, this.y(high));
      if (low < high) path.lineTo(x, this.y(low));
      begun = true;
    }
    const area = new Path2D(path);
    area.lineTo(this.x(history.time(last)), this.height);
    area.lineTo(this.x(history.time(first)), this.height);
    context.fillStyle = colour("series-fill");
    context.fill(area);
    context.strokeStyle = colour("series");
    context.lineWidth = 1.25;
    context.lineJoin = "round";
    context.stroke(path);
    this.above(history.sample(last).threshold, path, area);
  }

  /**
   * Draws what lies above the threshold again, in the alert's colour.
   * @param {number} threshold
   * @param {Path2D} path
   * @param {Path2D} area
   */
  above(threshold, path, area) {
    if (Number.isNaN(threshold)) return;
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(0, 0, this.width, this.y(threshold));
    context.clip();
    context.fillStyle = colour("alert-fill");
    context.fill(area);
    context.strokeStyle = colour("alert");
    context.lineWidth = 1.75;
    context.stroke(path);
    context.restore();
  }

  /** @param {number|null} value */
  threshold(value) {
    if (value === null) return;
    const { context } = this;
    const y = Math.round(this.y(value)) + 0.5;
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(this.width, y);
    context.setLineDash([4, 4]);
    context.strokeStyle = colour("text-faint");
    context.lineWidth = 1;
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {number} seconds shown in all */
  ticks(seconds) {
    const { context } = this;
    const step = seconds > 300 ? 120 : seconds > 120 ? 60 : 30;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "bottom";
    context.textAlign = "center";
    for (let time = Math.ceil(this.from / step) * step; time <= this.to; time += step) {
      const x = Math.round(this.x(time)) + 0.5;
      context.fillStyle = colour("line");
      context.fillRect(x - 0.5, 0, 1, this.height);
      if (x < 24 || x > this.width - 24) continue;
      context.fillStyle = colour("text-faint");
      context.fillText(clock(time * 1000).slice(0, 5), x, this.height + 16);
    }
  }

  /**
   * @param {number} x
   * @param {Sample|null} sample
   */
  cross(x, sample) {
    const { context } = this;
    context.fillStyle = colour("text-faint");
    context.fillRect(Math.round(x), 0, 1, this.height);
    if (sample === null || Number.isNaN(sample.score)) return;
    context.beginPath();
    context.arc(this.x(sample.time), this.y(sample.score), 3, 0, 2 * Math.PI);
    context.fillStyle = colour("text");
    context.fill();
  }
}

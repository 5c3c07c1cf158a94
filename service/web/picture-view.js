/** A camera's picture on a canvas with the boxes of what was scored in it, drawn in one go so that they agree. */

import { fitCanvas } from "./dom.js";
import { score as scoreText } from "./format.js";
import { colour } from "./theme.js";

/** @typedef {import("./api.js").ScoredObject} ScoredObject */
/** @typedef {import("./api.js").ScoreMessage} ScoreMessage */

/** Below this width labels of ordinary objects would cover more than they tell. */
const LABELS_FROM_PX = 560;

/** Of the threshold, from which on it is shown where a score comes from: of a calm frame that says nothing. */
const HEAT_FROM = 0.75;

/** How much of the picture the hottest place hides: what is there must still be seen. */
const HEAT_OPACITY = 0.5;

export class PictureView {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {ImageBitmap|null} */
    this.bitmap = null;
    /** @type {ScoreMessage|null} */
    this.message = null;
    /** @type {ScoredObject|null} */
    this.chosen = null;
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {ScoreMessage|null} message the scores that belong to it
   */
  show(bitmap, message) {
    this.bitmap?.close();
    this.bitmap = bitmap;
    this.message = message;
    this.draw();
  }

  clear() {
    this.bitmap?.close();
    this.bitmap = null;
    this.message = null;
    this.draw();
  }

  /**
   * The object under a point: the smallest box around it.
   * @param {number} x share of the canvas's width
   * @param {number} y share of its height
   * @returns {ScoredObject|null}
   */
  objectAt(x, y) {
    const hits = (this.message?.objects ?? []).filter(
      ({ box: [left, top, width, height] }) => x >= left && x <= left + width && y >= top && y <= top + height,
    );
    hits.sort((a, b) => a.box[2] * a.box[3] - b.box[2] * b.box[3]);
    return hits[0] ?? null;
  }

  draw() {
    const fitted = fitCanvas(this.canvas);
    if (fitted === null) return;
    const { context, width, height } = fitted;
    context.clearRect(0, 0, width, height);
    if (this.bitmap === null) return;
    context.drawImage(this.bitmap, 0, 0, width, height);
    const threshold = this.message?.threshold ?? null;
    if (this.message !== null) heat(context, this.message, width, height);
    // Ordinary objects first, so that the culprit is never hidden under them.
    const objects = [...(this.message?.objects ?? [])].sort((a, b) => Number(a.culprit) - Number(b.culprit) || (a.score ?? 0) - (b.score ?? 0));
    const alarm = threshold !== null && (this.message?.score ?? 0) >= threshold;
    for (const object of objects) this.box(context, object, alarm && object.culprit, width, height);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ScoredObject} object
   * @param {boolean} unusual whether it made a score that is high enough for an alert, whatever its own is
   * @param {number} width
   * @param {number} height
   */
  box(context, object, unusual, width, height) {
    const [x, y, w, h] = object.box;
    const [left, top] = [Math.round(x * width) + 0.5, Math.round(y * height) + 0.5];
    const [boxWidth, boxHeight] = [Math.round(w * width), Math.round(h * height)];
    const chosen = this.isChosen(object);
    // A dark line around a light one is seen on any picture.
    context.strokeStyle = "rgb(0 0 0 / 55%)";
    context.lineWidth = unusual || chosen ? 4.5 : 3;
    context.strokeRect(left, top, boxWidth, boxHeight);
    context.strokeStyle = unusual ? colour("alert") : "rgb(255 255 255 / 85%)";
    context.lineWidth = unusual || chosen ? 2.5 : 1;
    context.strokeRect(left, top, boxWidth, boxHeight);
    if (!unusual && !chosen && width < LABELS_FROM_PX) return;
    const text = object.score === null ? object.label : `${object.label} ${scoreText(object.score)}`;
    label(context, text, left, top, boxHeight, unusual, width);
  }

  /** @param {ScoredObject} object */
  isChosen(object) {
    if (this.chosen === null) return false;
    return this.chosen.track_id === null ? this.chosen === object : this.chosen.track_id === object.track_id;
  }
}

/**
 * Reddens the picture where a head says that the score comes from.
 * @param {CanvasRenderingContext2D} context
 * @param {ScoreMessage} message
 * @param {number} width
 * @param {number} height
 */
function heat(context, message, width, height) {
  const { heat: map, score, threshold } = message;
  if (map === null || score === null || threshold === null || score < HEAT_FROM * threshold) return;
  const cells = document.createElement("canvas");
  [cells.width, cells.height] = [map.columns, map.rows];
  const pen = cells.getContext("2d");
  if (pen === null) return;
  pen.fillStyle = colour("alert");
  map.values.forEach((value, index) => {
    pen.globalAlpha = HEAT_OPACITY * value;
    pen.fillRect(index % map.columns, Math.floor(index / map.columns), 1, 1);
  });
  context.imageSmoothingEnabled = true;
  context.drawImage(cells, 0, 0, width, height);
}

/**
 * Whether an object's own score is high enough for an alert; who made the frame's is its culprit.
 * @param {import("./api.js").AnyObject} object
 * @param {number|null} threshold
 */
export function isUnusual(object, threshold) {
  return object.score !== null && threshold !== null && object.score >= threshold;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} left
 * @param {number} top
 * @param {number} boxHeight
 * @param {boolean} unusual
 * @param {number} width
 */
function label(context, text, left, top, boxHeight, unusual, width) {
  context.font = `${unusual ? "600 " : ""}11px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  const textWidth = context.measureText(text).width + 8;
  const x = Math.max(0, Math.min(width - textWidth, left - 1));
  const y = top >= 17 ? top - 17 : top + boxHeight + 1;
  context.fillStyle = unusual ? colour("alert") : "rgb(0 0 0 / 62%)";
  context.fillRect(x, y, textWidth, 16);
  context.fillStyle = unusual ? colour("surface") : "#fff";
  context.fillText(text, x + 4, y + 8.5);
}

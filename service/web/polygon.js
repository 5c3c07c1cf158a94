/** Geometry of zones: whether the outline of one crosses itself. */

/** @typedef {[number, number]} Point */

/**
 * Whether two sides of a polygon meet anywhere but in the corner that neighbours share. The service refuses such an
 * outline too: what is inside of it nobody could say.
 * @param {readonly Point[]} polygon
 */
export function crossesItself(polygon) {
  const count = polygon.length;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      const neighbours = j === i + 1 || (i === 0 && j === count - 1);
      const [a, b] = [polygon[i], polygon[(i + 1) % count]];
      const [c, d] = [polygon[j], polygon[(j + 1) % count]];
      if (neighbours ? foldsBack(a, b, c, d) : meet(a, b, c, d)) return true;
    }
  }
  return false;
}

/**
 * Whether two sides that share a corner lie upon one another.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 * @param {Point} d
 */
function foldsBack(a, b, c, d) {
  const shared = same(b, c) ? b : a;
  const [one, other] = shared === b ? [a, d] : [b, c];
  if (turn(one, shared, other) !== 0) return false;
  return (one[0] - shared[0]) * (other[0] - shared[0]) + (one[1] - shared[1]) * (other[1] - shared[1]) > 0;
}

/**
 * Whether the lines from a to b and from c to d have a point in common.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 * @param {Point} d
 */
function meet(a, b, c, d) {
  const [atC, atD, atA, atB] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (atC !== atD && atA !== atB && atC * atD <= 0 && atA * atB <= 0) return true;
  return [[a, b, c, atC], [a, b, d, atD], [c, d, a, atA], [c, d, b, atB]].some(
    ([from, to, point, side]) => side === 0 && within(/** @type {Point} */ (from), /** @type {Point} */ (to), /** @type {Point} */ (point)),
  );
}

/**
 * Which way the path from a over b to c turns: 1, -1, or 0 where it goes straight on.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 */
function turn(a, b, c) {
  const area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  // Corners have three decimals, so that areas have six: less is rounding.
  return Math.abs(area) < 1e-9 ? 0 : Math.sign(area);
}

/**
 * Whether a point on the line through a and b lies between them.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} point
 */
function within(a, b, point) {
  return [0, 1].every((axis) => Math.min(a[axis], b[axis]) <= point[axis] && point[axis] <= Math.max(a[axis], b[axis]));
}

/**
 * @param {Point} a
 * @param {Point} b
 */
const same = (a, b) => a[0] === b[0] && a[1] === b[1];

// A treemap: areas that are in proportion, in pieces as square as may be.

/** Give each of *weights* (positive, largest first) its place in the rectangle *x*, *y*, *width*, *height*. */
export function squares(weights, box) {
  const total = weights.reduce((sum, one) => sum + one, 0);
  const scale = (box.width * box.height) / total;
  const places = [];
  let rest = { ...box };
  let start = 0;
  while (start < weights.length) {
    const end = rowEnd(weights, start, scale, Math.min(rest.width, rest.height));
    const row = weights.slice(start, end).map((one) => one * scale);
    rest = lay(row, rest, places);
    start = end;
  }
  return places;
}

function rowEnd(weights, start, scale, side) {
  let sum = weights[start] * scale;
  let worst = stretch(sum, sum, sum, side);
  let end = start + 1;
  for (; end < weights.length; end += 1) {
    const area = weights[end] * scale;
    const next = stretch(sum + area, weights[start] * scale, area, side);
    if (next > worst) break;
    sum += area;
    worst = next;
  }
  return end;
}

/** Give how far from a square the worst piece of a row is. */
function stretch(sum, largest, smallest, side) {
  return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
}

function lay(row, box, places) {
  const sum = row.reduce((one, other) => one + other, 0);
  const isWide = box.width >= box.height;
  const depth = sum / (isWide ? box.height : box.width);
  let along = isWide ? box.y : box.x;
  for (const area of row) {
    const length = area / depth;
    places.push(isWide ? { x: box.x, y: along, width: depth, height: length } : { x: along, y: box.y, width: length, height: depth });
    along += length;
  }
  return isWide
    ? { x: box.x + depth, y: box.y, width: Math.max(box.width - depth, 0), height: box.height }
    : { x: box.x, y: box.y + depth, width: box.width, height: Math.max(box.height - depth, 0) };
}

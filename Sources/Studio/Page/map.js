// The map: every sound a dot. Drawn by hand into one picture, which takes a few milliseconds for 100,000 dots on any
// computer, with or without a graphics processor.
import { cssColor, groupColor, mixed, pack } from "./colors.js";
import { LISTENED, attempt, emit, labelName, on, plural, say, state } from "./state.js";

const canvas = document.getElementById("map-canvas");
const context = canvas.getContext("2d", { alpha: false });
const note = document.getElementById("map-note");
const view = { x: 0, y: 0, zoom: 1 };
let size = { width: 0, height: 0, ratio: 1 }, picture = null, words = null, colors = null, waiting = false;
let dimmed = null, mode = "cluster", lassoing = false, path = [], isDark = false, sizeOfMap = 1, circle = 0;
/** How long the last picture took, for measurements. */
export const timing = { drawSeconds: 0, pictures: 0 };

const scale = () => (Math.min(size.width, size.height) / 2.1) * view.zoom;
const toScreen = (id) => [size.width / 2 + (state.x[id] - view.x) * scale(), size.height / 2 - (state.y[id] - view.y) * scale()];
const toMap = (px, py) => [view.x + (px - size.width / 2) / scale(), view.y - (py - size.height / 2) / scale()];

/** Draws before the next frame of the screen. */
export function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function resize() {
  const box = canvas.getBoundingClientRect();
  if (!box.width) return;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
  if (width === canvas.width && height === canvas.height && picture) return;
  canvas.width = width; canvas.height = height;
  size = { width, height, ratio };
  picture = context.createImageData(width, height);
  words = new Uint32Array(picture.data.buffer);
  redraw();
}

function ground() { return isDark ? [21, 20, 27] : [251, 250, 248]; }

/** Chooses the colour of every dot anew. */
export function recolor() {
  if (!state.count) return;
  isDark = document.documentElement.dataset.theme === "dark";
  const back = ground(), grey = isDark ? [92, 88, 104] : [186, 182, 192];
  const groups = new Map();
  const packed = (number) => {
    if (number < 0) return [pack(...grey), pack(...mixed(grey, back, 0.7))];
    if (!groups.has(number)) {
      const color = groupColor(number, isDark);
      groups.set(number, [pack(...color), pack(...mixed(color, back, 0.8))]);
    }
    return groups.get(number);
  };
  colors ??= new Uint32Array(state.count); dimmed ??= new Uint32Array(state.count);
  for (let id = 0; id < state.count; id++) {
    let group = state.cluster[id];
    if (mode === "label") group = state.label[id];
    else if (mode === "prediction") group = state.label[id] >= 0 ? state.label[id] : state.prediction ? state.prediction[id] : -1;
    else if (mode === "listened") group = state.label[id] >= 0 ? 1 : state.flags[id] & LISTENED ? 0 : -1;
    [colors[id], dimmed[id]] = packed(group);
  }
  redraw();
}

function draw() {
  if (!state.count || !picture || !colors) return;
  const start = performance.now();
  const { width, height } = size, s = scale(), offsetX = width / 2 - view.x * s, offsetY = height / 2 + view.y * s;
  words.fill(pack(...ground()));
  const radius = Math.max(1, Math.min(7, Math.round(size.ratio * 1.2 * Math.sqrt(view.zoom) * sizeOfMap)));
  const rows = [];
  for (let dy = -radius; dy <= radius; dy++) rows.push(Math.floor(Math.sqrt((radius + 0.3) ** 2 - dy * dy)));
  const { x, y } = state;
  const selected = state.selection, hasSelection = selected.size > 0;
  const stamp = (id, color) => {
    const px = Math.round(x[id] * s + offsetX), py = Math.round(offsetY - y[id] * s);
    if (!(px >= radius && py >= radius && px < width - radius && py < height - radius)) return;
    for (let row = -radius; row <= radius; row++) {
      const half = rows[row + radius], from = (py + row) * width + px - half, to = from + 2 * half;
      for (let place = from; place <= to; place++) words[place] = color;
    }
  };
  const base = hasSelection ? dimmed : colors;
  for (let id = 0; id < state.count; id++) stamp(id, base[id]);
  if (hasSelection) for (const id of selected) stamp(id, colors[id]);
  context.putImageData(picture, 0, 0);
  const ring = (id, color, extra) => {
    const [px, py] = toScreen(id);
    context.beginPath(); context.arc(px, py, radius + extra * size.ratio, 0, 7); context.lineWidth = 2 * size.ratio;
    context.strokeStyle = color; context.stroke();
  };
  const ink = isDark ? "#fff" : "#000";
  if (state.list.ids.length && state.list.kind !== "selection") state.list.ids.slice(0, 60).forEach((id) => ring(id, isDark ? "#ffe27a" : "#b06a00", 2));
  if (state.current >= 0 && x[state.current] === x[state.current]) { ring(state.current, isDark ? "#000" : "#fff", 3); ring(state.current, ink, 5); }
  if (path.length > 1) {
    context.beginPath();
    path.forEach(([px, py], index) => (index ? context.lineTo(px, py) : context.moveTo(px, py)));
    context.closePath(); context.lineWidth = 1.5 * size.ratio; context.strokeStyle = ink; context.stroke();
    context.globalAlpha = 0.12; context.fillStyle = ink; context.fill(); context.globalAlpha = 1;
  }
  timing.drawSeconds = (performance.now() - start) / 1000;
  timing.pictures++;
}

/** Shows everything. */
export function fit() { view.x = 0; view.y = 0; view.zoom = 1; redraw(); }

/** Zooms about a place of the canvas (its middle without one). */
export function zoomBy(factor, px = size.width / 2, py = size.height / 2) {
  const [mx, my] = toMap(px, py);
  view.zoom = Math.min(Math.max(view.zoom * factor, 0.5), 4000);
  view.x = mx - (px - size.width / 2) / scale();
  view.y = my + (py - size.height / 2) / scale();
  redraw();
}

/** Moves the map so that a sound can be seen. */
export function reveal(id) {
  if (!(state.x[id] === state.x[id])) return;
  const [px, py] = toScreen(id), edge = 30 * size.ratio;
  if (px < edge || py < edge || px > size.width - edge || py > size.height - edge) { view.x = state.x[id]; view.y = state.y[id]; }
  redraw();
}

/** The sound nearest to a place of the canvas within `reach` pixels; −1 for none. */
function nearest(px, py, reach) {
  const [mx, my] = toMap(px, py);
  let best = -1, least = (reach / scale()) ** 2;
  for (let id = 0; id < state.count; id++) {
    const dx = state.x[id] - mx, dy = state.y[id] - my, distance = dx * dx + dy * dy;
    if (distance < least) { least = distance; best = id; }
  }
  return best;
}

/** All sounds inside a closed line of the canvas. */
function inside(line) {
  const corners = line.map(([px, py]) => toMap(px, py)), found = [];
  let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
  for (const [x, y] of corners) { left = Math.min(left, x); right = Math.max(right, x); low = Math.min(low, y); high = Math.max(high, y); }
  for (let id = 0; id < state.count; id++) {
    const x = state.x[id], y = state.y[id];
    if (!(x >= left && x <= right && y >= low && y <= high)) continue;
    let isInside = false;
    for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
      const [ax, ay] = corners[a], [bx, by] = corners[b];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isInside = !isInside;
    }
    if (isInside) found.push(id);
  }
  return found;
}

/** Makes these sounds the selection. */
export function select(ids, how = "selected") {
  state.selection = new Set(ids);
  document.getElementById("map-clear").disabled = !ids.length;
  if (ids.length) say(`${plural(ids.length, "sound")} ${how}`);
  emit("selection");
  redraw();
}

export function setLasso(isOn) {
  lassoing = isOn;
  document.getElementById("map-lasso").setAttribute("aria-pressed", isOn);
  canvas.classList.toggle("lasso", isOn);
}

/** By keyboard: the sounds around the current one, each time in a wider circle. */
export function growCircle() {
  if (state.current < 0) return say("Choose a sound first");
  circle = circle ? circle * 1.5 : 12 / scale() * size.ratio;
  const found = [], x = state.x[state.current], y = state.y[state.current];
  for (let id = 0; id < state.count; id++) if ((state.x[id] - x) ** 2 + (state.y[id] - y) ** 2 <= circle * circle) found.push(id);
  select(found, "around this one selected");
}

/** The next sound in a direction, by angle and distance. */
function step(dx, dy) {
  if (state.current < 0 || !(state.x[state.current] === state.x[state.current])) {
    const first = nearest(size.width / 2, size.height / 2, Infinity);
    return first >= 0 && emit("choose", first);
  }
  const x = state.x[state.current], y = state.y[state.current];
  let best = -1, least = Infinity;
  for (let id = 0; id < state.count; id++) {
    const along = (state.x[id] - x) * dx + (state.y[id] - y) * dy, across = Math.abs((state.x[id] - x) * dy) + Math.abs((state.y[id] - y) * dx);
    if (along > 1e-6 && across <= along * 1.2 && along + across < least) { least = along + across; best = id; }
  }
  if (best >= 0) emit("choose", best); else say("No sound in that direction");
}

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * size.ratio, (event.clientY - box.top) * size.ratio];
};
const pointers = new Map();
let moved = 0, spread = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, place(event));
  moved = 0;
  if (pointers.size === 2) { const [a, b] = [...pointers.values()]; spread = Math.hypot(a[0] - b[0], a[1] - b[1]); path = []; }
  else path = lassoing || event.shiftKey ? [place(event)] : [];
});
canvas.addEventListener("pointermove", (event) => {
  const now = place(event), before = pointers.get(event.pointerId);
  if (!before) { if (!event.buttons) hover(now); return; }
  moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
  pointers.set(event.pointerId, now);
  if (pointers.size === 2) {
    const [a, b] = [...pointers.values()], wide = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (spread > 0) zoomBy(wide / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    spread = wide;
  } else if (path.length) path.push(now);
  else { view.x -= (now[0] - before[0]) / scale(); view.y += (now[1] - before[1]) / scale(); }
  redraw();
});
canvas.addEventListener("pointerup", (event) => {
  pointers.delete(event.pointerId);
  if (path.length > 2 && moved > 8) { const line = path; path = []; circle = 0; select(inside(line)); setLasso(false); }
  else if (moved < 5 * size.ratio) { const id = nearest(...place(event), 14 * size.ratio); if (id >= 0) emit("choose", id); }
  path = [];
  redraw();
});
canvas.addEventListener("pointercancel", (event) => { pointers.delete(event.pointerId); path = []; redraw(); });
canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoomBy(Math.exp(-event.deltaY * 0.0016), ...place(event)); }, { passive: false });

function hover(at) {
  const id = nearest(...at, 8 * size.ratio);
  const label = id >= 0 ? labelName(state.label[id]) : "";
  note.textContent = id < 0 ? "" : `sound ${id}${state.cluster[id] >= 0 ? ` · cluster ${state.cluster[id]}` : ""}${label ? ` · ${label}` : ""}`;
}

canvas.addEventListener("keydown", (event) => {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const arrow = arrows[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (arrow && event.shiftKey) { view.x += (arrow[0] * 40 * size.ratio) / scale(); view.y += (arrow[1] * 40 * size.ratio) / scale(); redraw(); }
  else if (arrow) step(...arrow);
  else if (event.key === "+" || event.key === "=") zoomBy(1.4);
  else if (event.key === "-") zoomBy(1 / 1.4);
  else if (event.key === "0") fit();
  else if (event.key === "o") growCircle();
  else if (event.key === "a") select(inside([[0, 0], [size.width, 0], [size.width, size.height], [0, size.height]]), "in view selected");
  else return;
  event.preventDefault(); event.stopPropagation();
});

document.getElementById("map-lasso").onclick = () => setLasso(!lassoing);
document.getElementById("map-fit").onclick = fit;
document.getElementById("map-in").onclick = () => zoomBy(1.6);
document.getElementById("map-out").onclick = () => zoomBy(1 / 1.6);
document.getElementById("map-clear").onclick = () => select([]);
document.getElementById("map-color").onchange = (event) => attempt(async () => {
  mode = event.target.value;
  if (mode === "prediction" && !state.prediction) say("Learn first: then every dot shows what it would be");
  recolor();
});
export function setColor(name) { mode = name; document.getElementById("map-color").value = name; recolor(); }
on("labels", () => mode !== "cluster" && recolor());
on("chosen", (id) => { circle = 0; reveal(id); });
on("list", redraw);

/** Begins, once the points are there. */
export function start() {
  sizeOfMap = state.count > 30000 ? 1 : state.count > 3000 ? 1.6 : 2.4;
  note.textContent = state.summary.hasMap ? "" : "This atlas has no map yet: animal2vec cluster makes one. Sounds stand in a spiral by cluster.";
  new ResizeObserver(resize).observe(canvas);
  resize();
  recolor();
}
export { cssColor };

// The large spectrogram: sound to look at, to hear and to draw boxes on.
import { heat } from "./colors.js";
import { attempt, bytes, element, emit, labelName, on, say, seconds, send, state } from "./state.js";

const byId = (id) => document.getElementById(id);
const frame = byId("spectrogram"), canvas = byId("spectrogram-canvas"), layer = byId("boxes"), cursor = byId("cursor");
const context = canvas.getContext("2d", { alpha: false });
const margin = { left: 48, bottom: 22 };
const player = new Audio();
player.preload = "none";
let sound = null, view = null, tile = null, loading = null, drawing = "", chosenBox = 0, played = null, drag = null, timer = 0;

const nyquist = () => sound.rateHz / 2;
const area = () => ({ width: Math.max(10, frame.clientWidth - margin.left), height: Math.max(10, frame.clientHeight - margin.bottom) });
const xOf = (time) => ((time - view.from) / (view.to - view.from)) * area().width;
const yOf = (hz) => ((view.high - hz) / (view.high - view.low)) * area().height;
const timeAt = (x) => view.from + (x / area().width) * (view.to - view.from);
const hzAt = (y) => view.high - (y / area().height) * (view.high - view.low);

/** Colours decibel bytes: `dark` and `bright` are the levels of black and of the brightest colour. */
function paint(levels, width, height, dark, bright) {
  const picture = new ImageData(width, height), words = new Uint32Array(picture.data.buffer);
  const factor = 255 / Math.max(1, bright - dark), table = new Uint32Array(256);
  for (let level = 0; level < 256; level++) table[level] = heat[Math.min(255, Math.max(0, Math.round((level - dark) * factor)))];
  for (let place = 0; place < levels.length; place++) words[place] = table[levels[place]];
  return picture;
}

/** The levels of the usual background and of the loudest sound; at least 30 dB apart. */
function range(levels) {
  const histogram = new Uint32Array(256);
  for (const level of levels) histogram[level]++;
  histogram[0] = 0;
  let total = 0;
  for (const count of histogram) total += count;
  const level = (share) => { let left = share * total; for (let value = 0; value < 256; value++) { left -= histogram[value]; if (left < 0) return value; } return 255; };
  const bright = level(0.9995);
  return [Math.min(level(0.5), bright - 64), bright];
}

function levelsShown() {
  const [dark, bright] = tile.range, middle = (dark + bright) / 2;
  const half = ((bright - dark) / 2) * 2 ** ((50 - byId("contrast").value) / 25);
  const shift = (50 - byId("brightness").value) * 1.6;
  return [middle - half + shift, middle + half + shift];
}

/** A small picture of a sound into a canvas of a list or card. */
export async function paintStrip(target, id) {
  const width = 128, height = 48;
  try {
    const levels = new Uint8Array(await bytes(`/api/spectrogram?id=${id}&width=${width}&height=${height}`));
    const [dark, bright] = range(levels);
    target.width = width; target.height = height;
    target.getContext("2d").putImageData(paint(levels, width, height, dark, bright), 0, 0);
  } catch { /* the recording is gone: the strip stays dark, the sound itself says why */ }
}

function draw() {
  const ratio = Math.min(devicePixelRatio || 1, 2), box = area();
  canvas.width = frame.clientWidth * ratio; canvas.height = frame.clientHeight * ratio;
  context.scale(ratio, ratio);
  context.fillStyle = "#06040c"; context.fillRect(0, 0, canvas.width, canvas.height);
  if (!view) return;
  if (tile) {
    if (!tile.bitmap) {
      tile.bitmap = new OffscreenCanvas(tile.width, tile.height);
      tile.bitmap.getContext("2d").putImageData(paint(tile.levels, tile.width, tile.height, ...levelsShown()), 0, 0);
    }
    // An older picture is stretched to the new view until the new one has come.
    context.save();
    context.beginPath(); context.rect(margin.left, 0, box.width, box.height); context.clip();
    context.imageSmoothingEnabled = true;
    context.drawImage(tile.bitmap, margin.left + xOf(tile.from), yOf(tile.high), xOf(tile.to) - xOf(tile.from), yOf(tile.low) - yOf(tile.high));
    context.restore();
  }
  axes(box);
  placeBoxes();
}

function steps(from, to, wanted) {
  const raw = (to - from) / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= raw);
  const found = [];
  for (let value = Math.ceil(from / step) * step; value <= to + step * 1e-6; value += step) found.push(value);
  return [found, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
}

function axes(box) {
  context.fillStyle = "#c9c3d6"; context.font = "11px system-ui, sans-serif"; context.strokeStyle = "#fff3"; context.lineWidth = 1;
  const [times, digits] = steps(view.from, view.to, Math.max(2, box.width / 90));
  context.textAlign = "center"; context.textBaseline = "top";
  for (const time of times) {
    const x = margin.left + xOf(time);
    context.beginPath(); context.moveTo(x, box.height); context.lineTo(x, box.height + 4); context.stroke();
    if (x > margin.left + 8 && x < margin.left + box.width - 12) context.fillText(`${time.toFixed(digits)} s`, x, box.height + 6);
  }
  const [bands, places] = steps(view.low / 1000, view.high / 1000, Math.max(2, box.height / 45));
  context.textAlign = "right"; context.textBaseline = "middle";
  for (const khz of bands) {
    const y = yOf(khz * 1000);
    context.beginPath(); context.moveTo(margin.left - 4, y); context.lineTo(margin.left, y); context.stroke();
    context.fillText(`${khz.toFixed(places)}${khz === bands.at(-1) ? " kHz" : ""}`, margin.left - 6, Math.min(Math.max(y, 7), box.height - 6));
  }
}

async function load() {
  if (!sound || !view) return;
  draw();
  clearTimeout(timer);
  timer = setTimeout(() => attempt(async () => {
    loading?.abort();
    loading = new AbortController();
    const ratio = Math.min(devicePixelRatio || 1, 2), box = area();
    const width = Math.min(1400, Math.round(box.width * ratio)), height = Math.min(500, Math.round(box.height * ratio));
    const wanted = { ...view, width, height };
    const levels = new Uint8Array(await bytes(
      `/api/spectrogram?id=${sound.id}&from=${view.from}&to=${view.to}&low=${view.low}&high=${view.high}&width=${width}&height=${height}&window=${byId("window").value}`, loading.signal));
    tile = { ...wanted, levels, range: range(levels) };
    draw();
    emit("painted");
  }), 30);
}

function setView(from, to, low = view.low, high = view.high) {
  const longest = Math.min(60, Math.max(sound.recordingSeconds, 0.05)), shortest = Math.min(longest, 64 / sound.rateHz);
  const length = Math.min(Math.max(to - from, shortest), longest), middle = (from + to) / 2;
  from = middle - length / 2;
  from = Math.min(Math.max(from, Math.min(0, sound.recordingSeconds - length)), Math.max(0, sound.recordingSeconds - length));
  const least = nyquist() / 200, band = Math.min(Math.max(high - low, least), nyquist());
  low = Math.min(Math.max(0, low), nyquist() - band);
  view = { from, to: from + length, low, high: low + band };
  byId("band-low").value = +(low / 1000).toFixed(3);
  byId("band-high").value = +((low + band) / 1000).toFixed(3);
  load();
}

/** Shows a sound with some of what is around it. */
export function show(details) {
  stop();
  const sameBand = sound && sound.rateHz === details.rateHz && view;
  sound = details; tile = null; chosenBox = 0; setDrawing("");
  const length = details.endSeconds - details.startSeconds, around = Math.min(Math.max(length * 0.4, 0.05), 5);
  view = { from: 0, to: 1, low: 0, high: nyquist() };
  setView(details.startSeconds - around, details.endSeconds + around, sameBand ? Math.min(+sameBand.low, nyquist() * 0.9) : 0, sameBand ? Math.min(+sameBand.high, nyquist()) : nyquist());
  if (byId("autoplay").checked) play();
}

// Listening

/** Seconds of recording per second of listening. */
const speed = () => 1 / Number(byId("slow").value);

/** Plays the sound, or the chosen box, or what is in view when the sound is out of view; stops when it plays. */
export function play() {
  if (!sound) return say("Choose a sound first");
  if (played) return stop();
  const box = sound.boxes.find((candidate) => candidate.id === chosenBox);
  let [from, to] = box ? [box.startSeconds, box.endSeconds] : [sound.startSeconds, sound.endSeconds];
  if (!box && (to < view.from || from > view.to)) [from, to] = [view.from, view.to];
  const extra = Math.max(0, (0.25 * speed() - (to - from)) / 2);
  from = Math.max(0, from - extra); to += extra;
  played = { from, to };
  player.src = `/api/clip?id=${sound.id}&from=${from}&to=${to}&slow=${byId("slow").value}&lift=${byId("lift").checked ? 30 : 0}`;
  player.play().then(() => attempt(async () => { await send("/api/listened", { id: sound.id }); state.flags[sound.id] |= 1; emit("listened"); }))
    .catch((error) => { if (error.name !== "AbortError") { stop(); say(`It cannot be played: ${error.message}`); } });
  byId("play").textContent = "■ Stop";
  follow();
}

/** Ends playing. */
export function stop() {
  player.pause();
  played = null;
  cursor.hidden = true;
  byId("play").textContent = "▶ Play";
}
player.addEventListener("ended", stop);
player.addEventListener("error", () => played && stop());

function follow() {
  if (!played) return;
  const x = xOf(played.from + player.currentTime * speed());
  cursor.hidden = !(x >= 0 && x <= area().width);
  cursor.style.left = `${margin.left + x}px`;
  requestAnimationFrame(follow);
}

/** The next slower (−1) or faster (1) speed. */
export function changeSpeed(direction) {
  const chooser = byId("slow");
  chooser.selectedIndex = Math.min(Math.max(chooser.selectedIndex - direction, 0), chooser.options.length - 1);
  say(`Speed ${chooser.selectedOptions[0].textContent.trim()}`);
  if (played) { stop(); play(); }
}

// Boxes

export function setDrawing(kind) {
  drawing = drawing === kind ? "" : kind;
  byId("draw-box").setAttribute("aria-pressed", drawing === "box");
  byId("draw-span").setAttribute("aria-pressed", drawing === "span");
  canvas.classList.toggle("drawing", drawing !== "");
}

function placeBoxes() {
  const kept = document.activeElement?.closest?.(".box")?.dataset.id;
  layer.replaceChildren();
  if (!sound) return;
  const put = (box, kind) => {
    const low = box.lowHz ?? view.low, high = box.highHz ?? view.high;
    const made = element("div", { className: `box ${kind}` });
    made.style.left = `${xOf(box.startSeconds)}px`; made.style.width = `${Math.max(2, xOf(box.endSeconds) - xOf(box.startSeconds))}px`;
    made.style.top = `${yOf(high)}px`; made.style.height = `${Math.max(2, yOf(low) - yOf(high))}px`;
    layer.append(made);
    return made;
  };
  put({ startSeconds: sound.startSeconds, endSeconds: sound.endSeconds }, "unit");
  for (const box of sound.boxes) {
    const made = put(box, `${box.lowHz === null || box.lowHz === undefined ? "span" : ""} ${box.id === chosenBox ? "chosen" : ""}`);
    made.dataset.id = box.id; made.tabIndex = 0; made.setAttribute("role", "button");
    made.setAttribute("aria-pressed", box.id === chosenBox);
    made.setAttribute("aria-label", `Event ${box.label}, ${seconds(box.startSeconds)} to ${seconds(box.endSeconds)}${box.lowHz != null ? `, ${(box.lowHz / 1000).toFixed(2)} to ${(box.highHz / 1000).toFixed(2)} kHz` : ""}`);
    made.append(element("span", { textContent: box.label }), ...["left", "right", ...(box.lowHz != null ? ["top", "bottom"] : [])].map((edge) => element("i", { className: edge })));
    made.onpointerdown = (event) => startDrag(event, box, event.target.className === "" || event.target === made ? "move" : event.target.className);
    made.onkeydown = (event) => boxKey(event, box);
    made.onfocus = () => { chosenBox = box.id; };
    if (`${box.id}` === kept) made.focus();
  }
}

function change(box, edge, dt, dhz) {
  const length = box.endSeconds - box.startSeconds;
  if (edge === "move") {
    const at = Math.min(Math.max(0, box.startSeconds + dt), sound.recordingSeconds - length);
    box.startSeconds = at; box.endSeconds = at + length;
    if (box.lowHz != null) { const shift = Math.min(Math.max(dhz, -box.lowHz), nyquist() - box.highHz); box.lowHz += shift; box.highHz += shift; }
  }
  const least = 4 / sound.rateHz, band = nyquist() / 1000;
  if (edge === "left") box.startSeconds = Math.min(Math.max(0, box.startSeconds + dt), box.endSeconds - least);
  if (edge === "right") box.endSeconds = Math.max(Math.min(sound.recordingSeconds, box.endSeconds + dt), box.startSeconds + least);
  if (edge === "top") box.highHz = Math.max(Math.min(nyquist(), box.highHz + dhz), box.lowHz + band);
  if (edge === "bottom") box.lowHz = Math.min(Math.max(0, box.lowHz + dhz), box.highHz - band);
}

/** Takes over the events that the studio has, except those that are being moved: their place here is newer. */
function takeBoxes(boxes) {
  const moving = new Map(sound.boxes.filter((box) => box.timer || drag?.box === box).map((box) => [box.id, box]));
  sound.boxes = boxes.map((box) => moving.get(box.id) ?? box);
}

const saveBox = (box) => attempt(async () => {
  const answer = await send("/api/box", { id: box.id || null, soundID: sound.id, startSeconds: box.startSeconds, endSeconds: box.endSeconds, lowHz: box.lowHz, highHz: box.highHz, label: box.label });
  takeBoxes(answer.boxes);
  chosenBox = answer.id;
  placeBoxes();
  emit("changed", answer);
  say(`Event ${box.label} saved`);
});

/** Adds an event; a box has a band, a span only onset and end. */
function addBox(startSeconds, endSeconds, lowHz, highHz) {
  const label = labelName(state.label[sound.id]) || state.lastLabel || state.labels[0]?.name || "call";
  return saveBox({ id: 0, startSeconds, endSeconds, lowHz, highHz, label });
}

/** By keyboard: an event where the sound is. */
export async function addHere(kind) {
  if (!sound) return say("Choose a sound first");
  const low = view.low + (view.high - view.low) * 0.1, high = view.high - (view.high - view.low) * 0.1;
  await addBox(sound.startSeconds, sound.endSeconds, kind === "box" ? low : null, kind === "box" ? high : null);
  layer.querySelector(`[data-id="${chosenBox}"]`)?.focus();
}

/** Gives the chosen box a label; false when none is chosen. */
export function labelBox(label) {
  const box = sound?.boxes.find((candidate) => candidate.id === chosenBox);
  if (!box || !document.activeElement?.closest?.(".box")) return false;
  clearTimeout(box.timer); box.timer = 0;
  saveBox({ ...box, label });
  return true;
}

const removeBox = (box) => attempt(async () => {
  const answer = await send("/api/box/delete", { id: box.id, soundID: sound.id });
  sound.boxes = answer.boxes; chosenBox = 0;
  placeBoxes(); canvas.focus();
  emit("changed", answer);
  say(`Event ${box.label} removed`);
});

function boxKey(event, box) {
  const step = event.ctrlKey ? 0.1 : 0.01, dt = (view.to - view.from) * step, dhz = (view.high - view.low) * step;
  const move = { ArrowLeft: [-dt, 0], ArrowRight: [dt, 0], ArrowUp: [0, dhz], ArrowDown: [0, -dhz] }[event.key];
  if (move) {
    const across = move[0] !== 0;
    const edge = event.shiftKey ? (across ? "right" : "top") : event.altKey ? (across ? "left" : "bottom") : "move";
    if (edge !== "move" && !across && box.lowHz == null) return;
    change(box, edge, ...move);
    placeBoxes();
    clearTimeout(box.timer);
    box.timer = setTimeout(() => { box.timer = 0; saveBox(box); }, 400);
  } else if (event.key === "Delete" || event.key === "Backspace") removeBox(box);
  else if (event.key === "Escape") { chosenBox = 0; canvas.focus(); placeBoxes(); }
  else return;
  event.preventDefault(); event.stopPropagation();
}

const spot = (event) => { const box = frame.getBoundingClientRect(); return [event.clientX - box.left - margin.left, event.clientY - box.top]; };

function startDrag(event, box, edge) {
  chosenBox = box.id;
  event.currentTarget.focus();
  frame.setPointerCapture(event.pointerId);
  drag = { kind: "box", box, edge, last: spot(event), moved: 0 };
  event.preventDefault(); event.stopPropagation();
  placeBoxes();
}

canvas.addEventListener("pointerdown", (event) => {
  if (!sound) return;
  frame.setPointerCapture(event.pointerId);
  const at = spot(event);
  drag = drawing ? { kind: "draw", start: at, last: at, moved: 0 } : { kind: "pan", last: at, moved: 0 };
});
frame.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const at = spot(event), dx = at[0] - drag.last[0], dy = at[1] - drag.last[1];
  drag.moved += Math.hypot(dx, dy);
  drag.last = at;
  if (drag.kind === "pan") {
    const dt = timeAt(0) - timeAt(dx), dhz = hzAt(0) - hzAt(dy);
    setView(view.from + dt, view.to + dt, view.low + dhz, view.high + dhz);
  } else if (drag.kind === "box") {
    change(drag.box, drag.edge, timeAt(dx) - timeAt(0), hzAt(dy) - hzAt(0));
    placeBoxes();
  } else {
    placeBoxes();
    const made = layer.appendChild(element("div", { className: `box ${drawing === "span" ? "span" : ""} chosen` }));
    const isSpan = drawing === "span";
    made.style.left = `${Math.min(at[0], drag.start[0])}px`; made.style.width = `${Math.abs(at[0] - drag.start[0])}px`;
    made.style.top = isSpan ? "0" : `${Math.min(at[1], drag.start[1])}px`; made.style.height = isSpan ? "100%" : `${Math.abs(at[1] - drag.start[1])}px`;
  }
});
frame.addEventListener("pointerup", (event) => {
  const ended = drag;
  drag = null;
  if (!ended || ended.moved < 4) return;
  if (ended.kind === "box") saveBox(ended.box);
  if (ended.kind === "draw") {
    const at = spot(event), times = [timeAt(ended.start[0]), timeAt(at[0])].sort((a, b) => a - b), bands = [hzAt(ended.start[1]), hzAt(at[1])].sort((a, b) => a - b);
    const inBand = (hz) => Math.min(Math.max(hz, 0), nyquist());
    const isBox = drawing === "box";
    addBox(Math.max(0, times[0]), Math.min(sound.recordingSeconds, times[1]), isBox ? inBand(bands[0]) : null, isBox ? inBand(bands[1]) : null);
  }
});
frame.addEventListener("pointercancel", () => { drag = null; });

function zoom(factor, at = 0.5, inBand = false, atBand = 0.5) {
  if (!view) return;
  const { from, to, low, high } = view;
  if (inBand) { const hz = high - (high - low) * atBand; setView(from, to, hz - (hz - low) * factor, hz + (high - hz) * factor); }
  else { const time = from + (to - from) * at; setView(time - (time - from) * factor, time + (to - time) * factor); }
}
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const [x, y] = spot(event), box = area();
  zoom(Math.exp((event.deltaY || event.deltaX) * 0.002), x / box.width, event.shiftKey, y / box.height);
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
  const dt = (view.to - view.from) * 0.15, dhz = (view.high - view.low) * 0.15;
  if (event.key === "ArrowLeft") setView(view.from - dt, view.to - dt);
  else if (event.key === "ArrowRight") setView(view.from + dt, view.to + dt);
  else if (event.key === "ArrowUp") setView(view.from, view.to, view.low + dhz, view.high + dhz);
  else if (event.key === "ArrowDown") setView(view.from, view.to, view.low - dhz, view.high - dhz);
  else if (event.key === "=") zoom(0.7);
  else if (event.key === "+") zoom(0.7, 0.5, event.shiftKey && event.code !== "Equal" && event.code !== "BracketRight");
  else if (event.key === "*") zoom(0.7, 0.5, true);
  else if (event.key === "-") zoom(1.4);
  else if (event.key === "_") zoom(1.4, 0.5, true);
  else if (event.key === "0") byId("zoom-sound").click();
  else return;
  event.preventDefault(); event.stopPropagation();
});

byId("play").onclick = play;
byId("draw-box").onclick = (event) => (event.detail === 0 ? addHere("box") : setDrawing("box"));
byId("draw-span").onclick = (event) => (event.detail === 0 ? addHere("span") : setDrawing("span"));
byId("zoom-in").onclick = () => zoom(0.6);
byId("zoom-out").onclick = () => zoom(1.6);
byId("zoom-sound").onclick = () => { if (sound) { view = null; show(sound); setView(view.from, view.to, 0, nyquist()); } };
for (const name of ["contrast", "brightness"]) byId(name).oninput = () => { if (tile) { tile.bitmap = null; draw(); } };
byId("window").onchange = () => { tile = null; load(); };
for (const name of ["band-low", "band-high"]) byId(name).onchange = () => {
  if (!sound) return;
  const low = Number(byId("band-low").value) * 1000, high = Number(byId("band-high").value) * 1000 || nyquist();
  setView(view.from, view.to, Math.min(low, high), Math.max(low, high));
};
byId("slow").onchange = () => { if (played) { stop(); play(); } };
new ResizeObserver(() => load()).observe(frame);
on("boxes", (boxes) => { if (sound) { takeBoxes(boxes); placeBoxes(); } });
export const currentSound = () => sound;

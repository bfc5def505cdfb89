// The page begins here: it fetches the points, wires panels and keys, and shows one sound at a time.
import { drawClusters, openTab, showCluster, showList, step } from "./lists.js";
import { drawLabels, give, giveNumber, learn, like, nextScope, propose, undo } from "./labels.js";
import * as map from "./map.js";
import { addHere, changeSpeed, play, setDrawing, show, stop } from "./spectrogram.js";
import { ask, attempt, bytes, emit, on, say, seconds, state, takePoints, takePredictions } from "./state.js";

const byId = (id) => document.getElementById(id);
let choosing = null;

/** Shows a sound everywhere. */
const choose = (id) => attempt(async () => {
  state.current = id;
  emit("chosen", id);
  choosing?.abort();
  choosing = new AbortController();
  const sound = await ask(`/api/sound?id=${id}`, choosing.signal);
  if (state.current !== id) return;
  byId("sound-title").textContent = `${sound.recording}, ${seconds(sound.startSeconds)}`;
  const started = sound.startTime ? clock(sound.startTime, sound.startSeconds) : null;
  byId("sound-facts").textContent = [
    `sound ${id}`, `${seconds(sound.endSeconds - sound.startSeconds)} long`, `${(sound.rateHz / 1000).toLocaleString("en")} kHz`, started, sound.site,
    sound.cluster !== null && sound.cluster !== undefined ? `cluster ${sound.cluster}` : null, sound.label ? `label ${sound.label}` : null,
    sound.guess ? `looks like ${sound.guess.label} (${Math.round(100 * sound.guess.probability)} %)` : null,
  ].filter(Boolean).join(" · ");
  const members = state.summary.clusters.find((cluster) => cluster.number === sound.cluster);
  byId("cluster-count").textContent = members ? `${members.number} (${members.size.toLocaleString("en")})` : "";
  document.querySelector('input[value="cluster"]').disabled = !members;
  show(sound);
  say(`${sound.recording}, ${seconds(sound.startSeconds)}${sound.label ? `, ${sound.label}` : ""}`);
  emit("shown", id);
});
on("choose", choose);

/** The time of day at a second of a recording, as its own clock told it. */
function clock(start, offset) {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?/.exec(start);
  if (!match) return start;
  const time = new Date(Date.UTC(...match[1].split("-").map((part, place) => (place === 1 ? part - 1 : Number(part))), match[2], match[3], match[4] ?? 0) + offset * 1000);
  return `${time.toISOString().slice(0, 10)} ${time.toISOString().slice(11, 19)}`;
}

on("select", (ids) => map.select(ids));
on("selection", () => {
  if (state.selection.size && state.list.kind !== "found") showList([...state.selection].slice(0, 2000), [], "Selected", "selection", state.selection.size);
});

// Panels of narrow windows

function view(name) {
  document.body.dataset.view = name;
  document.querySelectorAll("#views button").forEach((button) => button.setAttribute("aria-pressed", button.dataset.view === name));
}
document.querySelectorAll("#views button").forEach((button) => { button.onclick = () => view(button.dataset.view); });
on("view", view);
const isNarrow = () => matchMedia("(max-width: 760px)").matches;
on("chosen", () => { if (isNarrow()) view("sound"); });

// Light and dark: the system's wish, until somebody says otherwise here.

const wish = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  document.documentElement.dataset.theme = name;
  if (state.count) { map.recolor(); emit("theme"); }
}
const chosenTheme = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
theme(chosenTheme() ?? (wish.matches ? "dark" : "light"));
wish.addEventListener("change", () => { if (!chosenTheme()) theme(wish.matches ? "dark" : "light"); });
byId("theme").onclick = () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", next); } catch { /* without storage it holds until the page is closed */ }
  theme(next);
};

// Keys

const keys = {
  p: propose, r: learn, u: () => undo(), U: () => undo(true), x: () => give(null), m: () => like(false), M: () => like(true),
  j: () => step(1), k: () => step(-1), s: nextScope, b: () => addOrDraw("box"), n: () => addOrDraw("span"),
  "[": () => changeSpeed(-1), "]": () => changeSpeed(1), o: () => { view("map"); map.setLasso(!byId("map-lasso").matches('[aria-pressed="true"]')); },
  g: () => { view("map"); byId("map-canvas").focus(); }, l: () => byId("label-text").focus(), "/": () => byId("search-text").focus(),
  c: () => state.current >= 0 && showCluster(state.cluster[state.current]), "?": () => byId("help").showModal(), " ": play,
  Escape: () => { stop(); setDrawing(""); map.setLasso(false); map.select([]); },
};
/** With the keyboard in the spectrogram an event is made where the sound is; elsewhere the pointer draws it. */
const addOrDraw = (kind) => (document.activeElement === byId("spectrogram-canvas") ? addHere(kind) : setDrawing(kind));

document.addEventListener("keydown", (event) => {
  const inField = event.target.matches("input:not([type=radio]):not([type=checkbox]):not([type=range]), select, textarea");
  if (event.key === "Escape" && inField) return event.target.blur();
  if (inField || byId("export").open || byId("help").open) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); return undo(event.shiftKey); }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // Space presses a button that has the focus.
  if (event.key === " " && event.target.matches("button, summary, input, a")) return;
  if (/^[1-9]$/.test(event.key)) { event.preventDefault(); return giveNumber(Number(event.key) - 1); }
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
byId("help-open").onclick = () => byId("help").showModal();
document.querySelectorAll("dialog .close").forEach((button) => { button.onclick = () => button.closest("dialog").close(); });
byId("propose-kind").onchange = propose;

// Begin

attempt(async () => {
  const [summary, points] = await Promise.all([ask("/api/summary"), bytes("/api/points")]);
  state.summary = summary;
  state.labels = summary.labels;
  takePoints(points);
  byId("atlas-name").textContent = summary.name;
  map.start();
  requestAnimationFrame(() => {
    performance.mark("painted");
    // Cards and tables come after the map has been seen.
    setTimeout(() => { drawClusters(); drawLabels(); performance.mark("ready"); document.body.dataset.ready = "true"; }, 0);
  });
  if (summary.hasLearned) takePredictions(await bytes("/api/guesses"));
});
export { openTab };

/** For measurements and tests. */
window.studio = { state, map, choose, timing: map.timing };

// Cards of clusters, and lists of sounds that were searched, selected, found or proposed.
import { cssColor, groupColor } from "./colors.js";
import { paintStrip } from "./spectrogram.js";
import { ask, attempt, element, emit, labelName, on, plural, say, send, state } from "./state.js";

const byId = (id) => document.getElementById(id);
const isDark = () => document.documentElement.dataset.theme === "dark";
/** A coloured dot of a group or label. */
export const dot = (number) => {
  const made = element("span", { className: "dot" });
  if (number >= 0) made.style.background = cssColor(groupColor(number, isDark()));
  return made;
};

// Pictures are made when they come into view, and only then.
const painter = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (!entry.isIntersecting) return;
  painter.unobserve(entry.target);
  paintStrip(entry.target, Number(entry.target.dataset.sound));
}), { rootMargin: "200px" });
function strip(id) {
  const canvas = element("canvas", { width: 128, height: 48 });
  canvas.dataset.sound = id;
  canvas.setAttribute("aria-hidden", "true");
  painter.observe(canvas);
  return canvas;
}
function stripButton(id, words) {
  const button = element("button", { className: "strip" }, strip(id));
  button.setAttribute("aria-label", words);
  button.onclick = (event) => { event.stopPropagation(); emit("choose", id); };
  return button;
}

// Tabs

const tabs = [...document.querySelectorAll('[role="tab"]')];
/** Shows one of the panels. */
export function openTab(name, focus = false) {
  for (const tab of tabs) {
    const isChosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !isChosen;
    if (isChosen && focus) tab.focus();
  }
}
tabs.forEach((tab, place) => {
  tab.onclick = () => openTab(tab.id.slice(4));
  tab.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { openTab(tabs[(place + step + tabs.length) % tabs.length].id.slice(4), true); event.preventDefault(); }
  };
});

// Clusters

let openCluster = -1, composition = new Map();

/** The most frequent labels of each cluster, from the labels of now. */
function compose() {
  composition = new Map();
  for (let id = 0; id < state.count; id++) {
    if (state.label[id] < 0 || state.cluster[id] < 0) continue;
    const counts = composition.get(state.cluster[id]) ?? new Map();
    counts.set(state.label[id], (counts.get(state.label[id]) ?? 0) + 1);
    composition.set(state.cluster[id], counts);
  }
}
function labelsOf(number, size) {
  const counts = [...(composition.get(number) ?? [])].sort((a, b) => b[1] - a[1]);
  if (!counts.length) return "no label";
  const labelled = counts.reduce((sum, [, count]) => sum + count, 0);
  return `${counts.slice(0, 3).map(([code, count]) => `${labelName(code)} ${count}`).join(", ")}${counts.length > 3 ? "…" : ""} · ${Math.round((100 * labelled) / size)} % labelled`;
}

/** Draws all cards. */
export function drawClusters() {
  compose();
  const panel = byId("clusters");
  if (!state.summary.clusters.length) { panel.replaceChildren(element("p", { className: "quiet", textContent: "No clusters yet: animal2vec cluster makes them." })); return; }
  panel.replaceChildren(...state.summary.clusters.map((cluster) => {
    const open = element("button", { textContent: "Open" });
    open.setAttribute("aria-expanded", "false");
    open.setAttribute("aria-label", `Open cluster ${cluster.number}, ${plural(cluster.size, "sound")}`);
    const card = element("article", { className: "card", id: `cluster-${cluster.number}` },
      element("div", { className: "head" }, dot(cluster.number), element("h3", { textContent: `Cluster ${cluster.number}` }),
        element("span", { className: "quiet", textContent: plural(cluster.size, "sound") }), element("span", { className: "gap" }), open),
      element("div", { className: "strips" }, ...cluster.exemplars.map((id, place) => stripButton(id, `Cluster ${cluster.number}, typical sound ${place + 1}`))),
      element("p", { className: "quiet labels", textContent: labelsOf(cluster.number, cluster.size) }));
    if (cluster.note) card.append(element("p", { textContent: cluster.note }));
    open.onclick = () => attempt(() => expand(cluster, card, open));
    return card;
  }));
}

function bars(title, values, names, wanted) {
  const width = 240, height = 56, most = Math.max(1, ...values), step = width / values.length, svg = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(svg, "svg");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${title}: ${names.map((name, place) => [name, values[place]]).filter(([, value]) => value).map(([name, value]) => `${name} ${value}`).join(", ")}`);
  values.forEach((value, place) => {
    const bar = document.createElementNS(svg, "rect");
    const tall = ((height - 14) * value) / most;
    for (const [key, number] of Object.entries({ x: place * step + 0.5, y: height - 12 - tall, width: Math.max(0.8, step - 1), height: tall })) bar.setAttribute(key, number);
    picture.append(bar);
    if (wanted(place)) {
      const text = document.createElementNS(svg, "text");
      text.setAttribute("x", Math.min(place * step, width - 50)); text.setAttribute("y", height - 2); text.textContent = names[place];
      picture.append(text);
    }
  });
  return element("figure", {}, element("figcaption", { textContent: title }), picture);
}

async function expand(cluster, card, open) {
  const isOpen = open.getAttribute("aria-expanded") === "true";
  card.querySelector(".more")?.remove();
  open.setAttribute("aria-expanded", !isOpen);
  open.textContent = isOpen ? "Open" : "Close";
  if (isOpen) return;
  openCluster = cluster.number;
  const details = await ask(`/api/cluster?number=${cluster.number}`);
  const more = element("div", { className: "more row" });
  const members = [];
  for (let id = 0; id < state.count; id++) if (state.cluster[id] === cluster.number) members.push(id);
  const show = element("button", { textContent: "List and select all", onclick: () => { emit("select", members); showList(members, [], `Cluster ${cluster.number}`, "selection"); } });
  const note = element("input", { value: cluster.note, placeholder: "What is it? A remark", maxLength: 500 });
  note.setAttribute("aria-label", `Remark on cluster ${cluster.number}`);
  note.onchange = () => attempt(async () => { await send("/api/note", { cluster: cluster.number, note: note.value }); cluster.note = note.value; say("Remark saved"); });
  more.append(show, note);
  const figures = element("div", { className: "histograms" });
  if (details.hours?.some((count) => count)) figures.append(bars("Hours of the day", details.hours, details.hours.map((_, hour) => `${hour}:00`), (place) => place % 6 === 0));
  const dates = Object.entries(details.dates ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (dates.length) figures.append(bars("Dates", dates.map(([, count]) => count), dates.map(([date]) => date), (place) => place === 0 || place === dates.length - 1));
  const sites = Object.entries(details.sites ?? {}).sort((a, b) => b[1] - a[1]);
  if (sites.length > 1) figures.append(element("p", { className: "quiet", textContent: `Sites: ${sites.slice(0, 5).map(([site, count]) => `${site} ${count}`).join(", ")}` }));
  more.append(element("div", {}, element("p", { className: "quiet", textContent: "More typical sounds" }), element("div", { className: "strips" }, ...details.exemplars.slice(4, 12).map((id, place) => stripButton(id, `Typical sound ${place + 5}`)))));
  if (details.rim?.length) more.append(element("div", {}, element("p", { className: "quiet", textContent: "At the rim" }), element("div", { className: "strips" }, ...details.rim.slice(0, 4).map((id, place) => stripButton(id, `Sound at the rim ${place + 1}`)))));
  more.append(figures);
  if (details.neighbours?.length) more.append(element("p", { className: "quiet", textContent: "Close to " },
    ...details.neighbours.slice(0, 4).map((other) => element("button", { textContent: `${other.number}`, ariaLabel: `Cluster ${other.number}`, onclick: () => showCluster(other.number) }))));
  card.append(more);
}

/** Brings a cluster's card into view. */
export function showCluster(number) {
  openTab("clusters");
  const card = byId(`cluster-${number}`);
  if (!card) return;
  document.querySelectorAll(".card[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  card.setAttribute("aria-current", "true");
  card.scrollIntoView({ block: "nearest" });
}

// Lists

const items = byId("list-items");
let shown = 0;
const page = 60;

/** Shows sounds in an order; `notes` has a word on each. */
export function showList(ids, notes, title, kind, total = ids.length) {
  state.list = { ids, notes, title, kind };
  byId("list-title").textContent = `${title}: ${plural(total, "sound")}${total > ids.length ? `, the first ${ids.length}` : ""}`;
  byId("list-count").textContent = ids.length ? `(${ids.length})` : "";
  items.replaceChildren();
  shown = 0;
  more();
  openTab("list");
  byId("list").scrollTop = 0;
  emit("list");
  say(byId("list-title").textContent);
}

function more() {
  const { ids, notes } = state.list;
  for (const [place, id] of ids.slice(shown, shown + page).entries()) {
    const item = element("li", { className: "item", id: `item-${id}` }, element("span", { className: "strip" }, strip(id)),
      element("span", {}, element("b"), element("small", { textContent: notes[shown + place] ?? "" })));
    item.setAttribute("role", "option");
    item.dataset.sound = id;
    item.onclick = () => emit("choose", id);
    items.append(item);
  }
  shown = Math.min(ids.length, shown + page);
  byId("list-more").hidden = shown >= ids.length;
  relabel();
}
byId("list-more").onclick = more;

/** Writes the labels of now into the list. */
function relabel() {
  for (const item of items.children) {
    const id = Number(item.dataset.sound), label = labelName(state.label[id]);
    item.querySelector("b").textContent = label || `sound ${id}`;
    item.querySelector(".strip").classList.toggle("labelled", label !== "");
    item.setAttribute("aria-selected", id === state.current);
    if (id === state.current) items.setAttribute("aria-activedescendant", item.id);
  }
}

/** The next (1) or previous (−1) sound of the list; true if there was one. */
export function step(direction) {
  const { ids } = state.list;
  if (!ids.length) { say("The list is empty: search, select, or press P"); return false; }
  const place = ids.indexOf(state.current), next = place + direction;
  if (place >= 0 && (next < 0 || next >= ids.length)) { say(next < 0 ? "This is the first" : "This was the last of the list"); return false; }
  if (next >= shown) more();
  emit("choose", ids[place < 0 ? 0 : next]);
  return true;
}
items.addEventListener("keydown", (event) => {
  const direction = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (direction) { step(direction); event.preventDefault(); event.stopPropagation(); }
});

on("labels", () => {
  relabel();
  compose();
  for (const cluster of state.summary.clusters) {
    const line = byId(`cluster-${cluster.number}`)?.querySelector(".labels");
    if (line) line.textContent = labelsOf(cluster.number, cluster.size);
  }
});
on("chosen", () => { relabel(); byId(`item-${state.current}`)?.scrollIntoView({ block: "nearest" }); });
on("theme", () => { document.querySelectorAll(".card .head .dot").forEach((mark, place) => mark.replaceWith(dot(state.summary.clusters[place].number))); });

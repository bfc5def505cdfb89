// Giving labels, learning from them, and seeing how far the work has come.
import { dot, openTab, showList, step } from "./lists.js";
import { setColor } from "./map.js";
import { addHere, labelBox } from "./spectrogram.js";
import { ask, attempt, bytes, element, emit, labelName, on, plural, say, send, state, takeChange, takePredictions } from "./state.js";

const byId = (id) => document.getElementById(id);
const scope = () => document.querySelector('input[name="scope"]:checked').value;

/** Changes what is labelled: a sound, the selection, a cluster. */
export function nextScope() {
  const choices = [...document.querySelectorAll('input[name="scope"]')].filter((choice) => !choice.disabled);
  const place = choices.findIndex((choice) => choice.checked);
  const next = choices[(place + 1) % choices.length];
  next.checked = true;
  say(`Labels go to ${next.parentElement.textContent.trim()}`);
}

function target() {
  if (scope() === "selection") return { ids: [...state.selection] };
  if (state.current < 0) throw new Error("Choose a sound first");
  if (scope() === "cluster") return { cluster: state.cluster[state.current] };
  return { ids: [state.current] };
}

/** Gives the label to what is chosen; null takes it away. It is on the disk before the page shows it. */
export const give = (label) => attempt(async () => {
  if (label && labelBox(label)) return;
  const wasSound = scope() === "sound";
  const answer = await send("/api/label", { ...target(), label });
  if (label) state.lastLabel = label;
  takeChange(answer);
  say(answer.summary || "Nothing to take away");
  emit("labelled");
  if (wasSound && label && state.list.ids.includes(state.current)) step(1);
});

/** Gives the label of a number key. */
export const giveNumber = (place) => { const label = state.labels[place]; if (label) give(label.name); else say(`No label has the key ${place + 1}`); };

export const undo = (again = false) => attempt(async () => {
  const answer = await send(again ? "/api/redo" : "/api/undo");
  takeChange(answer);
  say(answer.summary || (again ? "Nothing to do again" : "Nothing to undo"));
  if (answer.changesBoxes && state.current >= 0) emit("boxes", (await ask(`/api/sound?id=${state.current}`)).boxes);
});

// Finding

export const propose = () => attempt(async () => {
  const answer = await send("/api/propose", { kind: byId("propose-kind").value, count: 20 });
  if (!answer.ids.length) return say("Everything has a label, or was proposed since the last learning");
  showList(answer.ids, answer.notes, answer.title, "proposals", answer.ids.length);
  emit("choose", answer.ids[0]);
});

export const learn = () => attempt(async () => {
  byId("retrain").disabled = true;
  say("Learning…");
  try {
    const answer = await send("/api/learn");
    takePredictions(await bytes("/api/guesses"));
    state.summary.progress = answer.progress;
    emit("labels");
    setColor("prediction");
    say(`Learned ${plural(answer.labels, "label")} from ${plural(answer.sounds, "sound")} in ${answer.seconds.toFixed(1)} s${answer.macroF1 !== null && answer.macroF1 !== undefined ? `; F1 ${answer.macroF1.toFixed(2)} on sounds held out` : ""}`);
    emit("learned");
  } finally { byId("retrain").disabled = false; }
});

export const like = (isUnlike) => attempt(async () => {
  if (state.current < 0) throw new Error("Choose a sound first");
  const own = isUnlike ? state.unlike : state.like, other = isUnlike ? state.like : state.unlike;
  const ids = scope() === "selection" && state.selection.size ? [...state.selection].slice(0, 500) : [state.current];
  for (const id of ids) { if (!own.includes(id)) own.push(id); const place = other.indexOf(id); if (place >= 0) other.splice(place, 1); }
  byId("liking").replaceChildren(`${state.like.length} like, ${state.unlike.length} unlike `, element("button", { textContent: "Forget", onclick: forget }));
  if (!state.like.length) return say("Now say which sounds the others should be like");
  const answer = await send("/api/like", { like: state.like, unlike: state.unlike, count: 60 });
  showList(answer.ids, answer.notes, answer.title, "like", answer.total);
});
function forget() { state.like = []; state.unlike = []; byId("liking").replaceChildren(); }

byId("search").onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    const answer = await send("/api/search", { text: byId("search-text").value, count: 500 });
    showList(answer.ids, answer.notes, answer.title, "search", answer.total);
    emit("view", "browse");
  });
};

// Palette, progress, table of labels

function drawPalette() {
  const own = state.current >= 0 ? state.label[state.current] : -1;
  byId("palette").replaceChildren(...state.labels.map((label, place) => {
    const button = element("button", { type: "button", onclick: () => give(label.name) }, dot(place), label.name);
    if (place < 9) { button.append(element("kbd", { textContent: place + 1 })); button.setAttribute("aria-keyshortcuts", place + 1); }
    button.setAttribute("aria-pressed", own === place);
    return button;
  }));
  byId("label-names").replaceChildren(...state.labels.map((label) => element("option", { value: label.name })));
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;

function drawProgress() {
  const { total, listened, labelled, macroF1 } = state.summary.progress, bar = byId("progress-bar");
  bar.querySelector("i").style.width = `${(100 * listened) / total}%`;
  bar.querySelector("b").style.width = `${(100 * labelled) / total}%`;
  bar.setAttribute("aria-valuenow", ((100 * labelled) / total).toFixed(1));
  const text = `${labelled.toLocaleString("en")} of ${total.toLocaleString("en")} labelled · ${listened.toLocaleString("en")} heard${macroF1 != null ? ` · F1 ${macroF1.toFixed(2)}` : ""}`;
  bar.setAttribute("aria-valuetext", text);
  byId("progress-text").textContent = text;
}

const found = (name) => attempt(async () => {
  const minimum = Number(byId("minimum")?.value ?? 50) / 100;
  const answer = await send("/api/found", { label: name, minimum, count: 300 });
  const words = answer.expectedPrecision != null ? `, about ${percent(answer.expectedPrecision)} right, ${percent(answer.expectedRecall)} of all expected` : "";
  showList(answer.ids, answer.notes, `${answer.title} at ${percent(minimum)}${words}`, "found", answer.total);
  emit("select", answer.ids);
});

function drawTable() {
  const { labels, byPeople, labelled } = state.summary.progress;
  const kept = byId("minimum")?.value ?? 50;
  const rows = labels.map((label) => {
    const code = state.labels.findIndex((other) => other.name === label.name);
    return element("tr", {}, element("th", { scope: "row" }, dot(code), ` ${label.name}`),
      element("td", { className: "number", textContent: label.labelled.toLocaleString("en") }),
      element("td", { className: "number", textContent: label.expected != null ? Math.round(label.expected).toLocaleString("en") : "–" }),
      element("td", { className: "number", textContent: label.recall != null ? percent(label.recall) : "–" }),
      element("td", {}, element("button", { textContent: "Show", ariaLabel: `Show sounds labelled ${label.name}`, onclick: () => attempt(async () => { const ids = []; for (let id = 0; id < state.count; id++) if (state.label[id] === code) ids.push(id); showList(ids, [], `Labelled ${label.name}`, "label"); }) }),
        " ", element("button", { textContent: "Find", ariaLabel: `Find more ${label.name}`, disabled: label.expected == null, onclick: () => found(label.name) })));
  });
  const head = element("tr", {}, ...["Label", "Given", "Still expected", "Recall", ""].map((text, place) => element("th", { scope: "col", textContent: text, className: place > 0 && place < 4 ? "number" : "" })));
  byId("labels").replaceChildren(
    element("p", { className: "quiet", textContent: rows.length ? `${labelled.toLocaleString("en")} sounds have a label, ${byPeople.toLocaleString("en")} of them from people here. Learning says how many more to expect.` : "No labels yet. Choose a sound, type a label." }),
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
    element("label", {}, "Find those surer than ", element("input", { id: "minimum", type: "range", min: 0, max: 99, value: kept, ariaLabel: "Least probability in percent" })));
}

function drawSelection() {
  const count = state.selection.size, choice = document.querySelector('input[value="selection"]');
  choice.disabled = !count;
  byId("selection-count").textContent = count ? `(${count.toLocaleString("en")})` : "";
  if (count) choice.checked = true;
  else if (choice.checked) document.querySelector('input[value="sound"]').checked = true;
}

/** Draws all that depends on labels. */
export function drawLabels() { drawPalette(); drawProgress(); drawTable(); }
on("labels", drawLabels);
on("theme", drawLabels);
on("listened", () => { state.summary.progress.listened = state.flags.reduce((sum, flag) => sum + (flag & 1), 0); drawProgress(); });
on("changed", (answer) => { if (answer.labels) { state.labels = answer.labels; drawPalette(); } });
on("chosen", drawPalette);
on("selection", drawSelection);

byId("new-label").onsubmit = (event) => {
  event.preventDefault();
  const field = byId("label-text"), text = field.value.trim();
  if (!text) return;
  field.value = "";
  field.blur();
  give(text);
};
byId("unlabel").onclick = () => give(null);
byId("undo").onclick = () => undo();
byId("redo").onclick = () => undo(true);
byId("propose").onclick = () => { emit("view", "sound"); propose(); };
byId("retrain").onclick = learn;
byId("more-like").onclick = () => like(false);
byId("less-like").onclick = () => like(true);

// Export

const dialog = byId("export"), format = byId("export-format");
export function openExport() {
  format.replaceChildren(...state.summary.formats.map(({ name, holdsManyRecordings }) => element("option", { value: name, textContent: `${name}${holdsManyRecordings ? "" : " (one file per recording, zipped)"}` })));
  format.value = "csv";
  byId("export-corpus").hidden = !state.summary.hasCorpus;
  byId("export-state").textContent = `${plural(state.summary.progress.labelled, "labelled sound")}, boxes besides.`;
  format.onchange();
  dialog.showModal();
}
format.onchange = () => { byId("export-get").href = `/api/export?format=${encodeURIComponent(format.value)}`; };
byId("export-get").onclick = (event) => {
  event.preventDefault();
  attempt(async () => {
    const response = await fetch(byId("export-get").href);
    if (!response.ok) { byId("export-state").textContent = (await response.json()).error; return; }
    const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "labels";
    const address = URL.createObjectURL(await response.blob());
    const link = element("a", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    byId("export-state").textContent = `${name} was downloaded.`;
  });
};
byId("export-corpus").onclick = () => attempt(async () => { byId("export-state").textContent = (await send("/api/corpus")).said; });
byId("export-open").onclick = openExport;
export { addHere, openTab };

// What the page knows, and how it speaks with the studio. Every change is answered only when it is on the disk.

export const state = {
  summary: null, count: 0, x: null, y: null, cluster: null, label: null, flags: null,
  prediction: null, probability: null, labels: [], current: -1, selection: new Set(), like: [], unlike: [],
  list: { ids: [], notes: [], title: "", kind: "" },
};

/** Flags of a sound. */
export const LISTENED = 1, FROM_CORPUS = 2;

const listeners = new Map();
/** Calls `body` whenever `name` happens. */
export const on = (name, body) => listeners.set(name, [...(listeners.get(name) ?? []), body]);
export const emit = (name, value) => (listeners.get(name) ?? []).forEach((body) => body(value));

let fading = 0;
/** Tells everybody, screen readers as well, what has happened. */
export function say(text) {
  const live = document.getElementById("live");
  live.classList.remove("faded");
  live.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => { live.classList.add("faded"); fading = setTimeout(() => (live.textContent = ""), 600); }, 4000);
}

async function answered(response) {
  if (response.ok) return response;
  let reason = `${response.status}`;
  try { reason = (await response.json()).error ?? reason; } catch { reason = response.status === 403 ? "The studio was started anew: open the address it has printed." : reason; }
  throw new Error(reason);
}

/** Asks for JSON. */
export const ask = async (path, signal) => (await answered(await fetch(path, { signal }))).json();
/** Asks for bytes. */
export const bytes = async (path, signal) => (await answered(await fetch(path, { signal }))).arrayBuffer();
/** Changes or computes something. */
export const send = async (path, body = {}) => (await answered(await fetch(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
}))).json();

/** Runs what a person asked for and says it when it fails. */
export async function attempt(body) {
  try { return await body(); } catch (error) {
    if (error.name === "AbortError") return undefined;
    say(error instanceof TypeError && /fetch/i.test(error.message) ? "The studio does not answer. Is it still running?" : error.message);
    return undefined;
  }
}

/** Takes all points: see Points.swift for the layout. */
export function takePoints(buffer) {
  const count = new Uint32Array(buffer, 4, 1)[0];
  state.count = count;
  state.x = new Float32Array(buffer, 8, count);
  state.y = new Float32Array(buffer, 8 + 4 * count, count);
  state.cluster = new Int32Array(buffer, 8 + 8 * count, count);
  state.label = new Int32Array(buffer, 8 + 12 * count, count);
  state.flags = new Uint8Array(buffer, 8 + 16 * count, count);
}

/** Takes the likeliest label of every sound and its probability. */
export function takePredictions(buffer) {
  const count = new Uint32Array(buffer, 4, 1)[0];
  state.prediction = new Int32Array(buffer, 8, count);
  state.probability = new Float32Array(buffer, 8 + 4 * count, count);
}

/** The name of a label by its number. */
export const labelName = (code) => (code >= 0 ? state.labels[code]?.name ?? "" : "");

/** Takes the answer to a change of labels. */
export function takeChange(answer) {
  state.labels = answer.labels;
  answer.ids.forEach((id, place) => {
    state.label[id] = answer.codes[place];
    state.flags[id] &= ~FROM_CORPUS;
  });
  if (answer.progress) state.summary.progress = answer.progress;
  emit("labels");
}

export const seconds = (value) => {
  const minutes = Math.floor(value / 60);
  return minutes ? `${minutes}:${(value - 60 * minutes).toFixed(2).padStart(5, "0")}` : `${value.toFixed(value < 10 ? 3 : 2)} s`;
};
export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
/** Makes an element: tag, properties, children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

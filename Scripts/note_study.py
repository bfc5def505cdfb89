#!/usr/bin/env python3
"""Compares learned vectors of single notes with a plain baseline, in quiet recordings and in background noise.

    Scripts/note_study.py RECORDINGS EVENTS.csv BACKGROUND OUT --train 0-89 --test 90-134 [--decibels 0,-6] [--k 9,100]

A DINO and an animal2vec network learn without labels from the --train recordings, with the background recordings mixed
behind what the students hear; each on one core, side by side. Then every note of all recordings becomes a vector, by both and
by log-mel: of the recordings as they are, and mixed with the background at each level (Scripts/mix_recordings.py). The
vectors are grouped and scored on the --test recordings, and one table is printed in Markdown. Stop it and start it again:
what is done stays. Everything is in OUT; table.json holds the figures with their ranges.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build/release/animal2vec"
BACKGROUNDS = ["backgrounds.recordings=[background/*]", "backgrounds.probability=0.9", "backgrounds.decibels.low=-10",
               "backgrounds.decibels.high=10"]
RUNS = {
    "DINO": ["notes", *BACKGROUNDS],
    "animal2vec": ["tiny", *BACKGROUNDS, "model.network.depth=4", "model.network.feedForwardRatio=4",
                   "schedule.totalUpdates=500", "schedule.warmupUpdates=50", "teacher.annealUpdates=500"],
}


def run(*words, answer=False):
    """Runs the program or a script; gives what it printed when `answer`."""
    result = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE if answer else None, text=True)
    if result.returncode != 0:
        sys.exit(f"note_study: {' '.join(map(str, words))}: status {result.returncode}")
    return result.stdout


def learned_corpus(arguments):
    """A corpus of the quiet recordings and of the background, without its rumble."""
    corpus, sounds = arguments.out / "corpus", arguments.out / "sounds"
    if not (arguments.out / "scanned").exists():
        for part in ("notes", "background"):
            (sounds / part).mkdir(parents=True, exist_ok=True)
        for path in arguments.recordings.iterdir():
            link = sounds / "notes" / path.name
            if not link.exists():
                link.symlink_to(path.resolve())
        for path in arguments.background.iterdir():
            run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-af", "highpass=f=500:p=2,highpass=f=500:p=2,volume=20dB",
                "-ac", 1, sounds / "background" / f"{path.stem}.wav")
        run(PROGRAM, "scan", sounds, "--labels", arguments.events, "--corpus", corpus)
        run(PROGRAM, "split", "--corpus", corpus, "--train", arguments.train, "--train", "background/*", "--test", arguments.test)
        (arguments.out / "scanned").touch()
    return corpus


def pretrain(arguments, corpus):
    """Both networks at once, a core each; the minutes of each over all calls."""
    clock = arguments.out / "minutes.json"
    minutes = json.loads(clock.read_text()) if clock.exists() else {}
    began, running = time.time(), {}
    for name, settings in RUNS.items():
        if not minutes.get(name, {}).get("finished"):
            log = open(arguments.out / f"{name}.log", "a")
            running[name] = subprocess.Popen([PROGRAM, "pretrain", *settings, "--corpus", corpus, "--run", arguments.out / name,
                                              "--threads", "1"], stderr=log, stdout=log)
    while running:
        time.sleep(1)
        for name, process in list(running.items()):
            if process.poll() is not None:
                del running[name]
                if process.returncode != 0:
                    sys.exit(f"note_study: pretraining of {name}: status {process.returncode}, see {arguments.out}/{name}.log")
                known = minutes.setdefault(name, {"spent": 0})
                known["finished"], known["spent"] = True, known["spent"] + (time.time() - began) / 60
                clock.write_text(json.dumps(minutes))
    return {name: entry["spent"] for name, entry in minutes.items()}


def scores(arguments, model, recordings, atlas):
    run(PROGRAM, "embed", model, recordings, "--labels", arguments.events, "--unit", "events", "--detail", "parts", "--atlas", atlas)
    return json.loads(run(PROGRAM, "cluster", "--atlas", atlas, "--k", arguments.k, "--train", arguments.train, "--json",
                          "--no-map", "--no-html", answer=True))


def row(name, answer):
    def figure(score):
        return "–" if score["value"] is None else f"{score['value']:.3f}"

    cells = [name]
    for result in answer["results"]:
        cells += [figure(result["scores"]["adjustedMutualInformation"]), figure(result["scores"]["purity"])]
    vectors = answer["vectors"]
    shots = vectors["fewShot"]  # keys and values by turns, or a table, as the encoder has it
    shots = dict(zip(shots[::2], shots[1::2])) if isinstance(shots, list) else {int(key): value for key, value in shots.items()}
    cells += [figure(vectors["nearest"]["accuracy"]), figure(shots[1]), figure(shots[5]), figure(vectors["linear"]["accuracy"])]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("recordings", "events", "background", "out"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--train", required=True, help="recordings to learn from: 0-89")
    parser.add_argument("--test", required=True, help="recordings that are scored: 90-134")
    parser.add_argument("--decibels", default="0,-6")
    parser.add_argument("--k", default="9,100")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    minutes = pretrain(arguments, learned_corpus(arguments))
    numbers = arguments.k.split(",")
    head = ["vectors"] + [f"{score}, k = {k}" for k in numbers for score in ("AMI", "purity")]
    head += ["20 nearest", "F1, 1 label", "F1, 5 labels", "all labels"]
    lines, figures = [], {"minutes": minutes}
    for level in [None, *arguments.decibels.split(",")]:
        name = "quiet" if level is None else f"{level} dB"
        folder, recordings = arguments.out / name.replace(" ", ""), arguments.recordings
        if level is not None:
            recordings = folder / "recordings"
            if not (folder / "mixed").exists():
                run(ROOT / "Scripts/mix_recordings.py", arguments.recordings, arguments.events, arguments.background, recordings,
                    "--decibels", level, "--seed", arguments.seed)
                (folder / "mixed").touch()
        answers = figures[name] = {}
        for model in ["log-mel", *RUNS]:
            source = model if model == "log-mel" else arguments.out / model
            answers[model] = scores(arguments, source, recordings, folder / "atlas" / model)
            lines.append(row(f"{name}: {model}", answers[model]))
        (arguments.out / "table.json").write_text(json.dumps(figures, indent=1) + "\n")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    print("\n".join(lines))
    print("\nminutes of learning on one core: " + ", ".join(f"{name} {spent:.1f}" for name, spent in minutes.items()))


main()

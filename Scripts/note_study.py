#!/usr/bin/env python3
"""Compares learned vectors of single notes with a plain baseline, in quiet recordings and in background noise.

    Scripts/note_study.py RECORDINGS EVENTS.csv BACKGROUND OUT --train 0-89 --test 90-134 [--decibels 0,-6] [--k 9,100]

For the recordings as they are, and mixed with the background at each level (Scripts/mix_recordings.py), it makes a corpus
of which only the --train recordings are learned from, pretrains a DINO and an animal2vec network on it without labels,
embeds every note by both and by log-mel, groups them, and prints one table in Markdown. Stop it and start it again: what
is done stays. Everything is in OUT; table.json holds the figures with their ranges.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build/release/animal2vec"


def run(*words, answer=False):
    """Runs the program or a script; gives what it printed when `answer`."""
    result = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE if answer else None, text=True)
    if result.returncode != 0:
        sys.exit(f"note_study: {' '.join(map(str, words))}: status {result.returncode}")
    return result.stdout


def pretrained(recipe, corpus, folder):
    """A pretraining to its end, and its minutes over all calls."""
    clock = folder.with_suffix(".seconds")
    before = float(clock.read_text()) if clock.exists() else 0
    if not (folder / "finished").exists():
        began = time.time()
        try:
            run(PROGRAM, "pretrain", recipe, "--corpus", corpus, "--run", folder)
            (folder / "finished").touch()
        finally:
            before += time.time() - began
            clock.write_text(str(before))
    return before / 60


def scores(folder, model, recordings, events, arguments, embedding=()):
    atlas = folder / "atlas" / pathlib.Path(model).name
    run(PROGRAM, "embed", model, recordings, "--labels", events, "--unit", "events", "--atlas", atlas, *embedding)
    return json.loads(run(PROGRAM, "cluster", "--atlas", atlas, "--k", arguments.k, "--train", arguments.train, "--json",
                          "--no-map", "--no-html", answer=True))


def figure(value):
    return "–" if value is None else f"{value:.3f}"


def row(name, minutes, answer):
    cells = [name, "–" if minutes is None else f"{minutes:.1f}"]
    for result in answer["results"]:
        cells += [figure(result["scores"]["adjustedMutualInformation"]["value"]), figure(result["scores"]["purity"]["value"])]
    vectors = answer["vectors"]
    shots = dict(zip(vectors["fewShot"][::2], vectors["fewShot"][1::2])) if isinstance(vectors["fewShot"], list) \
        else {int(key): value for key, value in vectors["fewShot"].items()}
    cells += [figure(vectors["nearest"]["accuracy"]["value"]), figure(shots[1]["value"]), figure(shots[5]["value"]),
              figure(vectors["linear"]["accuracy"]["value"])]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=pathlib.Path)
    parser.add_argument("events", type=pathlib.Path)
    parser.add_argument("background", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--train", required=True, help="recordings to learn from: 0-89")
    parser.add_argument("--test", required=True, help="recordings that are scored: 90-134")
    parser.add_argument("--decibels", default="0,-6")
    parser.add_argument("--k", default="9,100")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recipes", default="notes,notes-animal2vec", help="of pretraining")
    arguments = parser.parse_args()

    conditions = [("clean", None)] + [(f"{level} dB", level) for level in arguments.decibels.split(",")]
    numbers = arguments.k.split(",")
    head = ["features", "minutes of learning"] + [f"{score}, k = {k}" for k in numbers for score in ("AMI", "purity")]
    head += ["20 nearest", "macro-F1, 1 label", "macro-F1, 5 labels", "all labels"]
    lines, figures = [], {}
    for name, level in conditions:
        folder = arguments.out / ("clean" if level is None else f"{level}dB")
        recordings = arguments.recordings
        if level is not None:
            recordings = folder / "recordings"
            if not (folder / "mixed").exists():
                run(ROOT / "Scripts/mix_recordings.py", arguments.recordings, arguments.events, arguments.background, recordings,
                    "--decibels", level, "--seed", arguments.seed)
                (folder / "mixed").touch()
        corpus = folder / "corpus"
        if not (folder / "scanned").exists():
            run(PROGRAM, "scan", recordings, "--labels", arguments.events, "--corpus", corpus)
            run(PROGRAM, "split", "--corpus", corpus, "--train", arguments.train, "--test", arguments.test)
            (folder / "scanned").touch()
        lines.append(f"| **{name}** |" + " |" * (len(head) - 1))
        answers = figures[name] = {}
        answers["log-mel"] = scores(folder, "log-mel", recordings, arguments.events, arguments)
        lines.append(row("log-mel", None, answers["log-mel"]))
        for recipe in arguments.recipes.split(","):
            minutes = pretrained(recipe, corpus, folder / recipe)
            answers[recipe] = scores(folder, folder / recipe, recordings, arguments.events, arguments)
            answers[recipe]["minutes"] = minutes
            lines.append(row(recipe, minutes, answers[recipe]))
        (arguments.out / "table.json").write_text(json.dumps(figures, indent=1) + "\n")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    print("\n".join(lines))


main()

#!/usr/bin/env python3
"""Mixes labelled recordings with background sound at a chosen level, the same every time for the same seed.

    Scripts/mix_recordings.py RECORDINGS EVENTS.csv BACKGROUND OUT --decibels -6 [--seed 1]

RECORDINGS and BACKGROUND are folders of sound files; EVENTS.csv has the columns file, start_seconds, end_seconds. Each
recording gets a stretch of one background file, drawn by the seed, that runs round at its end. Below --lowest-hz the
background is cut away, since wind and traffic there carry nearly all of the power and hide nothing. --decibels is the
power of the labelled sounds over that of the background. OUT gets one 16-bit FLAC of the same name for each recording.
Needs ffmpeg, and numpy (`Scripts/setup python`).
"""
import argparse
import csv
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / ".python"))
import numpy  # noqa: E402

SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".m4a"}


def files(folder):
    found = sorted(path for path in pathlib.Path(folder).iterdir() if path.suffix.lower() in SOUNDS)
    if not found:
        sys.exit(f"mix_recordings: no sound files in {folder}")
    return found


def rate_of(path):
    answer = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=sample_rate", "-of",
                             "default=nokey=1:noprint_wrappers=1", path], check=True, capture_output=True, text=True)
    return int(answer.stdout)


def samples_of(path, rate):
    """The mean of the channels, at `rate` hertz."""
    answer = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-ac", "1", "-ar", str(rate), "-f", "f32le", "-"],
                            check=True, capture_output=True)
    return numpy.frombuffer(answer.stdout, numpy.float32).astype(numpy.float64)


def without_lows(samples, rate, lowest):
    spectrum = numpy.fft.rfft(samples)
    spectrum[numpy.fft.rfftfreq(len(samples), 1 / rate) < lowest] = 0
    return numpy.fft.irfft(spectrum, len(samples))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings")
    parser.add_argument("events")
    parser.add_argument("background")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--decibels", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lowest-hz", type=float, default=500)
    arguments = parser.parse_args()

    events = {}
    with open(arguments.events, newline="") as table:
        for row in csv.DictReader(table):
            events.setdefault(row["file"], []).append((float(row["start_seconds"]), float(row["end_seconds"])))
    recordings, backgrounds = files(arguments.recordings), {}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in recordings:
        if path.name not in events:
            sys.exit(f"mix_recordings: {arguments.events} has no events of {path.name}")
        rate = rate_of(path)
        if rate not in backgrounds:
            backgrounds[rate] = [without_lows(samples_of(file, rate), rate, arguments.lowest_hz)
                                 for file in files(arguments.background)]
        # A generator of its own for each recording: leaving one out does not change the others.
        random = numpy.random.default_rng([arguments.seed, *path.name.encode()])
        seconds = numpy.array([len(samples) for samples in backgrounds[rate]], float)
        background = backgrounds[rate][random.choice(len(seconds), p=seconds / seconds.sum())]
        signal = samples_of(path, rate)
        begin = random.integers(len(background))
        noise = background[(begin + numpy.arange(len(signal))) % len(background)]
        sung = numpy.zeros(len(signal), bool)
        for start, end in events[path.name]:
            sung[round(start * rate):round(end * rate)] = True
        power = numpy.mean(signal[sung] ** 2)
        gain = numpy.sqrt(power / numpy.mean(noise ** 2) / 10 ** (arguments.decibels / 10))
        mixed = signal + gain * noise
        mixed *= 0.5 / numpy.abs(mixed).max()
        target = arguments.out / f"{path.stem}.flac"
        partial = target.with_suffix(".partial")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-",
                        "-sample_fmt", "s16", "-f", "flac", partial], input=mixed.astype(numpy.float32).tobytes(), check=True)
        partial.rename(target)
    print(f"{len(recordings)} recordings at {arguments.decibels:g} dB in {arguments.out}")


main()

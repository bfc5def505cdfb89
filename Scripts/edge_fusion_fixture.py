#!/usr/bin/env python3
"""Makes Tests/ModelsTests/Golden/edge_fusion.json: where animal2vec 1.0's method `canny` finds events in the probabilities
of fusion.safetensors and in some more, drawn here, whose calls crowd and last; computed here with SciPy, apart from the program. The published function stops on current NumPy
(three of its settings become lists of one number); here they are the numbers that were meant, and all its other habits
are kept.

    Scripts/setup python
    PYTHONPATH=.python python3 Scripts/edge_fusion_fixture.py            # check the file that is there
    PYTHONPATH=.python python3 Scripts/edge_fusion_fixture.py --write    # make it anew
"""
import json
import pathlib
import sys

import numpy
from scipy import ndimage

import tensor_files

GOLDEN = pathlib.Path(__file__).parent.parent / "Tests/ModelsTests/Golden"
FILE = GOLDEN / "edge_fusion.json"
CHUNK_SECONDS = {"probs": 10, "probs_batch": 2, "probs_narrow": 1, "probs_pulses": 1}
SIGMA, FILTER, LONGEST, LOW = 0.1, 0.1, 0.5, 0.125  # the published settings: seconds, and a probability


def otsu(values):
    """The middle of the bin, of 256, that parts values into two groups with the most variance between them."""
    if values.min() == values.max():
        return values.min()
    counts, edges = numpy.histogram(values, 256)
    middles = (edges[1:] + edges[:-1]) / 2
    best, found = -1.0, 0
    for last in range(255):
        low, high = counts[:last + 1], counts[last + 1:]
        if low.sum() == 0 or high.sum() == 0:
            continue
        gap = (low * middles[:last + 1]).sum() / low.sum() - (high * middles[last + 1:]).sum() / high.sum()
        between = float(low.sum()) * float(high.sum()) * gap * gap
        if between > best:
            best, found = between, last
    return middles[found]


def extremes(curve, flags, choose):
    """One frame of every run of flags. A run is taken to reach to the first frame of the next one, the last run lacks its
    last frame, and a run at frame 0 counts only from the next run on: habits of the published function."""
    places = numpy.flatnonzero(flags)
    starts = [place for place, before in zip(places, [-1, *places[:-1]]) if place - before > 1]
    ends = [start + 1 for start in starts[1:]] + ([places[-1]] if starts else [])
    return [start + int(choose(curve[start:end])) for start, end in zip(starts, ends)]


def part_peaks(intervals, peaks, level, step):
    """Several peaks with the same feet: far ones get a border each, of near ones the second or the first goes."""
    gone, first = set(), 0
    while first < len(peaks):
        last = first
        while last + 1 < len(peaks) and intervals[last + 1] == intervals[first]:
            last += 1
        for index in range(first, last):
            left, right = peaks[index], peaks[index + 1]
            if right - left <= LONGEST / step:
                gone.add(index + (1 if level[right] > level[left] else 0))
                continue
            middle = (left + right) // 2
            down = left
            while down <= middle and level[down] > LOW:
                down += 1
            up = right
            while up > middle and level[up] > LOW:
                up -= 1
            intervals[index], intervals[index + 1] = (intervals[index][0], down), (up, intervals[index + 1][1])
        first = last + 1
    return [index for index in range(len(peaks)) if index not in gone]


def shortened(intervals, peaks, curve, step):
    """Events that are too long reach as far as the probability is not low, and half the limit at most."""
    limit = int(LONGEST // step)
    for index in [index for index, (start, end) in enumerate(intervals) if (end - start) * step > LONGEST]:
        peak = peaks[index]
        bound = max((end for _, end in intervals[:index]), default=0)
        left = peak
        while left - 1 >= bound and curve[left] >= LOW and curve[left - 1] >= LOW:
            left -= 1
        bound = intervals[index + 1][0] if index + 1 < len(intervals) else len(curve)
        right = peak
        while right + 1 < bound and curve[right] >= LOW and curve[right + 1] >= LOW:
            right += 1
        if right - left > limit:
            left, right = max(left, peak - limit // 2), min(right, peak + limit // 2)
        intervals[index] = (left, right)
    return intervals


def events(curve, step):
    """First and last frames of the events in one curve of probabilities."""
    sigma = SIGMA // step
    level = ndimage.gaussian_filter1d(curve, sigma)
    bend = ndimage.gaussian_laplace(level, sigma)
    threshold, size = otsu(abs(bend)), int(FILTER // step)
    peaks = extremes(bend, ndimage.minimum_filter1d(bend, size) < -threshold, numpy.argmin)
    peaks = [peak for peak in peaks if level[peak] >= LOW]
    feet = [0, *extremes(bend, ndimage.maximum_filter1d(bend, size) > threshold, numpy.argmax), len(curve) - 1]
    intervals = [(max(foot for foot in feet if foot < peak), min(foot for foot in feet if foot > peak)) for peak in peaks]
    kept = part_peaks(intervals, peaks, level, step)
    return shortened([intervals[index] for index in kept], [peaks[index] for index in kept], curve, step)


def crowded(seed):
    """Probabilities [1, 1600, 3] of calls that come close and last long, to three decimals."""
    draws, times = numpy.random.RandomState(seed), numpy.arange(1600)[:, None] / 200
    curves = numpy.abs(draws.randn(1600, 3)) * 0.02
    for column in range(3):
        for _ in range(14):
            width, peak = draws.uniform(0.03, 0.5), draws.uniform(0.1, 1)
            curves[:, column:column + 1] += peak * numpy.exp(-0.5 * ((times - draws.uniform(0, 8)) / (width / 2)) ** 2)
    return numpy.round(numpy.clip(curves, 0, 1), 3).astype(numpy.float32)[None]


def main():
    stored, found = tensor_files.read(GOLDEN / "fusion.safetensors"), {}
    drawn = {f"crowded_{seed}": crowded(seed) for seed in range(1, 5)}
    for name, seconds in {**CHUNK_SECONDS, **dict.fromkeys(drawn, 8)}.items():
        stored[name] = drawn.get(name, stored.get(name))
        chunks, frames, classes = stored[name].shape
        times = numpy.linspace(0, seconds * chunks, chunks * frames, dtype=numpy.float64)
        intervals = [[[[int(start), int(end)] for start, end in events(stored[name][chunk, :, column], times[1])]
                      for column in range(classes)] for chunk in range(chunks)]
        found[name] = {"chunkSeconds": seconds, "shape": [chunks, frames, classes], "intervals": intervals}
        if name in drawn:
            found[name]["thousandths"] = [round(1000 * value) for value in drawn[name].flatten().tolist()]
    text = "{\n" + ",\n".join(f'"{name}": {json.dumps(entry, separators=(",", ":"))}' for name, entry in found.items()) + "\n}\n"
    if "--write" in sys.argv:
        FILE.write_text(text)
        print(f"written: {FILE}")
    elif FILE.read_text() == text:
        print("the fixture is what this script computes")
    else:
        sys.exit(f"{FILE} is not what this script computes")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes Tests/EvaluationTests/Fixture/scores.json: a small truth, predictions, frame probabilities, and every score of
them, computed here in plain Python, from the definitions, apart from the program. With scikit-learn at hand (PYTHONPATH)
average precision is compared with its own, with psds_eval the polyphonic score
(pip install --target DIR "pandas<2.2" "numpy<2" psds_eval).

    python3 Scripts/evaluation_fixture.py            # check the file that is there
    python3 Scripts/evaluation_fixture.py --write    # make it anew
"""
import json
import math
import pathlib
import sys

FILE = pathlib.Path(__file__).parent.parent / "Tests/EvaluationTests/Fixture/scores.json"
CLASSES = ["cc", "sn", "focal"]
RATE = 50.0  # frames per second; frame k covers k/RATE to (k+1)/RATE and stands for its middle
SECONDS = 12.0
RECORDINGS = ["dawn.wav", "noon.wav", "dusk.wav", "night.wav", "silence.wav"]


class Dice:
    """The same numbers everywhere: a linear congruential generator (Knuth's MMIX)."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self, low=0.0, high=1.0):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return low + (high - low) * (self.state >> 11) / 2**53


def make():
    dice = Dice(20261121)
    truth, predictions, probabilities = [], [], {}
    for recording in RECORDINGS:
        frames = int(SECONDS * RATE)
        rows = [[round(dice.uniform(0.0, 0.12), 3) for _ in CLASSES] for _ in range(frames)]
        for column, label in enumerate(CLASSES):
            time = dice.uniform(0.2, 1.0)
            while time < SECONDS - 1.5:
                length = round(dice.uniform(0.12, 0.9), 6)
                start, end = round(time, 6), round(time + length, 6)
                kind = dice.uniform()
                if recording != "silence.wav":
                    truth.append([recording, start, end, label])
                # Found well, badly placed, in two pieces, missed, called something else; in silence: false alarms.
                peak = dice.uniform(0.3, 0.99)
                pieces, target = [(start + dice.uniform(-0.05, 0.05), end + dice.uniform(-0.05, 0.05))], column
                if kind > 0.55:
                    pieces = [(start - 0.4 * length, end - 0.4 * length)]
                if kind > 0.7:
                    pieces = [(start, start + 0.4 * length), (start + 0.6 * length, end)]
                if kind > 0.8:
                    pieces = []
                if kind > 0.9:
                    pieces, target = [(start, end)], (column + 1) % len(CLASSES)
                if recording == "silence.wav" and kind < 0.6:
                    pieces = []
                for piece_start, piece_end in pieces:
                    piece_start, piece_end = round(max(0.0, piece_start), 6), round(piece_end, 6)
                    values = []
                    for frame in range(frames):
                        if piece_start <= (frame + 0.5) / RATE < piece_end:
                            rows[frame][target] = round(max(rows[frame][target], peak * dice.uniform(0.8, 1.0)), 3)
                            values.append(rows[frame][target])
                    score = round(sum(values) / max(1, len(values)), 6)
                    predictions.append([recording, piece_start, piece_end, CLASSES[target], score])
                time += length + dice.uniform(0.15, 1.4)
        probabilities[recording] = rows
    return {"classes": CLASSES, "framesPerSecond": RATE, "seconds": SECONDS, "recordings": RECORDINGS, "truth": truth,
            "predictions": predictions, "probabilities": probabilities}


def average_precision(rows):
    """Over distinct thresholds from high to low: the gain in recall times the precision there."""
    rows = sorted(rows, key=lambda row: -row[1])
    positives = sum(target for target, _ in rows)
    if positives == 0:
        return 0.0
    total, found, place = 0.0, 0, 0
    while place < len(rows):
        end = place
        while end < len(rows) and rows[end][1] == rows[place][1]:
            end += 1
        gained = sum(target for target, _ in rows[place:end])
        found += gained
        total += gained / positives * found / end
        place = end
    return total


def overlap(a, b):
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return max(0.0, shared) / (max(a[1], b[1]) - min(a[0], b[0]))


def matched(truths, found, accepts):
    """The most pairs that can be made (augmenting paths)."""
    partner = [-1] * len(found)

    def assign(truth, seen):
        for index in range(len(found)):
            if index not in seen and accepts(overlap(truths[truth], found[index])):
                seen.add(index)
                if partner[index] < 0 or assign(partner[index], seen):
                    partner[index] = truth
                    return True
        return False

    for truth in range(len(truths)):
        assign(truth, set())
    return partner


def ratio(a, b):
    return a / b if b else 0.0


def f1(tp, fp, fn):
    return ratio(2 * tp, 2 * tp + fp + fn)


def spans(rows, recording, label=None):
    return [(row[1], row[2]) for row in rows if row[0] == recording and (label is None or row[3] == label)]


def event_scores(data, minimum):
    by_class = {}
    for label in CLASSES:
        tp = fp = fn = 0
        for recording in RECORDINGS:
            truths, found = spans(data["truth"], recording, label), spans(data["predictions"], recording, label)
            pairs = sum(partner >= 0 for partner in matched(truths, found, lambda value: value >= minimum - 1e-9))
            tp, fp, fn = tp + pairs, fp + len(found) - pairs, fn + len(truths) - pairs
        by_class[label] = (tp, fp, fn)
    tp, fp, fn = (sum(counts[i] for counts in by_class.values()) for i in range(3))
    return {"tp": tp, "fp": fp, "fn": fn, "precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn),
            "f1": f1(tp, fp, fn), "macroF1": sum(f1(*counts) for counts in by_class.values()) / len(CLASSES)}


def targets(data, recording):
    frames = int(SECONDS * RATE)
    return [[int(any(start <= (frame + 0.5) / RATE < end for start, end in spans(data["truth"], recording, label)))
             for label in CLASSES] for frame in range(frames)]


def frame_scores(data):
    rows, loud = [[] for _ in CLASSES], []
    tp = fp = fn = 0
    for recording in RECORDINGS:
        for truth, scores in zip(targets(data, recording), data["probabilities"][recording]):
            for column in range(len(CLASSES)):
                rows[column].append((truth[column], scores[column]))
                found = scores[column] >= 0.175
                is_true = truth[column] == 1
                tp, fp, fn = tp + (is_true and found), fp + (not is_true and found), fn + (is_true and not found)
            if any(truth):
                loud += list(zip(truth, scores))
    by_class = [average_precision(column) for column in rows]
    everything = [row for column in rows for row in column]
    best = 0.0
    focal = sorted(rows[CLASSES.index("focal")], key=lambda row: -row[1])
    positives, hits = sum(target for target, _ in focal), 0
    for place, (target, score) in enumerate(focal):
        hits += target
        if place + 1 == len(focal) or focal[place + 1][1] != score:
            best = max(best, 2 * hits / (place + 1 + positives))
    scores = {"byClass": by_class, "macro": sum(by_class) / len(by_class), "micro": average_precision(everything),
              "microWithoutSilence": average_precision(loud), "precision": ratio(tp, tp + fp),
              "recall": ratio(tp, tp + fn), "f1": f1(tp, fp, fn), "focalBestF1": best}
    return scores, rows


def runs(flags):
    result, start = [], None
    for frame, flag in enumerate(list(flags) + [False]):
        if flag and start is None:
            start = frame
        if not flag and start is not None:
            result.append((start, frame - 1))
            start = None
    return result


def segment_scores(data, threshold_iou, clip_seconds=4.0):
    """The published metric: inclusive runs read as half-open, unused rows (0, 0), windows that begin at the frame."""
    kernel = round(RATE * 0.1)
    shift = round(kernel / 2)
    clip_frames = int(clip_seconds * RATE)
    rows, splits, mergers, frames_in_all = [[] for _ in CLASSES], 0, 0, 0
    for recording in RECORDINGS:
        truth_rows = targets(data, recording)
        for first in range(0, len(truth_rows), clip_frames):
            truth_clip = truth_rows[first:first + clip_frames]
            score_clip = data["probabilities"][recording][first:first + clip_frames]
            frames_in_all += len(truth_clip)
            for column in range(len(CLASSES)):
                values = [row[column] for row in score_clip]
                pooled = [sum(values[k:k + kernel]) / kernel >= 0.175 for k in range(len(values) - kernel + 1)]
                last = len(values) - 1
                found = [(min(a + shift, last), min(b + shift, last)) for a, b in runs(pooled)]
                found = [(a, max(b, a + 1)) for a, b in found]
                truths = [(a, max(b, a + 1)) for a, b in runs(row[column] for row in truth_clip)]

                def mean(run):
                    return sum(values[run[0]:run[1]]) / (run[1] - run[0])

                touched, covers = set(), [0] * len(found)
                for truth in truths:
                    pieces = overlapping = 0
                    for index, prediction in enumerate(found):
                        if prediction[0] < truth[1] and truth[0] < prediction[1]:
                            overlapping += 1
                            touched.add(index)
                            if overlap(truth, prediction) > threshold_iou:
                                pieces += 1
                                covers[index] += 1
                                rows[column].append((1, mean(prediction)))
                            else:
                                rows[column].append((0, mean(truth)))
                    if overlapping == 0:
                        rows[column].append((1, mean(truth)))
                    splits += pieces > 1
                rows[column] += [(0, mean(run)) for index, run in enumerate(found) if index not in touched]
                mergers += sum(count > 1 for count in covers)
    for column in rows:
        column += [(0, 0.0)] * max(0, frames_in_all - len(column))
    by_class = [average_precision(column) for column in rows]
    micro = average_precision([row for column in rows for row in column])
    return {"byClass": by_class, "macro": sum(by_class) / len(by_class), "micro": micro, "splits": splits,
            "mergers": mergers}


def few_shot(data, shots=3, minimum=0.3):
    tp = fp = fn = 0
    for recording in RECORDINGS:
        truths, found = sorted(spans(data["truth"], recording)), spans(data["predictions"], recording)
        end = truths[:shots][-1][1] if truths else 0.0
        truths, found = [t for t in truths if t[1] > end], [p for p in found if p[1] > end]
        pairs = sum(partner >= 0 for partner in matched(truths, found, lambda value: value > minimum + 1e-9))
        tp, fp, fn = tp + pairs, fp + len(found) - pairs, fn + len(truths) - pairs
    return {"shots": shots, "precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn), "f1": f1(tp, fp, fn)}


def segment_f1(data, length=1.0):
    tp = fp = fn = 0
    for recording in RECORDINGS:
        for label in CLASSES:
            def active(rows):
                segments = set()
                for start, end in spans(rows, recording, label):
                    first = math.floor(start / length + 1e-9)
                    segments |= set(range(first, max(first, math.floor(end / length - 1e-9)) + 1))
                return segments
            truth, found = active(data["truth"]), active(data["predictions"])
            tp, fp, fn = tp + len(truth & found), fp + len(found - truth), fn + len(truth - found)
    return f1(tp, fp, fn)


# Shares of a detection, of an event and of a cross-trigger; weights of cross-triggers and of classes; false alarms per hour.
POLYPHONIC = {"timing": (0.7, 0.7, 0.3, 0.0, 1.0, 100.0), "classes": (0.1, 0.1, 0.3, 0.5, 1.0, 100.0),
              "plain": (0.5, 0.5, 0.3, 0.0, 0.0, 1000.0), "crossed": (0.3, 0.4, 0.2, 1.0, 0.3, 3000.0)}


def apart(rows):
    """Predictions without those that overlap an earlier one of their class: such have no place in the definition."""
    kept = []
    for row in sorted(rows, key=lambda row: (row[0], row[3], row[1])):
        if not kept or (kept[-1][0], kept[-1][3]) != (row[0], row[3]) or kept[-1][2] + 1e-6 < row[1]:
            kept.append(row)
    return kept


def operating_points(rows):
    """At most fifty thresholds, evenly among the scores, and the predictions that reach each."""
    scores = sorted({row[4] for row in rows})
    count = min(50, len(scores))
    return [[row for row in rows if row[4] >= scores[index * len(scores) // count]] for index in range(count)]


def polyphonic(data, settings):
    """The polyphonic sound detection score: area under the effective true positive ratio over false alarms per hour."""
    detection, event, cross, cross_weight, class_weight, most = settings
    points = [[(0.0, 0.0)] for _ in CLASSES]
    hours = len(RECORDINGS) * SECONDS / 3600
    truth_hours = {label: sum(row[2] - row[1] for row in data["truth"] if row[3] == label) / 3600 for label in CLASSES}

    def shared(a, b):
        return max(0.0, min(a[2], b[2]) - max(a[1], b[1])) if a[0] == b[0] else 0.0

    for rows in operating_points(apart(data["predictions"])):
        for column, label in enumerate(CLASSES):
            own = [row for row in data["truth"] if row[3] == label]
            right, wrong = [], []
            for row in (row for row in rows if row[3] == label):
                on_truth = sum(shared(row, truth) for truth in own)
                (right if on_truth > 0 and on_truth / (row[2] - row[1]) >= detection else wrong).append(row)
            found = sum(sum(shared(truth, row) for row in right) / (truth[2] - truth[1]) >= event for truth in own)
            cost, others = len(wrong) / hours, [other for other in CLASSES if other != label]
            for other in others:
                there = [truth for truth in data["truth"] if truth[3] == other]
                triggers = sum(sum(shared(row, truth) for truth in there) / (row[2] - row[1]) >= cross for row in wrong)
                cost += cross_weight / len(others) * triggers / truth_hours[other]
            points[column].append((cost, found / len(own)))
    edges = sorted({cost for column in points for cost, _ in column if cost < most}) + [most]
    area = 0.0
    for left, right in zip(edges, edges[1:]):
        heights = [max((height for cost, height in column if cost <= left), default=0.0) for column in points]
        mean = sum(heights) / len(heights)
        spread = math.sqrt(sum((height - mean) ** 2 for height in heights) / len(heights))
        area += (right - left) * max(0.0, mean - class_weight * spread)
    return area / most


def check_polyphonic(data, ours):
    """Compares with psds_eval, where it is at hand."""
    try:
        import pandas
        from psds_eval import PSDSEval
    except ImportError:
        return
    names = ["filename", "onset", "offset", "event_label"]
    truth = pandas.DataFrame([row[:4] for row in data["truth"]], columns=names)
    facts = pandas.DataFrame([(recording, SECONDS) for recording in RECORDINGS], columns=["filename", "duration"])
    for name, (detection, event, cross, cross_weight, class_weight, most) in POLYPHONIC.items():
        scores = PSDSEval(detection, event, cross, ground_truth=truth, metadata=facts)
        for rows in operating_points(apart(data["predictions"])):
            scores.add_operating_point(pandas.DataFrame([row[:4] for row in rows], columns=names))
        theirs = scores.psds(alpha_ct=cross_weight, alpha_st=class_weight, max_efpr=most).value
        assert abs(theirs - ours[name]) < 1e-9, (name, theirs, ours[name])
    print("the polyphonic score agrees with psds_eval")


def main():
    data = make()
    frames, rows = frame_scores(data)
    try:
        from sklearn.metrics import average_precision_score
        for column, value in zip(rows, frames["byClass"]):
            theirs = average_precision_score([row[0] for row in column], [row[1] for row in column])
            assert abs(theirs - value) < 1e-12, (theirs, value)
        print("average precision agrees with scikit-learn")
    except ImportError:
        pass
    data["expected"] = {
        "events": {str(minimum): event_scores(data, minimum) for minimum in (0.3, 0.5, 0.7)}, "frames": frames,
        "segments": {str(minimum): segment_scores(data, minimum) for minimum in (0.0, 0.5)}, "fewShot": few_shot(data),
        "segmentF1": segment_f1(data), "polyphonic": {name: polyphonic(data, POLYPHONIC[name]) for name in POLYPHONIC}}
    check_polyphonic(data, data["expected"]["polyphonic"])
    text = json.dumps(data, separators=(",", ":")) + "\n"
    if "--write" in sys.argv:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text)
        print(FILE)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.exit(f"{FILE}: does not hold what this script computes; run it with --write and see what changed")
    print(json.dumps(data["expected"], indent=1))


main()

#!/usr/bin/env python3
"""A linear layer and attention in eager PyTorch, fp32, default settings: the other side of `make bench`.

Prints one line of JSON for each measurement. Shapes: linear 2048 x 768 -> 3072, the MLP of a base model; attention
4 clips x 12 heads x 500 frames x 64. Attention is timed both as scaled_dot_product_attention and as matrix product,
softmax, matrix product; the faster one counts.
"""
import argparse
import json
import math
import statistics
import time

import torch
from torch.nn import functional as F

ROWS, INPUTS, OUTPUTS = 2048, 768, 3072
BATCH, HEADS, FRAMES, WIDTH = 4, 12, 500, 64


def seconds(work, budget_seconds):
    """Median over as many calls as fit into the budget, after two that are not counted."""
    for _ in range(2):
        work()
    times, cpu_times, end = [], [], time.perf_counter() + budget_seconds
    while len(times) < 3 or time.perf_counter() < end:
        started, started_cpu = time.perf_counter(), time.process_time()
        work()
        times.append(time.perf_counter() - started)
        cpu_times.append(time.process_time() - started_cpu)
    return statistics.median(times), statistics.median(cpu_times)


def report(name, work, budget_seconds, floating_point_operations, **more):
    wall, cpu = seconds(work, budget_seconds)
    return {"name": name, "seconds": wall, "cpu_seconds": cpu, "gflops": floating_point_operations / wall / 1e9,
            "threads": torch.get_num_threads(), "torch": torch.__version__, **more}


def measure_linear(budget_seconds):
    x = torch.randn(ROWS, INPUTS, requires_grad=True)
    weight, bias = torch.randn(OUTPUTS, INPUTS, requires_grad=True), torch.randn(OUTPUTS, requires_grad=True)
    ones, work = torch.ones(ROWS, OUTPUTS), 2 * ROWS * INPUTS * OUTPUTS

    def forward():
        with torch.no_grad():
            F.linear(x, weight, bias)

    def forward_backward():
        torch.autograd.grad(F.linear(x, weight, bias), (x, weight, bias), ones)

    yield report("linear-forward", forward, budget_seconds, work)
    yield report("linear-forward-backward", forward_backward, budget_seconds, 3 * work)


def measure_attention(budget_seconds):
    q, k, v = (torch.randn(BATCH, HEADS, FRAMES, WIDTH, requires_grad=True) for _ in range(3))
    ones, work = torch.ones_like(q), 4 * BATCH * HEADS * FRAMES * FRAMES * WIDTH

    def plain(q, k, v):
        return (q @ k.transpose(-2, -1) / math.sqrt(WIDTH)).softmax(-1) @ v

    ways = {"scaled_dot_product_attention": F.scaled_dot_product_attention, "matrix products": plain}

    def fastest(name, run, operations):
        lines = [report(name, lambda: run(way), budget_seconds, operations, way=label) for label, way in ways.items()]
        best = min(lines, key=lambda line: line["seconds"])
        return best | {"seconds_by_way": {line["way"]: line["seconds"] for line in lines}}

    def forward(way):
        with torch.no_grad():
            way(q, k, v)

    yield fastest("attention-forward", forward, work)
    yield fastest("attention-forward-backward", lambda way: torch.autograd.grad(way(q, k, v), (q, k, v), ones), 3 * work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("linear", "attention"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each measurement")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    for line in (measure_linear if arguments.what == "linear" else measure_attention)(arguments.budget):
        print(json.dumps(line), flush=True)


main()

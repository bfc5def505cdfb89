#!/usr/bin/env python3
"""A hundred updates of the tiny network in plain PyTorch, from the published weights and on masks drawn here.

    Scripts/peer_hundred_updates.py

writes masks, learning rates, losses and gradient norms to Tests/ModelsTests/Golden/hundred_updates.safetensors, which a test
holds against this program's own training. The step is the one of peer_pretraining.py, in the published structure. The
clips stay the same: what changes from update to update is the mask, the learning rate and the teacher's decay.
"""
import math
import pathlib
from dataclasses import replace

import numpy
import torch

import tensor_files
from peer_pretraining import SIZES, Adam, Model, load_weights, span_mask, training_step

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "Tests/ModelsTests/Golden"
UPDATES, WARM_UP, PEAK, CLONES = 100, 10, 1e-3, 3


def learning_rate(update):
    """Linear from 0, then half a cosine to 0."""
    if update < WARM_UP:
        return PEAK * update / WARM_UP
    return PEAK * 0.5 * (1 + math.cos(math.pi * (update - WARM_UP) / (UPDATES - WARM_UP)))


def main():
    torch.set_num_threads(1)
    step = tensor_files.read(GOLDEN / "pretrain_step.safetensors")
    configuration = replace(SIZES["tiny"], dropout=0.0)
    model = Model(configuration)
    load_weights(model, tensor_files.read(GOLDEN / "pretrain_step_params.safetensors"), "pretrain_step_params")
    optimizer = Adam(model, decay_all=False)
    wave, noise = torch.from_numpy(step["wave"]), torch.from_numpy(step["noise"])
    generator = numpy.random.default_rng(100)
    kept = {name: [] for name in ("mask", "learning_rate", "decay", "loss", "gradient_norm")}
    for update in range(UPDATES):
        mask = span_mask(generator, len(wave) * CLONES, noise.shape[1], configuration.mask_probability, configuration.mask_length)
        optimizer.learning_rate, decay = learning_rate(update), 0.99 + 0.01 * update / UPDATES
        loss, norm, _, _ = training_step(model, optimizer, wave, mask, noise, CLONES, decay)
        values = (mask.numpy(), optimizer.learning_rate, decay, loss / int(mask.sum()), norm)
        for name, value in zip(kept, values):
            kept[name].append(value)
    tensor_files.write(GOLDEN / "hundred_updates.safetensors", {name: numpy.array(values) for name, values in kept.items()})
    print(f"loss {kept['loss'][0]:.6f} at first, {kept['loss'][-1]:.6f} after {UPDATES} updates")


main()

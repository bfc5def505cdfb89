#!/usr/bin/env python3
"""Reference values for the options of animal2vec that the published golden values do not cover, in plain PyTorch.

    Scripts/setup python
    PYTHONPATH=.python Scripts/option_reference.py Tests/ModelsTests/Golden/options.safetensors

`modern.*`: a pretraining step of a tiny network with a convolution-only front-end, a norm before the positional convolutions,
rotary positions by frame number, a class token, gated feed-forward networks, DeepScaleLM residuals, a smooth L1 loss with
class token and reconstruction. `stub.*`: the class token predicts the mean of the targets, ALiBi does not see it; targets are
normed by layer and then by batch. `pcen.*`: per-channel energy normalisation by its recursion. Float64, stored as float32.
"""
import math
import sys

import numpy
import torch
from torch.nn import functional as F

import tensor_files

D, H, WIDE, CLONES, BATCH = 24, 3, 2, 2, 2
STACK = [(12, 10, 5), (12, 3, 2), (12, 3, 2), (12, 2, 1)]
STRIDE = 20
DEPTH, PRENET = 2, 1
generator = torch.Generator().manual_seed(7)


def random(*shape, scale=1.0):
    return (torch.randn(*shape, generator=generator, dtype=torch.float64) * scale).float().double()


def norm_parameters(store, name, size):
    store[name + ".weight"], store[name + ".bias"] = 1 + random(size, scale=0.1), random(size, scale=0.1)


def linear_parameters(store, name, inputs, outputs):
    store[name + ".weight"], store[name + ".bias"] = random(outputs, inputs, scale=inputs ** -0.5), random(outputs, scale=0.1)


def make_context(gated, rotary):
    store = {}
    norm_parameters(store, "positions.norm", D)
    for layer in range(2):
        store[f"positions.{layer}.weight"] = random(D, D // 4, 3, scale=0.3)
        store[f"positions.{layer}.bias"] = random(D, scale=0.1)
    norm_parameters(store, "prenet.norm", D)
    store["class_token"] = random(D)
    if not rotary:
        store["alibi_scale"] = 1 + random(H, scale=0.2)
    for block in [f"prenet.blocks.{i}" for i in range(PRENET)] + [f"blocks.{i}" for i in range(DEPTH)]:
        linear_parameters(store, block + ".attention.qkv", D, 3 * D)
        linear_parameters(store, block + ".attention.output", D, D)
        linear_parameters(store, block + ".expand", D, (2 if gated else 1) * WIDE * D)
        linear_parameters(store, block + ".contract", WIDE * D, D)
        norm_parameters(store, block + ".norm1", D)
        norm_parameters(store, block + ".norm2", D)
    return store


def make_student(gated, rotary):
    store, inputs = make_context(gated, rotary), 1
    for layer, (channels, kernel, _) in enumerate(STACK):
        store[f"front_end.layers.{layer}.convolution.weight"] = random(channels, inputs, kernel, scale=(2 / inputs / kernel) ** 0.5)
        norm_parameters(store, f"front_end.layers.{layer}.norm", channels)
        inputs = channels
    norm_parameters(store, "projection.norm", inputs)
    linear_parameters(store, "projection.linear", inputs, D)
    for layer, inputs in enumerate((D, 16)):
        store[f"decoder.layers.{layer}.weight"] = random(16, inputs // 4, 3, scale=0.3)
        store[f"decoder.layers.{layer}.bias"] = random(16, scale=0.1)
    linear_parameters(store, "decoder.output", 16, D)
    if gated:
        linear_parameters(store, "class_predictor", D, D)
        linear_parameters(store, "reconstruction", D, STRIDE)
    return store


def layer_norm(x, store=None, name=None):
    if store is None:
        return F.layer_norm(x, x.shape[-1:])
    return F.layer_norm(x, x.shape[-1:], store[name + ".weight"], store[name + ".bias"])


def linear(x, store, name):
    return F.linear(x, store[name + ".weight"], store[name + ".bias"])


def convolve(x, store, name, groups):
    return F.conv1d(x.transpose(1, 2), store[name + ".weight"], store[name + ".bias"], padding=1, groups=groups).transpose(1, 2)


def front_end(wave, store):
    x = wave[:, None]
    for layer, (_, kernel, stride) in enumerate(STACK):
        if stride == 1:
            x = F.pad(x, ((kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2))
        x = F.conv1d(x, store[f"front_end.layers.{layer}.convolution.weight"], stride=stride,
                     padding=0 if stride == 1 else math.ceil(stride / 2))
        x = F.gelu(layer_norm(x.transpose(1, 2), store, f"front_end.layers.{layer}.norm")).transpose(1, 2)
    return linear(layer_norm(x.transpose(1, 2), store, "projection.norm"), store, "projection.linear")


def positions(x, store):
    x = layer_norm(x, store, "positions.norm")
    for layer in range(2):
        x = F.gelu(layer_norm(convolve(x, store, f"positions.{layer}", 4)))
    return x


def rotate(x, numbers):
    """x [R, H, N, d] as complex numbers (channel i, channel i + d/2), turned by number · 10000^(-2i/d)."""
    half = x.shape[-1] // 2
    speeds = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones(1, dtype=torch.float64), 1.0 * numbers[:, None, :, None] * speeds)
    return torch.cat([turned.real, turned.imag], -1)


def slopes():
    """ALiBi's for three heads: those of two, then every other one of four."""
    two = [2 ** (-2 ** -(math.log2(2) - 3) * (i + 1)) for i in range(2)]
    four = [2 ** (-2 ** -(math.log2(4) - 3) * (i + 1)) for i in range(4)]
    return torch.tensor(two + four[0::2][:1], dtype=torch.float64)


def context(x, numbers, store, gated, rotary):
    """x [R, N, D] without and numbers [R, N] of frames; the feed-forward outputs and the last output, the token first."""
    rows = x.shape[0]
    x = torch.cat([store["class_token"].expand(rows, 1, D), x], 1)
    bias = None
    if not rotary:
        gaps = (numbers[:, :, None] - numbers[:, None, :]).abs()
        bias = F.pad(-gaps[:, None] * (slopes() * store["alibi_scale"].clamp(min=0))[None, :, None, None], (1, 0, 1, 0))
    numbers = torch.cat([torch.zeros(rows, 1, dtype=numbers.dtype), numbers + 1], 1)
    count = PRENET + DEPTH
    kept, added = ((1 - 2 / count) ** 0.5, (2 / count) ** 0.5) if gated else (1, 1)
    x = layer_norm(x, store, "prenet.norm")
    shown = []
    for block in [f"prenet.blocks.{i}" for i in range(PRENET)] + [f"blocks.{i}" for i in range(DEPTH)]:
        q, k, v = linear(x, store, block + ".attention.qkv").reshape(rows, -1, 3, H, D // H).permute(2, 0, 3, 1, 4)
        if rotary:
            q, k = rotate(q, numbers), rotate(k, numbers)
        scores = q @ k.transpose(2, 3) / (D // H) ** 0.5
        weights = (scores if bias is None else scores + bias).softmax(-1)
        seen = linear((weights @ v).transpose(1, 2).reshape(rows, -1, D), store, block + ".attention.output")
        x = layer_norm(kept * x + added * seen, store, block + ".norm1")
        wide = linear(x, store, block + ".expand")
        if gated:
            value, gate = wide.chunk(2, -1)
            wide = value * F.gelu(gate)
        else:
            wide = F.gelu(wide)
        forward = linear(wide, store, block + ".contract")
        x = layer_norm(kept * x + added * forward, store, block + ".norm2")
        if not block.startswith("prenet"):
            shown.append(forward)
    return shown, x


def instance_norm(x):
    return (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()


def batch_norm(x):
    return (x - x.mean((0, 1))) / (x.var((0, 1), unbiased=False) + 1e-5).sqrt()


def step(wave, masked, noise, student, teacher, gated, rotary):
    z = front_end(wave, student)
    frames = z.shape[1]
    with torch.no_grad():
        shown, _ = context(z + positions(z, teacher), torch.arange(frames).expand(BATCH, -1).double(), teacher, gated, rotary)
        if gated:
            target = sum(instance_norm(part[:, 1:]) for part in shown) / DEPTH
            token_target = sum(layer_norm(part[:, 0]) for part in shown) / DEPTH
        else:
            target = batch_norm(sum(layer_norm(part[:, 1:]) for part in shown) / DEPTH)
            token_target = target.mean(1)
    clones = z.repeat_interleave(CLONES, 0)
    grid = clones * ~masked[:, :, None]
    placed = grid + positions(grid, student)
    numbers = torch.stack([(~row).nonzero()[:, 0] for row in masked])
    picked = numbers[:, :, None].expand(-1, -1, D)
    _, x = context(placed.gather(1, picked), numbers.double(), student, gated, rotary)
    full = noise.clone().scatter(1, picked, x[:, 1:])
    for layer in range(2):
        made = F.gelu(layer_norm(convolve(full, student, f"decoder.layers.{layer}", 4)))
        full = made + full if made.shape == full.shape else made
    prediction = linear(full, student, "decoder.output")[masked]
    wanted = target.repeat_interleave(CLONES, 0)[masked]
    tokens = token_target.repeat_interleave(CLONES, 0)
    if gated:
        scale = 0.3
        loss = F.smooth_l1_loss(prediction, wanted, reduction="sum", beta=0.5) * scale * 0.9
        token = linear(x[:, 0], student, "class_predictor")
        loss = loss + F.smooth_l1_loss(token, tokens, reduction="sum", beta=0.5) * scale * 0.7
        patches = F.pad(wave, (0, frames * STRIDE - wave.shape[1])).reshape(BATCH, frames, STRIDE)
        patches = (patches - patches.mean(-1, keepdim=True)) / (patches.var(-1, keepdim=True) + 1e-6).sqrt()
        read = linear(prediction, student, "reconstruction")
        loss = loss + F.smooth_l1_loss(read, patches.repeat_interleave(CLONES, 0)[masked], reduction="sum", beta=0.5) * scale * 0.4
    else:
        loss = (prediction - wanted).square().sum() / D ** 0.5
        loss = loss + (x[:, 0] - tokens).square().sum() / D ** 0.5 * 0.5 * masked.sum()
    return loss, prediction, wanted


def pcen(x, alpha, delta, root, smoothing):
    past, pasts = x[:, 0], []
    for index in range(x.shape[1]):
        past = (1 - smoothing) * past + smoothing * x[:, index]
        pasts.append(past)
    return (x / (torch.stack(pasts, 1) + 1e-12) ** alpha + delta) ** (1 / root) - delta ** (1 / root)


def main():
    values = {}
    for name, gated, rotary in (("modern", True, True), ("stub", False, False)):
        student, teacher = make_student(gated, rotary), make_context(gated, rotary)
        wave = random(BATCH, 990)
        frames = front_end(wave, student).shape[1]
        masked = torch.zeros(BATCH * CLONES, frames, dtype=torch.bool)
        for row in masked:
            row[torch.randperm(frames, generator=generator)[:frames - 9]] = True
        noise = random(BATCH * CLONES, frames, D, scale=0.1)
        for parameter in student.values():
            parameter.requires_grad_()
        loss, prediction, target = step(wave, masked, noise, student, teacher, gated, rotary)
        loss.backward()
        values |= {f"{name}.param.{key}": value for key, value in student.items()}
        values |= {f"{name}.teacher.{key}": value for key, value in teacher.items()}
        values |= {f"{name}.grad.{key}": value.grad for key, value in student.items()}
        values |= {f"{name}.wave": wave, f"{name}.mask": masked, f"{name}.noise": noise, f"{name}.loss": loss,
                   f"{name}.prediction": prediction, f"{name}.target": target}
    x = random(2, 300, 3).abs().requires_grad_()
    numbers = [(random(3, scale=0.1) + start).requires_grad_() for start in (0.8, 2.0, 2.0)]
    smoothing = torch.tensor([0.04, 0.2, 0.01], dtype=torch.float64).requires_grad_()
    probe = random(2, 300, 3)
    output = pcen(x, *numbers, smoothing)
    (output * probe).sum().backward()
    values |= {"pcen.x": x, "pcen.probe": probe, "pcen.output": output, "pcen.grad.x": x.grad}
    for key, value in zip(("alpha", "delta", "root", "smoothing"), [*numbers, smoothing]):
        values |= {f"pcen.{key}": value, f"pcen.grad.{key}": value.grad}
    tensor_files.write(sys.argv[1], {
        key: value.detach().numpy() if value.dtype == torch.bool else value.detach().numpy().astype(numpy.float32)
        for key, value in values.items()})


if __name__ == "__main__":
    main()

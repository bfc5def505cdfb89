#!/usr/bin/env python3
"""The pretraining step of animal2vec 1.0 in plain eager PyTorch: the other side of `make bench`.

It does the work the way the published software does it: positions are encoded for every clone on the full grid of frames,
and the ALiBi bias is scaled on the full grid, repeated for every clone and only then cut to the kept frames. Attention is
matrix product, softmax, matrix product; the optimizer and the teacher's average walk over the parameters one by one.
Left out is what costs next to nothing: mixup, logging, the loader.

    Scripts/peer_pretraining.py --check-golden Tests/ModelsTests/Golden     is it the published computation?
    Scripts/peer_pretraining.py --size base --clips 1 --steps 3             seconds per step, as one line of JSON
    Scripts/peer_pretraining.py --size base --clips 4 --mode inference      the encoder alone, without gradients

Letters: B clips, M clones per clip, N samples, T frames, K kept frames, C front-end channels, D embedding, H heads.
"""
import argparse
import copy
import json
import math
import os
import pathlib
import re
import resource
import statistics
import sys
import time
import warnings
from dataclasses import dataclass, replace

import numpy
import torch
from torch import nn
from torch.nn import functional as F

import tensor_files

STRIDES = {8000: (5, 2, 2, 2), 16000: (5, 4, 2, 2), 24000: (5, 4, 3, 2), 32000: (5, 4, 4, 2), 48000: (5, 4, 4, 3)}
EPSILON = 1e-5
warnings.filterwarnings("ignore", message="Using padding='same'")  # the published layers of kernel 2 pad like that


@dataclass
class Configuration:
    """One size of the model. Every rate leads to 200 frames per second."""

    rate_hz: int = 8000
    sinc_filters: int = 127
    sinc_kernel: int = 63
    channels: int = 512
    embedding: int = 768
    heads: int = 12
    prenet_depth: int = 0
    depth: int = 12
    target_layers: int = 12
    position_layers: int = 5
    position_kernel: int = 19
    position_groups: int = 16
    decoder_embedding: int = 384
    decoder_kernel: int = 7
    decoder_groups: int = 16
    decoder_layers: int = 4
    mask_probability: float = 1.5
    mask_length: int = 2
    noise_deviation: float = 0.01
    dropout: float = 0.1  # after attention's weights and projection, after the MLP, before prenet and decoder


SIZES = {
    "tiny": Configuration(sinc_filters=15, channels=24, embedding=48, heads=4, prenet_depth=1, depth=2, target_layers=2,
                          position_groups=4, decoder_embedding=32, decoder_groups=4),
    "base": Configuration(),
    "large": Configuration(embedding=1024, heads=16, prenet_depth=8, depth=16, target_layers=16, decoder_embedding=768),
}
CLONES = {"tiny": 3, "base": 8, "large": 12}


# Front-end -----------------------------------------------------------------------------------------------------------

def channel_norm(x_BCT, norm=None):
    """Layer norm over the channels of a convolution's output."""
    x = x_BCT.transpose(1, 2)
    x = norm(x) if norm is not None else F.layer_norm(x, x.shape[-1:], eps=EPSILON)
    return x.transpose(1, 2)


class SincConvolution(nn.Module):
    """Band-pass filters from two learned frequencies each. B 1 N -> B C N."""

    minimum_low_hz = 50

    def __init__(self, filters, kernel, rate_hz):
        super().__init__()
        self.rate_hz, self.kernel = rate_hz, kernel
        self.minimum_band_hz = math.ceil(rate_hz / kernel)
        highest = rate_hz / 2 - (self.minimum_low_hz + self.minimum_band_hz)
        mel = torch.linspace(*(2595 * math.log10(1 + hz / 700) for hz in (self.minimum_low_hz, highest)), filters + 1)
        hz = 700 * (10 ** (mel / 2595) - 1)
        self.low_hz_ = nn.Parameter(hz[:-1, None].clone())
        self.band_hz_ = nn.Parameter(hz.diff()[:, None].clone())
        half = kernel // 2
        # Half a Hamming window whose points run to kernel / 2 - 1, which is no whole number: so are the published weights.
        points = torch.linspace(0, kernel / 2 - 1, half)
        self.register_buffer("window", 0.53836 - 0.46164 * torch.cos(2 * math.pi * points / kernel), persistent=False)
        self.register_buffer("time", 2 * math.pi * torch.arange(-half, 0.0)[None] / rate_hz, persistent=False)

    def filters(self):
        low = self.minimum_low_hz + self.low_hz_.abs()
        high = (low + self.minimum_band_hz + self.band_hz_.abs()).clamp(self.minimum_low_hz, self.rate_hz / 2)
        band = high - low
        left = (torch.sin(high * self.time) - torch.sin(low * self.time)) / (self.time / 2) * self.window
        return torch.cat([left, 2 * band, left.flip(1)], dim=1)[:, None] / (2 * band)[:, None]

    def forward(self, x_B1N):
        half = self.kernel // 2
        return F.conv1d(F.pad(x_B1N, (half, half), mode="reflect"), self.filters())


class PSwish(nn.Module):
    """x a sigmoid(b x), a and b learned per channel; the identity at the start."""

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.full((1, channels, 1), 2.0))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, x_BCT):
        return x_BCT * self.alpha * torch.sigmoid(self.beta * x_BCT)


class FrontEndLayer(nn.Module):
    def __init__(self, convolution, channels, activation):
        super().__init__()
        self.convolution, self.norm, self.activation = convolution, nn.LayerNorm(channels, EPSILON), activation

    def forward(self, x_BCT):
        return self.activation(channel_norm(self.convolution(x_BCT), self.norm))


class FrontEnd(nn.Module):
    """Waveform to 200 frames per second. B N -> B C T."""

    def __init__(self, c):
        super().__init__()
        sinc = SincConvolution(c.sinc_filters, c.sinc_kernel, c.rate_hz)
        self.layers = nn.ModuleList([FrontEndLayer(sinc, c.sinc_filters, PSwish(c.sinc_filters))])
        inputs = c.sinc_filters
        for kernel, stride in zip((10, 3, 3, 3, 3, 2, 2), (*STRIDES[c.rate_hz], 1, 1, 1)):
            padding = "same" if stride == 1 else math.ceil(stride / 2)
            convolution = nn.Conv1d(inputs, c.channels, kernel, stride, padding, bias=False)
            nn.init.kaiming_normal_(convolution.weight)
            self.layers.append(FrontEndLayer(convolution, c.channels, nn.GELU()))
            inputs = c.channels

    def forward(self, wave_BN):
        x = wave_BN[:, None]
        for layer in self.layers:
            x = layer(x)
        return x


# Transformer ---------------------------------------------------------------------------------------------------------

def alibi_slopes(heads):
    def powers(count):
        return [2 ** (-(2 ** -(math.log2(count) - 3)) * (i + 1)) for i in range(count)]

    whole = 2 ** int(math.log2(heads))
    return powers(heads) if whole == heads else powers(whole) + powers(2 * whole)[0::2][:heads - whole]


def alibi_bias(clips, heads, frames):
    """B H T T: minus slope times distance."""
    position = torch.arange(frames)
    distance = (position[:, None] - position[None]).abs()
    return (-torch.tensor(alibi_slopes(heads))[:, None, None] * distance).expand(clips, -1, -1, -1).contiguous()


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.dropout = c.heads, c.dropout
        self.qkv = nn.Linear(c.embedding, 3 * c.embedding)
        self.proj = nn.Linear(c.embedding, c.embedding)

    def forward(self, x_BTD, bias_BHTT):
        B, T, D = x_BTD.shape
        q, k, v = self.qkv(x_BTD).reshape(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * (D // self.heads) ** -0.5) @ k.transpose(-2, -1)
        weights = (scores.float() + bias_BHTT).softmax(dim=-1, dtype=torch.float32).to(v.dtype)
        weights = F.dropout(weights, self.dropout, self.training)
        return F.dropout(self.proj((weights @ v).transpose(1, 2).reshape(B, T, D)), self.dropout, self.training)


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c.embedding, 4 * c.embedding), nn.Linear(4 * c.embedding, c.embedding)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Norms stand after the sums. Also gives the MLP's output as it was before dropout and sum: the teacher's target."""

    def __init__(self, c):
        super().__init__()
        self.dropout = c.dropout
        self.attn, self.mlp = Attention(c), MLP(c)
        self.norm1, self.norm2 = nn.LayerNorm(c.embedding, EPSILON), nn.LayerNorm(c.embedding, EPSILON)

    def forward(self, x, bias):
        x = self.norm1(x + self.attn(x, bias))
        target = self.mlp(x)
        return self.norm2(x + F.dropout(target, self.dropout, self.training)), target


class Prenet(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dropout = c.dropout
        self.norm = nn.LayerNorm(c.embedding, EPSILON)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.prenet_depth))

    def forward(self, x, bias):
        x = F.dropout(self.norm(x), self.dropout, self.training)
        for block in self.blocks:
            x, _ = block(x, bias)
        return x


class Encoder(nn.Module):
    """What student and teacher both have: positions, prenet, blocks, the learned strength of ALiBi."""

    def __init__(self, c):
        super().__init__()
        D = c.embedding
        self.alibi_scale = nn.Parameter(torch.ones(1, 1, c.heads, 1, 1))
        self.positions = nn.ModuleList(
            nn.Conv1d(D, D, c.position_kernel, padding=c.position_kernel // 2, groups=c.position_groups)
            for _ in range(c.position_layers))
        self.prenet = Prenet(c)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.depth))

    def encode_positions(self, x_BTD):
        x = x_BTD.transpose(1, 2)
        for convolution in self.positions:
            x = F.gelu(channel_norm(convolution(x)))
        return x.transpose(1, 2)

    def scaled(self, bias_BHTT):
        return bias_BHTT * self.alibi_scale.clamp_min(0)[0]

    def forward(self, x_BTD, bias_BHTT):
        x, targets = self.prenet(x_BTD, bias_BHTT), []
        for block in self.blocks:
            x, target = block(x, bias_BHTT)
            targets.append(target)
        return x, targets


class Decoder(nn.Module):
    """B T D -> B T D through four convolutions over all frames."""

    def __init__(self, c):
        super().__init__()
        width = c.decoder_embedding
        self.convolutions = nn.ModuleList(
            nn.Conv1d(c.embedding if i == 0 else width, width, c.decoder_kernel, padding=c.decoder_kernel // 2,
                      groups=c.decoder_groups) for i in range(c.decoder_layers))
        self.projection = nn.Linear(width, c.embedding)

    def forward(self, x_BTD):
        x = x_BTD.transpose(1, 2)
        for convolution in self.convolutions:
            y = F.gelu(channel_norm(convolution(x)))
            x = y + x if y.shape == x.shape else y
        return self.projection(x.transpose(1, 2))


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.front_end = FrontEnd(c)
        self.projection = nn.Sequential(nn.LayerNorm(c.channels, EPSILON), nn.Linear(c.channels, c.embedding))
        self.encoder = Encoder(c)
        self.decoder = Decoder(c)
        for module in self.encoder.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.02)
                nn.init.zeros_(module.bias)
        self.teacher = copy.deepcopy(self.encoder).requires_grad_(False)
        self.bias = None

    def train(self, mode=True):
        super().train(mode)
        self.teacher.eval()
        return self

    def full_bias(self, clips, frames):
        if self.bias is None or self.bias.shape[0] != clips or self.bias.shape[-1] != frames:
            self.bias = alibi_bias(clips, self.c.heads, frames)
        return self.bias

    def local_features(self, wave_BN):
        return self.projection(self.front_end(wave_BN).transpose(1, 2))

    @torch.no_grad()
    def targets(self, features_BTD, bias):
        """What the student is to predict: the mean of the teacher's MLP outputs, each normed over time."""
        x = features_BTD + self.teacher.encode_positions(features_BTD)
        _, outputs = self.teacher(x, self.teacher.scaled(bias))
        normed = [F.instance_norm(y.transpose(1, 2).float(), eps=EPSILON) for y in outputs[-self.c.target_layers:]]
        return (sum(normed) / len(normed)).transpose(1, 2)

    def predict(self, features_BTD, mask, noise, clones, bias):
        """The student's view of all frames from the kept ones. mask BM T, noise BM T D."""
        keep_count = int((~mask[0]).sum())
        order = mask.int().argsort(dim=1)
        keep, restore = order[:, :keep_count], order.argsort(dim=1)
        features = features_BTD.repeat_interleave(clones, 0)
        D, T = features.shape[-1], features.shape[1]
        positions = self.encoder.encode_positions(features * ~mask[..., None])
        keep_D = keep[..., None].expand(-1, -1, D)
        x = features.gather(1, keep_D) + positions.gather(1, keep_D)

        bias = self.encoder.scaled(bias).repeat_interleave(clones, 0)
        bias = bias.gather(2, keep[:, None, :, None].expand(-1, self.c.heads, -1, T))
        bias = bias.gather(3, keep[:, None, None, :].expand(-1, self.c.heads, keep_count, -1))

        x, _ = self.encoder(x, bias)
        x = F.dropout(x, self.c.dropout, self.training)
        tokens = noise.gather(1, order[:, keep_count:, None].expand(-1, -1, D))
        return self.decoder(torch.cat([x, tokens], 1).gather(1, restore[..., None].expand(-1, -1, D)))

    def forward(self, wave_BN, mask, noise, clones):
        """The summed loss of one step, and what it was computed from."""
        clock = Clock()
        features = self.local_features(wave_BN)
        clock.lap("front_end")
        bias = self.full_bias(*features.shape[:2])
        y = self.targets(features.detach(), bias)
        clock.lap("teacher")
        prediction = self.predict(features, mask, noise, clones, bias)
        masked, target = prediction[mask], y.repeat_interleave(clones, 0)[mask]
        loss = F.mse_loss(masked.float(), target, reduction="none").sum() / math.sqrt(features.shape[-1])
        clock.lap("student")
        return loss, {"local_features": features, "y": y, "decoder_out": prediction, "pred_var": deviation(masked),
                      "target_var": deviation(target)}, clock


def deviation(x_ND):
    """Mean over the channels of the standard deviation over the frames: near zero when a model collapses."""
    return (x_ND.detach().var(0) + 1e-6).sqrt().mean()


# Training ------------------------------------------------------------------------------------------------------------

def span_mask(generator, rows, frames, probability, length):
    """Spans at random starts, then as many masked frames in every row as in the row with the fewest. True is masked."""
    mask = numpy.zeros((rows, frames), bool)
    for row in mask:
        count = max(1, int(probability * frames / length + generator.random()))
        span = frames - count - 1 if frames - length <= count else length
        starts = generator.choice(frames - span, count, replace=False)
        row[(starts[:, None] + numpy.arange(span)).ravel()] = True
    fewest = mask.sum(1).min()
    for row in mask:
        masked = numpy.flatnonzero(row)
        row[generator.choice(masked, len(masked) - fewest, replace=False)] = False
    return torch.from_numpy(mask)


class Adam:
    """Adam with decoupled decay, parameter by parameter; epsilon is added before the correction of the bias."""

    def __init__(self, model, learning_rate=1e-4, beta1=0.9, beta2=0.98, epsilon=1e-6, decay=0.01, decay_all=True):
        self.learning_rate, self.beta1, self.beta2, self.epsilon = learning_rate, beta1, beta2, epsilon
        self.update, self.parameters = 0, []
        for name, p in model.named_parameters():
            if p.requires_grad:
                free = p.dim() == 1 or name.endswith("bias") or re.search("alibi_scale|activation", name)
                self.parameters.append((p, torch.zeros_like(p), torch.zeros_like(p), 0 if free and not decay_all else decay))

    @torch.no_grad()
    def step(self):
        self.update += 1
        size = self.learning_rate * math.sqrt(1 - self.beta2 ** self.update) / (1 - self.beta1 ** self.update)
        for p, m, v, decay in self.parameters:
            m.mul_(self.beta1).add_(p.grad, alpha=1 - self.beta1)
            v.mul_(self.beta2).addcmul_(p.grad, p.grad, value=1 - self.beta2)
            p.add_(p, alpha=-decay * self.learning_rate)
            p.addcdiv_(m, v.sqrt().add_(self.epsilon), value=-size)


@torch.no_grad()
def clip(model, limit=1.0):
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    factor = (limit / (norm + 1e-6)).clamp(max=1)
    for g in gradients:
        g.mul_(factor)
    return norm


@torch.no_grad()
def move_teacher(model, keep):
    for slow, fast in zip(model.teacher.parameters(), model.encoder.parameters()):
        slow.mul_(keep).add_(fast, alpha=1 - keep)


def training_step(model, optimizer, wave, mask, noise, clones, keep):
    """One update. Gives loss, gradient norm before clipping, values of the forward pass, seconds by part."""
    model.zero_grad()
    loss, values, clock = model(wave, mask, noise, clones)
    loss.backward()
    clock.lap("backward")
    for p in model.parameters():
        if p.grad is not None:
            p.grad.div_(int(mask.sum()))
    norm = clip(model)
    optimizer.step()
    move_teacher(model, keep)
    clock.lap("update")
    return loss.item(), norm.item(), values, clock.seconds


class Clock:
    def __init__(self):
        self.last, self.seconds = time.perf_counter(), {}

    def lap(self, name):
        now = time.perf_counter()
        self.seconds[name], self.last = now - self.last, now


# Weights under their published names ---------------------------------------------------------------------------------

AUDIO = "modality_encoders.AUDIO."
PUBLISHED = [  # our name, as a pattern; the published one
    (r"^encoder\.blocks\.", "blocks."),
    (r"^encoder\.prenet\.", AUDIO + "context_encoder."),
    (r"^encoder\.alibi_scale", AUDIO + "alibi_scale"),
    (r"^encoder\.positions\.(\d+)", lambda m: f"{AUDIO}relative_positional_encoder.{int(m[1]) + 1}.0"),
    (r"^front_end\.layers\.(\d+)\.convolution", AUDIO + r"local_encoder.conv_layers.\1.0"),
    (r"^front_end\.layers\.(\d+)\.norm", AUDIO + r"local_encoder.conv_layers.\1.2.1"),
    (r"^front_end\.layers\.(\d+)\.activation\.", AUDIO + r"local_encoder.conv_layers.\1.3.p_swish_"),
    (r"^projection\.(\d+)", lambda m: f"{AUDIO}project_features.{int(m[1]) + 1}"),
    (r"^decoder\.convolutions\.(\d+)", AUDIO + r"decoder.blocks.\1.0"),
    (r"^decoder\.projection", AUDIO + "decoder.proj"),
]


def published_parameters(model):
    """(kind, published name, parameter): kind is `param` for the student and `ema` for the teacher."""
    for name, parameter in model.named_parameters():
        kind = "ema" if name.startswith("teacher.") else "param"
        name = re.sub(r"^teacher\.", "encoder.", name)
        for pattern, replacement in PUBLISHED:
            name, count = re.subn(pattern, replacement, name)
            if count:
                break
        yield kind, name, parameter


@torch.no_grad()
def load_weights(model, tensors, where):
    wanted = {f"{kind}.{name}": parameter for kind, name, parameter in published_parameters(model)}
    stored = {name for name in tensors if name.startswith(("param.", "ema."))}
    if stored != set(wanted):
        sys.exit(f"{where}: missing {sorted(set(wanted) - stored)}, not known {sorted(stored - set(wanted))}")
    for name, parameter in wanted.items():
        parameter.copy_(torch.from_numpy(tensors[name]))


# Against the values of the published software ------------------------------------------------------------------------

class Comparison:
    """Differences relative to the largest entry of the expected tensor."""

    def __init__(self):
        self.worst, self.count, self.failed = {}, 0, []

    def check(self, group, name, found, expected, tolerance):
        found = numpy.asarray(found.detach() if torch.is_tensor(found) else found, dtype="f8")
        expected = numpy.asarray(expected, dtype="f8")
        scale = abs(expected).max() or 1.0
        difference = abs(found - expected).max() / scale if found.shape == expected.shape else math.inf
        self.count += 1
        self.worst[group] = max(self.worst.get(group, 0.0), float(difference))
        if not difference <= tolerance:
            self.failed.append(f"{name}: relative difference {difference:.2e}, allowed {tolerance:.0e}")


def check_golden(folder):
    step, start, train = (tensor_files.read(pathlib.Path(folder) / f"{name}.safetensors")
                          for name in ("pretrain_step", "pretrain_step_params", "pretrain_train"))
    c = replace(SIZES["tiny"], dropout=0.0)
    wave, noise, clones = torch.from_numpy(step["wave"]), torch.from_numpy(step["noise"]), 3
    compare = Comparison()

    raw = torch.from_numpy(step["wave_raw"])
    compare.check("activations", "wave", F.layer_norm(raw, raw.shape[1:], eps=EPSILON), step["wave"], 1e-5)
    model = Model(c)
    load_weights(model, start, "pretrain_step_params")
    loss, values, _ = model(wave, torch.from_numpy(step["mask"]), noise, clones)
    loss.backward()
    for name in ("local_features", "y", "decoder_out"):
        compare.check("activations", name, values[name], step[name], 1e-5)
    compare.check("losses", "loss_sum", loss, step["loss_sum"], 1e-6)
    for name in ("pred_var", "target_var"):
        compare.check("losses", name, values[name], step[name], 1e-5)
    for kind, name, parameter in published_parameters(model):
        if kind == "param":
            compare.check("gradients", f"grad.{name}", parameter.grad, start[f"grad.{name}"], 1e-4)

    for variant in ("grouped", "all"):
        model = Model(c)
        load_weights(model, start, "pretrain_step_params")
        optimizer = Adam(model, decay_all=variant == "all")
        for t, mask in enumerate(torch.from_numpy(train["mask"])):
            loss_sum, norm, values, _ = training_step(model, optimizer, wave, mask, noise, clones, float(train["ema_decay"][t]))
            found = {"loss_sum": loss_sum, "grad_norm": norm, "pred_var": values["pred_var"], "target_var": values["target_var"]}
            for name, value in found.items():
                compare.check("ten updates, losses", f"{variant}.{name}[{t}]", value, train[f"{variant}.{name}"][t], 1e-5)
        for kind, name, parameter in published_parameters(model):
            if f"{variant}.{kind}.{name}" in train:
                compare.check("ten updates, weights", f"{variant}.{kind}.{name}", parameter, train[f"{variant}.{kind}.{name}"], 1e-4)
    for failure in compare.failed:
        print(failure, file=sys.stderr)
    print(json.dumps({"check": "golden", "loss_sum": loss.item(), "compared": compare.count, "failed": len(compare.failed),
                      "worst_relative_difference": compare.worst}))
    sys.exit(1 if compare.failed else 0)


# Timing --------------------------------------------------------------------------------------------------------------

def measure(arguments):
    c = replace(SIZES[arguments.size], rate_hz=arguments.rate, dropout=arguments.dropout)
    clones = arguments.clones or CLONES[arguments.size]
    torch.manual_seed(0)
    generator = numpy.random.default_rng(0)
    model = Model(c).train(arguments.mode == "training")
    if arguments.precision == "bf16":
        model.bfloat16()
    stored = tensor_files.read(arguments.load) if arguments.load else {}
    if any(name.startswith("param.") for name in stored):
        load_weights(model, stored, arguments.load)
    wave = torch.from_numpy(stored["wave"]) if "wave" in stored else torch.randn(arguments.clips, round(arguments.seconds * c.rate_hz))
    wave = F.layer_norm(wave, wave.shape[1:], eps=EPSILON).to(next(model.parameters()).dtype)
    with torch.no_grad():
        frames = model.local_features(wave[:1]).shape[1]
    optimizer = Adam(model)
    times, cpu_times, parts, losses, kept = [], [], [], [], None

    for step in range(arguments.warm_up + arguments.steps):
        rows = len(wave) * clones
        if arguments.mode == "training":
            mask = (torch.from_numpy(stored["mask"]) if "mask" in stored else
                    span_mask(generator, rows, frames, c.mask_probability, c.mask_length))
            noise = (torch.from_numpy(stored["noise"]) if "noise" in stored else
                     torch.randn(rows, frames, c.embedding) * c.noise_deviation)
            kept = int((~mask[0]).sum())
            started, started_cpu = time.perf_counter(), time.process_time()
            loss, _, _, seconds = training_step(model, optimizer, wave, mask, noise, clones, 0.9997)
            losses.append(loss / int(mask.sum()))
        else:
            started, started_cpu, seconds = time.perf_counter(), time.process_time(), {}
            with torch.inference_mode():
                features = model.local_features(wave)
                x = features + model.encoder.encode_positions(features)
                _, outputs = model.encoder(x, model.encoder.scaled(model.full_bias(len(wave), frames)))
                torch.stack(outputs[-c.target_layers:]).mean(0)
        if step >= arguments.warm_up:
            times.append(time.perf_counter() - started)
            cpu_times.append(time.process_time() - started_cpu)
            parts.append(seconds)

    seconds = statistics.median(times)
    print(json.dumps({
        "name": "pretraining-step" if arguments.mode == "training" else "inference",
        "size": arguments.size, "clips": len(wave), "clones": clones, "clip_seconds": wave.shape[1] / c.rate_hz,
        "rate_hz": c.rate_hz, "frames": frames, "kept_frames": kept, "dropout": c.dropout, "precision": arguments.precision, "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(), "torch": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "seconds": seconds, "cpu_seconds": statistics.median(cpu_times), "all_seconds": times,
        "seconds_by_part": {name: statistics.median(p[name] for p in parts) for name in parts[0]},
        "audio_seconds_per_second": wave.numel() / c.rate_hz / seconds, "losses": losses,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "allocator": {k: v for k, v in os.environ.items() if k.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))},
    }))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check-golden", metavar="FOLDER", help="compare with the stored values of the published software")
    parser.add_argument("--mode", choices=("training", "inference"), default="training")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument("--clones", type=int, help="masked copies of every clip; the recipe's number by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a clip")
    parser.add_argument("--rate", type=int, default=8000, choices=STRIDES, help="sample rate in Hz")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of inference; a step is always fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=1, help="steps that are not timed")
    parser.add_argument("--steps", type=int, default=3, help="timed steps; the median is reported")
    parser.add_argument("--matmul-precision", choices=("highest", "high", "medium"), default="highest")
    parser.add_argument("--load", metavar="FILE", help="safetensors with any of param.* and ema.*, wave, mask, noise")
    arguments = parser.parse_args()
    if arguments.mode == "training" and arguments.precision != "fp32":
        parser.error("a step is measured in fp32 only; say --mode inference")
    torch.set_num_threads(arguments.threads)
    torch.set_float32_matmul_precision(arguments.matmul_precision)
    if arguments.check_golden:
        check_golden(arguments.check_golden)
    measure(arguments)


if __name__ == "__main__":
    main()

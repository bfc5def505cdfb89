#!/usr/bin/env python3
"""DINO's training step in plain PyTorch: a hundred updates beside ours, from the same weights on the same views.

    Scripts/peer_dino_100.py --golden Tests/ModelsTests/Golden --write Tests/ModelsTests/Golden/dino_100.json
    Scripts/peer_dino_100.py --golden Tests/ModelsTests/Golden --check       is it the published computation?

Weights and views are those of dino_step.safetensors, and so is the tiny model. The hundred updates go through everything that
changes in a training: the prototypes frozen in the first epoch, a warm-up and a cosine for the learning rate, cosines for
weight decay and for the teacher's decay, the teacher's temperature, the centre. Every update sees other pictures: the stored
views moved in a circle by the number of the update.
"""
import argparse
import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

import tensor_files

PATCH, WIDTH, DEPTH, HEADS, PROTOTYPES = 8, 48, 2, 3, 96
UPDATES, UPDATES_PER_EPOCH = 100, 10


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(WIDTH, eps=1e-6) for _ in range(2))
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5).softmax(-1)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(batch, tokens, WIDTH))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Network(nn.Module):
    """Backbone and head; `forward` takes a list of views, those of one size after the other."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.cls, self.pos = nn.Parameter(torch.zeros(1, 1, WIDTH)), nn.Parameter(torch.zeros(1, 17, WIDTH))
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(DEPTH)), nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 24))
        self.prototypes = nn.Parameter(torch.zeros(PROTOTYPES, 24))

    def positions(self, side):
        learned = math.isqrt(self.pos.shape[1] - 1)
        if side == learned:
            return self.pos
        grid = self.pos[:, 1:].reshape(1, learned, learned, WIDTH).permute(0, 3, 1, 2)
        factor = (side + 0.1) / learned  # as published
        grid = F.interpolate(grid, scale_factor=(factor, factor), mode="bicubic")
        return torch.cat((self.pos[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, WIDTH)), 1)

    def backbone(self, images):
        x = self.patch(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(len(x), -1, -1), x), 1) + self.positions(images.shape[-1] // PATCH)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]

    def forward(self, *views):
        x = F.normalize(self.mlp(torch.cat([self.backbone(view) for view in views])), dim=-1)
        return F.linear(x, self.prototypes / self.prototypes.norm(dim=1, keepdim=True))


def ours(name):
    """The published name of a parameter in this file."""
    for published, here in (("backbone.patch_embed.proj", "patch"), ("backbone.cls_token", "cls"),
                            ("backbone.pos_embed", "pos"), ("backbone.", ""), ("attn.", ""), ("mlp.fc", "fc"),
                            ("head.mlp", "mlp"), ("head.last_layer.weight_v", "prototypes")):
        name = name.replace(published, here)
    return name


def load(golden, prefix):
    network = Network()
    network.load_state_dict({ours(name[len(prefix):]): torch.from_numpy(value) for name, value in golden.items()
                             if name.startswith(prefix) and "backbone_cls" not in name and "weight_g" not in name})
    return network


def loss_of(student, teacher, centre, temperature):
    """Student [6 · B, K], teacher [2 · B, K]: cross-entropy over pairs of different views, one after the other."""
    targets = ((teacher - centre) / temperature).softmax(-1).detach().chunk(2)
    logarithms = (student / 0.1).log_softmax(-1).chunk(6)
    terms = [(-q * p).sum(-1).mean() for i, q in enumerate(targets) for j, p in enumerate(logarithms) if i != j]
    return sum(terms) / len(terms)


def cosine(start, end, share):
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * share))


def schedules(update):
    warmup, epoch = 20, update // UPDATES_PER_EPOCH
    rate = 5e-4 * update / warmup if update < warmup else cosine(5e-4, 1e-6, (update - warmup) / (UPDATES - warmup))
    return {"rate": rate, "decay": cosine(0.04, 0.4, update / UPDATES),
            "momentum": cosine(0.996, 1, update / UPDATES), "temperature": 0.04 + 0.03 * min(1, epoch / 3),
            "frozen": epoch < 1}


def optimizer_of(student):
    plain = [p for n, p in student.named_parameters() if n.endswith(".bias") or p.dim() == 1]
    decaying = [p for n, p in student.named_parameters() if not (n.endswith(".bias") or p.dim() == 1)]
    return torch.optim.AdamW([{"params": decaying}, {"params": plain, "weight_decay": 0.0}], lr=1.0)


def update_once(student, teacher, centre, optimizer, globals_, locals_, plan):
    with torch.no_grad():
        taught = teacher(globals_)
    loss = loss_of(student(globals_, locals_), taught, centre, plan["temperature"])
    optimizer.zero_grad()
    loss.backward()
    for parameter in student.parameters():
        if parameter.grad is not None:
            parameter.grad.mul_((3 / (parameter.grad.norm() + 1e-6)).clamp(max=1))
    if plan["frozen"]:
        student.prototypes.grad = None
    optimizer.param_groups[0].update(lr=plan["rate"], weight_decay=plan["decay"])
    optimizer.param_groups[1].update(lr=plan["rate"])
    optimizer.step()
    with torch.no_grad():
        for old, new in zip(teacher.parameters(), student.parameters()):
            old.mul_(plan["momentum"]).add_(new, alpha=1 - plan["momentum"])
    return loss.item(), centre * 0.9 + taught.mean(0, keepdim=True) * 0.1


def check(folder, golden, globals_, locals_):
    """The published step and ten updates."""
    published = json.loads((folder / "dino_step.json").read_text())
    student, teacher = load(golden, "student."), load(golden, "teacher.")
    centre, steps = torch.from_numpy(golden["center.before"]), published["ten_steps"]
    with torch.no_grad():
        loss = loss_of(student(globals_, locals_), teacher(globals_), centre, published["loss"]["teacher_temperature"])
    worst = abs(loss.item() / golden["loss"].item() - 1)
    centre, optimizer = torch.from_numpy(golden["center.after"]), optimizer_of(student)
    for update, expected in enumerate(steps["losses"]):
        plan = {"rate": steps["lr"][update], "decay": steps["weight_decay"][update], "frozen": update < 5,
                "momentum": steps["teacher_momentum"][update], "temperature": 0.04 if update < 5 else 0.055}
        loss, centre = update_once(student, teacher, centre, optimizer, globals_, locals_, plan)
        worst = max(worst, abs(loss / expected - 1))
    print(f"largest relative difference of a loss: {worst:.1e}")
    assert worst < 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", type=pathlib.Path, required=True, help="folder of the stored values")
    parser.add_argument("--check", action="store_true", help="compare with the published values")
    parser.add_argument("--write", type=pathlib.Path, help="file for the losses of the hundred updates")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    golden = tensor_files.read(arguments.golden / "dino_step.safetensors")
    globals_ = torch.cat([torch.from_numpy(golden[f"global.{i}"]) for i in range(2)])
    locals_ = torch.cat([torch.from_numpy(golden[f"local.{i}"]) for i in range(4)])
    if arguments.check:
        check(arguments.golden, golden, globals_, locals_)
    if not arguments.write:
        return
    student, teacher = load(golden, "student."), load(golden, "teacher.")
    centre, optimizer, losses = torch.from_numpy(golden["center.before"]), optimizer_of(student), []
    for update in range(UPDATES):
        moved = [view.roll(update, -1) for view in (globals_, locals_)]
        loss, centre = update_once(student, teacher, centre, optimizer, *moved, schedules(update))
        losses.append(loss)
    arguments.write.write_text(json.dumps(
        {"torch": torch.__version__, "losses": losses, "centre_norm": centre.norm().item(),
         "schedules": [schedules(update) for update in range(UPDATES)]}, indent=1) + "\n")


if __name__ == "__main__":
    main()

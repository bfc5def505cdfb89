#!/usr/bin/env python3
"""Writes small checkpoints in the layout of the published animal2vec 1.0, as fairseq saves them: the test files of `import`.

Neither fairseq nor OmegaConf is needed. Their classes are imitated by empty ones in modules of the same names, so that the
pickles hold the same names, and objects with the same attributes, as the real ones.

    Scripts/published_checkpoint.py --out Tests/ImportTests/Checkpoints --golden Tests/ModelsTests/Golden

writes, with random weights of a tiny network,
    pretraining.pt          zip; OmegaConf configuration, teacher, optimizer, half and transposed and shared tensors
    pretraining_legacy.pt   the same weights in the layout before PyTorch 1.6, with one flat argparse.Namespace
    finetuned.pt            zip; a classifier of three classes, with the configuration of its pretraining inside
    options_pcen.pt         a classifier with PCEN, a norm before its positions, and a head on the blocks' outputs
    options_taps.pt         one with learned taps, magnitudes normed over time, attention without distances, method canny
    options_token.pt        a pretraining with a class token, a teacher of blocks only, other targets and losses
    options.safetensors     a waveform and the logits that the two classifiers give for it, in plain PyTorch
and the pickles alone (their numbers are those of the golden values, stored there)
    golden_pretraining.pkl  golden_finetuned.pkl
"""
import argparse
import collections
import enum
import io
import math
import pathlib
import sys
import types
import typing
import zipfile

import numpy
import torch
from torch.nn import functional as F

import tensor_files
from large_checkpoint import is_tracked, shapes


def imitated(path, *bases, **members):
    """A class that pickles as `path`, in a module made for it."""
    module, name = path.rsplit(".", 1)
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        part = ".".join(parts[:count])
        if part not in sys.modules:
            sys.modules[part] = types.ModuleType(part)
    kind = type(name, bases or (object,), {"__module__": module, **members})
    setattr(sys.modules[module], name, kind)
    return kind


DictConfig = imitated("omegaconf.dictconfig.DictConfig")
ListConfig = imitated("omegaconf.listconfig.ListConfig")
ContainerMetadata = imitated("omegaconf.base.ContainerMetadata")
Metadata = imitated("omegaconf.base.Metadata")
NODES = {
    kind: imitated(f"omegaconf.nodes.{name}")
    for kind, name in [(bool, "BooleanNode"), (int, "IntegerNode"), (float, "FloatNode"), (str, "StringNode"), (object, "AnyNode"),
                       (enum.Enum, "EnumNode")]
}
Data2VecMultiConfig = imitated("nn.data2vec2.Data2VecMultiConfig")
AverageMeter = imitated("fairseq.logging.meters.AverageMeter")


class Modality(enum.Enum):
    """What the published enumeration of modalities is called."""

    AUDIO = 1


Modality.__module__, Modality.__qualname__ = "nn.modalities.modality", "Modality"
sys.modules.setdefault("nn.modalities", types.ModuleType("nn.modalities"))
sys.modules["nn.modalities.modality"] = types.ModuleType("nn.modalities.modality")
sys.modules["nn.modalities.modality"].Modality = Modality


def node(value, key, parent, object_type=None):
    """A value as OmegaConf 2.0 keeps it: wrapped, with a reference to its parent."""
    is_container = isinstance(value, (dict, list))
    metadata = ContainerMetadata() if is_container else Metadata()
    metadata.__dict__.update(
        ref_type=typing.Any, object_type=object_type or (dict if is_container else None), optional=True, key=key, flags={},
        resolver_cache=collections.defaultdict(dict))
    if is_container:
        metadata.__dict__.update(key_type=typing.Any, element_type=typing.Any)
        metadata.flags = {"struct": True} if parent is None else {}
        result = (DictConfig if isinstance(value, dict) else ListConfig)()
        result._metadata, result._parent = metadata, parent
        if isinstance(value, dict):
            result._content = {name: node(item, name, result) for name, item in value.items()}
        else:
            result._content = [node(item, index, result) for index, item in enumerate(value)]
        return result
    if value is None:
        kind = NODES[object]
    else:
        kind = next(kind for python, kind in NODES.items() if isinstance(value, python))
    result = kind()
    result._metadata, result._parent, result._val = metadata, parent, value
    return result


def configuration(size):
    """The configuration of a pretraining run, interpolations unresolved as hydra leaves them."""
    return {
        "_name": None,
        "common": {"fp16": True, "seed": 1, "log_interval": 384, "tensorboard_logdir": "tb"},
        "task": {
            "_name": "audio_ccas", "data": "/path/to/manifests", "sample_rate": 8000, "normalize": True, "with_labels": False,
            "unique_labels": "['beep', 'synch', 'sn']", "conv_feature_layers": size["layers"], "max_sample_size": None,
        },
        "criterion": {"_name": "expanded_model", "method": "avg", "sigma_s": 0.1, "metric_threshold": 0.25, "log_keys": ["ema_decay"]},
        "optimization": {"max_update": 384230, "lr": [0.0001]},
        "model": {
            "_name": "data2vec_multi", "depth": size["depth"], "embed_dim": size["width"], "num_heads": size["heads"],
            "norm_eps": 1e-5, "norm_affine": True, "encoder_dropout": 0.1, "post_mlp_drop": 0.1, "attention_dropout": 0.1,
            "activation_dropout": 0.0, "layerdrop": 0.0, "mlp_ratio": 4.0, "layer_norm_first": False,
            "average_top_k_layers": 16, "end_of_block_targets": False, "clone_batch": 12, "ema_encoder_only": False,
            "supported_modality": Modality.AUDIO, "seed": "${common.seed}", "sample_rate": "${task.sample_rate}",
            "conv_feature_layers": "${task.conv_feature_layers}", "loss_scale": None,
            "modalities": {
                "_name": None,
                "audio": {
                    "type": Modality.AUDIO, "prenet_depth": size["prenet"], "prenet_layerdrop": 0.0, "prenet_dropout": 0.1,
                    "num_extra_tokens": 0, "mask_noise_std": 0.01, "mask_prob": 1.5, "mask_length": 2,
                    "ema_local_encoder": False, "use_alibi_encoder": True, "learned_alibi": False,
                    "learned_alibi_scale": True, "learned_alibi_scale_per_head": True,
                    "learned_alibi_scale_per_layer": False, "num_alibi_heads": "${model.num_heads}",
                    "extractor_mode": "layer_norm", "conv_feature_layers": "${model.conv_feature_layers}",
                    "sample_rate": "${task.sample_rate}", "conv_pos_width": 95, "conv_pos_depth": 5,
                    "conv_pos_groups": size["groups"], "conv_pos_pre_ln": False, "sinc_input": True,
                    "apply_window_to_root": False, "sinc_norm": "layer_norm", "use_pswish": True,
                    "decoder": {
                        "decoder_dim": size["decoder"], "decoder_groups": size["groups"], "decoder_kernel": 7,
                        "decoder_layers": 4, "input_dropout": 0.1, "decoder_residual": True, "projection_layers": 1,
                    },
                },
            },
        },
    }


def finetuning(size, classes):
    """The configuration of a fine-tuning run, with that of its pretraining inside."""
    inner = configuration(size)
    inner["criterion"], inner["lr_scheduler"] = None, None
    return {
        "_name": None,
        "common": {"fp16": True, "seed": 1},
        "task": {"_name": "audio_ccas", "sample_rate": 8000, "normalize": True, "with_labels": True,
                 "unique_labels": repr(classes), "conv_feature_layers": size["layers"]},
        "criterion": {"_name": "finetunecriterion", "method": "avg", "sigma_s": 0.1, "metric_threshold": 0.175},
        "model": {"_name": "wav2vec_ccas_finetune", "w2v_path": "/path/to/checkpoint.pt", "average_top_k_layers": 16,
                  "unique_labels": "${task.unique_labels}", "sample_rate": "${task.sample_rate}", "w2v_args": inner},
    }


def flat(groups):
    """All settings of nested groups in one Namespace, as before hydra."""
    space = argparse.Namespace()

    def add(group):
        for name, value in group.items():
            if isinstance(value, dict):
                add(value)
            elif not (isinstance(value, str) and value.startswith("${")):
                setattr(space, name, value)

    add(groups)
    return space


TINY = {"layers": "[(5, 15, 1)] +[(8, 10, 5)] + [(8, 3, 2)] * 3 + [(8, 3, 1)] + [(8, 2, 1)] * 2", "kernels": [15, 10, 3, 3, 3, 3, 2, 2],
        "channels": [5, 8, 8, 8, 8, 8, 8, 8], "width": 16, "heads": 2, "depth": 2, "prenet": 1, "groups": 4, "decoder": 8}
GOLDEN = {"layers": "[(15, 63, 1)] +[(24, 10, 5)] + [(24, 3, 2)] * 3 + [(24, 3, 1)] + [(24, 2, 1)] * 2", "width": 48, "heads": 4,
          "depth": 2, "prenet": 1, "groups": 4, "decoder": 32}


SMALL = {"layers": "[(5, 15, 1)] + [(8, 10, 5)] + [(8, 3, 2)] + [(8, 2, 1)]", "kernels": [15, 10, 3, 2], "strides": [1, 5, 2, 1],
         "channels": [5, 8, 8, 8], "width": 16, "heads": 2, "depth": 2, "prenet": 1, "groups": 4, "decoder": 8}
AUDIO = "modality_encoders.AUDIO."
FILTERS = AUDIO + "local_encoder.conv_layers.0."


def variant(tensors, **options):
    """The parameters that options of the published network exchange."""
    tensors, generator = dict(tensors), torch.Generator().manual_seed(3)
    count = tensors[FILTERS + "2.1.weight"].numel()
    if options.get("pcen"):
        del tensors[FILTERS + "2.1.weight"], tensors[FILTERS + "2.1.bias"]
        for name, middle in [("alpha", 0.9), ("delta", 2.0), ("root", 2.0), ("ema._weights", 0.1)]:
            tensors[FILTERS + "2.1." + name] = middle * (1 + 0.1 * torch.rand(count, generator=generator))
    if options.get("taps"):
        del tensors[FILTERS + "0.low_hz_"], tensors[FILTERS + "0.band_hz_"]
        tensors[FILTERS + "0.kernel"] = torch.randn(count, 1, 15, generator=generator) * 0.2
        del tensors[AUDIO + "alibi_scale"]
    if options.get("norm"):
        moved = [name for name in tensors if ".relative_positional_encoder." in name]
        for name in moved:
            tensors[name.replace("positional_encoder.", "positional_encoder.1.")] = tensors.pop(name)
        tensors[AUDIO + "relative_positional_encoder.0.weight"] = 1 + 0.1 * torch.randn(16, generator=generator)
        tensors[AUDIO + "relative_positional_encoder.0.bias"] = 0.1 * torch.randn(16, generator=generator)
    if options.get("token"):
        tensors[AUDIO + "extra_tokens"] = torch.randn(1, 1, 16, generator=generator)
    return tensors


def slopes(heads):
    """ALiBi's for a power of two."""
    return torch.tensor([2 ** (-2 ** -(math.log2(heads) - 3) * (head + 1)) for head in range(heads)], dtype=torch.float64)


def filters_of(tensors):
    """The rendered filters of the first layer at 8 kHz, [C, 1, 15]."""
    if FILTERS + "0.kernel" in tensors:
        return tensors[FILTERS + "0.kernel"]
    taps, rate = 15, 8000
    low = 50 + tensors[FILTERS + "0.low_hz_"].abs()
    high = (low + math.ceil(rate / taps) + tensors[FILTERS + "0.band_hz_"].abs()).clamp(50, rate / 2)
    times = 2 * math.pi * torch.arange(-(taps // 2), 0, dtype=torch.float64)[None] / rate
    places = torch.linspace(0, taps / 2 - 1, taps // 2, dtype=torch.float64)
    window = 0.53836 - 0.46164 * torch.cos(2 * math.pi * places / taps)
    left = ((high * times).sin() - (low * times).sin()) / times * 2 * window
    return (torch.cat([left, 2 * (high - low), left.flip(1)], 1) / (2 * (high - low)))[:, None]


def per_channel_energy(x, tensors):
    """PCEN of magnitudes [C, N] by its recursion."""
    alpha, delta, root, smoothing = (tensors[FILTERS + "2.1." + name][:, None] for name in ["alpha", "delta", "root", "ema._weights"])
    past, level = [], x[:, :1]
    for index in range(x.shape[1]):
        level = smoothing * x[:, index:index + 1] + (1 - smoothing) * level
        past.append(level)
    gain = (1e-12 + torch.cat(past, 1)) ** alpha.clamp(max=1)
    return (x / gain + delta) ** (1 / root.clamp(min=1)) - delta ** (1 / root.clamp(min=1))


def reference_logits(wave, tensors, head, blocks_outputs):
    """What a classifier of the small size gives for a waveform [N], in float64: [T, C]."""
    tensors = {name: tensor.double() for name, tensor in tensors.items()}

    def norm(x, path=None):
        return F.layer_norm(x, x.shape[-1:], *([tensors[path + ".weight"], tensors[path + ".bias"]] if path else []))

    def linear(x, path):
        return F.linear(x, tensors[path + ".weight"], tensors[path + ".bias"])

    x = F.layer_norm(wave.double(), wave.shape)[None]
    for layer, (kernel, stride) in enumerate(zip(SMALL["kernels"], SMALL["strides"])):
        path = f"{AUDIO}local_encoder.conv_layers.{layer}"
        if layer == 0:
            x = F.conv1d(F.pad(x[None], (kernel // 2, kernel // 2), mode="reflect"), filters_of(tensors))[0].abs()
            if path + ".2.1.alpha" in tensors:
                x = per_channel_energy(x, tensors)
            else:
                x = F.instance_norm(x[None], weight=tensors[path + ".2.1.weight"], bias=tensors[path + ".2.1.bias"])[0]
            alpha, beta = tensors[path + ".3.p_swish_alpha"][0], tensors[path + ".3.p_swish_beta"][0]
            x = x * alpha * (beta * x).sigmoid()
            continue
        padding = "same" if stride == 1 else math.ceil(stride / 2)
        x = F.conv1d(x[None], tensors[path + ".0.weight"], stride=stride, padding=padding)[0]
        x = F.gelu(norm(x.T, path + ".2.1")).T
    x = linear(norm(x.T, AUDIO + "project_features.1"), AUDIO + "project_features.2")
    position, prefix = x, AUDIO + "relative_positional_encoder."
    if prefix + "0.weight" in tensors:
        position, prefix = norm(x, prefix[:-1] + ".0"), prefix + "1."
    for layer in range(1, 6):
        made = F.conv1d(position.T[None], tensors[f"{prefix}{layer}.0.weight"], tensors[f"{prefix}{layer}.0.bias"], padding=9, groups=4)
        position = F.gelu(norm(made[0].T))
    x = norm(x + position, AUDIO + "context_encoder.norm")
    count, heads, width = x.shape[0], SMALL["heads"], SMALL["width"]
    bias = torch.zeros(heads, 1, 1)
    if AUDIO + "alibi_scale" in tensors:
        gaps = (torch.arange(count)[:, None] - torch.arange(count)).abs()
        bias = -gaps * (slopes(heads) * tensors[AUDIO + "alibi_scale"].flatten().clamp(min=0))[:, None, None]
    shown = []
    for path in [AUDIO + "context_encoder.blocks.0"] + [f"blocks.{index}" for index in range(SMALL["depth"])]:
        query, key, value = linear(x, path + ".attn.qkv").reshape(count, 3, heads, width // heads).permute(1, 2, 0, 3)
        weights = (query @ key.transpose(1, 2) / (width // heads) ** 0.5 + bias).softmax(-1)
        x = norm(x + linear((weights @ value).transpose(0, 1).reshape(count, width), path + ".attn.proj"), path + ".norm1")
        forward = linear(F.gelu(linear(x, path + ".mlp.fc1")), path + ".mlp.fc2")
        x = norm(x + forward, path + ".norm2")
        shown.append(x if blocks_outputs else forward)
    return F.linear(sum(shown[1:]) / SMALL["depth"], head["w2v_encoder.proj.weight"].double(), head["w2v_encoder.proj.bias"].double())


def write_options(folder):
    """The checkpoints of networks with other options than the published recipes ask for."""
    generator = torch.Generator().manual_seed(4)
    wave, found = torch.randn(400, generator=generator), {}
    found["wave"] = wave
    base = random_tensors(SMALL, 5)
    head = {"w2v_encoder.proj.weight": torch.randn(3, 16, generator=generator), "w2v_encoder.proj.bias": torch.randn(3, generator=generator)}

    def classifier(name, tensors, model, audio, criterion=None):
        settings = finetuning(SMALL, ["call", "chirp", "focal"])
        settings["model"]["final_dropout"] = 0.25
        settings["model"]["w2v_args"]["model"].update(model)
        settings["model"]["w2v_args"]["model"]["modalities"]["audio"].update(audio)
        settings["criterion"].update(criterion or {})
        tensors = {key: tensor for key, tensor in tensors.items() if ".decoder." not in key}
        found[name] = reference_logits(wave, tensors, head, model.get("end_of_block_targets", False)).float()
        wrapped = {f"w2v_encoder.w2v_model.{key}": tensor for key, tensor in tensors.items()}
        torch.save(checkpoint(state_dict({**wrapped, **head}), cfg=node(settings, None, None)), folder / f"options_{name}.pt")

    classifier("pcen", variant(base, pcen=True, norm=True), {"end_of_block_targets": True},
               {"sinc_norm": "pcen", "conv_pos_pre_ln": True, "prenet_layerdrop": 0.05, "decoder": {"decoder_residual": False}})
    classifier("taps", variant(base, taps=True), {"layerdrop": 0.02, "start_drop_path_rate": 0.01, "end_drop_path_rate": 0.03},
               {"sinc_norm": "instance", "apply_window_to_root": True, "use_alibi_encoder": False, "learned_alibi_scale": False},
               {"method": "canny", "sigma_s": 0.08, "maxfilt_s": 0.09, "max_duration_s": 0.4, "lowP": 0.2})
    settings = configuration(SMALL)
    settings["model"].update({
        "ema_encoder_only": True, "cls_loss": 0.5, "d2v_loss": 0.9, "loss_beta": 0.25, "loss_scale": 0.3, "dropout_input": 0.04,
        "layer_norm_target_layer": True, "instance_norm_target_layer": False, "batch_norm_target_layer": True, "layer_norm_targets": True,
        "instance_norm_targets": True})
    settings["model"]["modalities"]["audio"].update({"num_extra_tokens": 1, "add_masks": True, "mask_dropout": 0.2})
    tensors = variant(base, token=True)
    teacher = {name.removeprefix("blocks."): tensor + 1 for name, tensor in tensors.items() if name.startswith("blocks.")}
    torch.save(checkpoint(state_dict(tensors, teacher), cfg=node(settings, None, None)), folder / "options_token.pt")
    tensor_files.write(folder / "options.safetensors", {name: tensor.numpy() for name, tensor in found.items()})


def state_dict(tensors, teacher=None):
    """An OrderedDict as Module.state_dict gives it, versions of the modules included."""
    state = collections.OrderedDict(tensors)
    state._metadata = collections.OrderedDict([("", {"version": 1}), ("blocks", {"version": 1})])
    if teacher is not None:
        state["_ema"] = teacher
    return state


def checkpoint(model, cfg=None, args=None, optimizer=None):
    """What fairseq's trainer saves."""
    meter = AverageMeter()
    meter.val, meter.sum, meter.count, meter.round = numpy.float64(1.25), numpy.float32(2.5), numpy.int64(3), 3
    history = {"criterion_name": "ExpandedModelCriterion", "optimizer_name": "FP16Optimizer", "lr_scheduler_state": {"best": None},
               "num_updates": 408402}
    return {
        "args": args, "cfg": cfg, "model": model, "criterion": collections.OrderedDict(), "optimizer_history": [history], "task_state": {},
        "extra_state": {"metrics": {"train": [(0, "loss", "AverageMeter", meter)]}, "previous_training_time": 12.5,
                        "train_iterator": {"epoch": 107, "iterations_in_epoch": 0, "shuffle": True},
                        "seen": numpy.arange(4), "classes": {1, 2}},
        "last_optimizer_state": optimizer or {},
    }


def random_tensors(size, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes(size).items()}


def pickle_of(state):
    """The pickle inside the zip file of torch.save."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the files")
    parser.add_argument("--golden", type=pathlib.Path, help="folder of the golden values; without it their pickles are left out")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    tensors = random_tensors(TINY, 1)
    teacher = {name: tensor + 1 for name, tensor in random_tensors(TINY, 1).items() if is_tracked(name)}
    plain = state_dict({name: tensor.clone() for name, tensor in tensors.items()}, {name: tensor.clone() for name, tensor in teacher.items()})
    torch.save(checkpoint(plain, args=flat(configuration(TINY))), options.out / "pretraining_legacy.pt", _use_new_zipfile_serialization=False)

    # The same numbers in all the ways in which tensors may be kept.
    kept = dict(tensors)
    transposed = "blocks.0.attn.proj.weight"
    kept[transposed] = tensors[transposed].t().contiguous().t()
    halved = "blocks.1.norm1.weight"
    tensors[halved] = kept[halved] = tensors[halved].half()
    shared = torch.cat([tensors["blocks.0.norm1.bias"], tensors["blocks.0.norm2.bias"]])
    kept["blocks.0.norm1.bias"], kept["blocks.0.norm2.bias"] = shared[:16], shared[16:]
    kept["blocks.1.mlp.fc2.bias"] = torch.nn.Parameter(tensors["blocks.1.mlp.fc2.bias"])
    cfg = node(configuration(TINY), None, None, object_type=Data2VecMultiConfig)
    moments = {"state": {0: {"step": 408402, "exp_avg": torch.zeros(500), "exp_avg_sq": torch.zeros(500)}}, "param_groups": [{"lr": 0.0, "params": [0]}]}
    torch.save(checkpoint(state_dict(kept, teacher), cfg=cfg, optimizer=moments), options.out / "pretraining.pt")

    classes = ["call", "chirp's", "focal"]
    generator = torch.Generator().manual_seed(2)
    head = {"w2v_encoder.proj.weight": torch.randn(3, 16, generator=generator), "w2v_encoder.proj.bias": torch.randn(3, generator=generator)}
    wrapped = {f"w2v_encoder.w2v_model.{name}": tensor for name, tensor in random_tensors(TINY, 1).items() if ".decoder." not in name}
    torch.save(checkpoint(state_dict({**wrapped, **head}), cfg=node(finetuning(TINY, classes), None, None)), options.out / "finetuned.pt")

    write_options(options.out)

    if options.golden:
        stored = tensor_files.read(options.golden / "pretrain_step_params.safetensors")
        part = {prefix: {name[len(prefix) + 1:]: torch.from_numpy(array) for name, array in stored.items() if name.startswith(prefix + ".")}
                for prefix in ["param", "ema"]}
        state = checkpoint(state_dict(part["param"], part["ema"]), cfg=node(configuration(GOLDEN), None, None))
        (options.out / "golden_pretraining.pkl").write_bytes(pickle_of(state))
        last = tensor_files.read(options.golden / "finetune.safetensors")
        wrapped = {f"w2v_encoder.w2v_model.{name}": tensor for name, tensor in part["param"].items() if ".decoder." not in name}
        head = {f"w2v_encoder.proj.{name}": torch.from_numpy(last[f"head.{name}"]) for name in ["weight", "bias"]}
        names = ["beep", "synch", "sn", "cc", "ld", "oth", "mo", "al", "soc", "agg", "eating", "focal"]
        state = checkpoint(state_dict({**wrapped, **head}), cfg=node(finetuning(GOLDEN, names), None, None))
        (options.out / "golden_finetuned.pkl").write_bytes(pickle_of(state))
    for file in sorted(options.out.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()

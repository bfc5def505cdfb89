#!/usr/bin/env python3
"""Writes small checkpoints in the layout of the published animal2vec 1.0, as fairseq saves them: the test files of `import`.

Neither fairseq nor OmegaConf is needed. Their classes are imitated by empty ones in modules of the same names, so that the
pickles hold the same names, and objects with the same attributes, as the real ones.

    Scripts/published_checkpoint.py --out Tests/ImportTests/Checkpoints --golden Tests/ModelsTests/Golden

writes, with random weights of a tiny network,
    pretraining.pt          zip; OmegaConf configuration, teacher, optimizer, half and transposed and shared tensors
    pretraining_legacy.pt   the same weights in the layout before PyTorch 1.6, with one flat argparse.Namespace
    finetuned.pt            zip; a classifier of three classes, with the configuration of its pretraining inside
and the pickles alone (their numbers are those of the golden values, stored there)
    golden_pretraining.pkl  golden_finetuned.pkl
"""
import argparse
import collections
import enum
import io
import pathlib
import sys
import types
import typing
import zipfile

import numpy
import torch

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

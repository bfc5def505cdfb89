#!/usr/bin/env python3
"""Writes a pretraining checkpoint as large as the published one (5 GB) and imports it: seconds and peak memory.

    Scripts/large_checkpoint.py --write /tmp/large.pt                         only write it
    Scripts/large_checkpoint.py --program .build/release/animal2vec           write, import, measure, delete; one line of JSON

The network is the large one: 315.8 million weights, the teacher's 303 million, and two moments of the optimizer for each
weight. The pickle is written by hand and the storages are random pages over and over, so neither PyTorch nor memory is
needed; the zip file has the layout of torch.save.
"""
import argparse
import json
import pathlib
import resource
import struct
import subprocess
import tempfile
import time
import zlib

import numpy

SIZE = {"channels": [127] + [512] * 7, "kernels": [63, 10, 3, 3, 3, 3, 2, 2], "width": 1024, "heads": 16, "depth": 16, "prenet": 8,
        "groups": 16, "decoder": 768}
LAYERS = "[(127, 63, 1)] +[(512, 10, 5)] + [(512, 3, 2)] * 3 + [(512, 3, 1)] + [(512, 2, 1)] * 2"
PIECE = 1 << 22


def shapes(size):
    """Names and shapes of the published network of a size, in the order of its modules."""
    width, audio, found = size["width"], "modality_encoders.AUDIO.", {}

    def block(path):
        for name, shape in [("norm1.weight", [width]), ("norm1.bias", [width]), ("attn.qkv.weight", [3 * width, width]),
                            ("attn.qkv.bias", [3 * width]), ("attn.proj.weight", [width, width]), ("attn.proj.bias", [width]),
                            ("norm2.weight", [width]), ("norm2.bias", [width]), ("mlp.fc1.weight", [4 * width, width]),
                            ("mlp.fc1.bias", [4 * width]), ("mlp.fc2.weight", [width, 4 * width]), ("mlp.fc2.bias", [width])]:
            found[f"{path}.{name}"] = shape

    found[audio + "alibi_scale"] = [1, 1, size["heads"], 1, 1]
    inputs = 1
    for index, (channels, kernel) in enumerate(zip(size["channels"], size["kernels"])):
        layer = f"{audio}local_encoder.conv_layers.{index}."
        if index == 0:
            found[layer + "0.low_hz_"] = found[layer + "0.band_hz_"] = [channels, 1]
            found[layer + "3.p_swish_alpha"] = found[layer + "3.p_swish_beta"] = [1, channels, 1]
        else:
            found[layer + "0.weight"] = [channels, inputs, kernel]
        found[layer + "2.1.weight"] = found[layer + "2.1.bias"] = [channels]
        inputs = channels
    found[audio + "project_features.1.weight"] = found[audio + "project_features.1.bias"] = [inputs]
    found[audio + "project_features.2.weight"], found[audio + "project_features.2.bias"] = [width, inputs], [width]
    for index in range(1, 6):
        found[f"{audio}relative_positional_encoder.{index}.0.weight"] = [width, width // size["groups"], 19]
        found[f"{audio}relative_positional_encoder.{index}.0.bias"] = [width]
    found[audio + "context_encoder.norm.weight"] = found[audio + "context_encoder.norm.bias"] = [width]
    for index in range(size["prenet"]):
        block(f"{audio}context_encoder.blocks.{index}")
    for index in range(4):
        channels = width if index == 0 else size["decoder"]
        found[f"{audio}decoder.blocks.{index}.0.weight"] = [size["decoder"], channels // size["groups"], 7]
        found[f"{audio}decoder.blocks.{index}.0.bias"] = [size["decoder"]]
    found[audio + "decoder.proj.weight"], found[audio + "decoder.proj.bias"] = [width, size["decoder"]], [width]
    for index in range(size["depth"]):
        block(f"blocks.{index}")
    return found


def is_tracked(name):
    """Whether the published teacher has it."""
    return not any(part in name for part in ["local_encoder", "project_features", ".decoder."])


class Pickle:
    """Writes a pickle of dictionaries, texts, numbers and tensors step by step."""

    def __init__(self):
        self.steps, self.counts = [b"\x80\x02"], []

    def put(self, value):
        """A value; a tensor is given as a tuple of its sizes."""
        if isinstance(value, dict):
            self.steps.append(b"}(")
            for name, item in value.items():
                self.put(name)
                self.put(item)
            self.steps.append(b"u")
        elif isinstance(value, tuple):
            self.tensor(value)
        elif value is None:
            self.steps.append(b"N")
        elif isinstance(value, bool):
            self.steps.append(b"\x88" if value else b"\x89")
        elif isinstance(value, int):
            self.steps.append(b"\x8a\x08" + struct.pack("<q", value))
        elif isinstance(value, float):
            self.steps.append(b"G" + struct.pack(">d", value))
        elif isinstance(value, list):
            self.steps.append(b"](")
            for item in value:
                self.put(item)
            self.steps.append(b"e")
        else:
            text = value.encode()
            self.steps.append(b"X" + struct.pack("<I", len(text)) + text)

    def tensor(self, shape):
        count, strides = 1, []
        for size in reversed(shape):
            strides.insert(0, count)
            count *= size
        self.steps.append(b"ctorch._utils\n_rebuild_tensor_v2\n((")
        self.put("storage")
        self.steps.append(b"ctorch\nFloatStorage\n")
        self.put(str(len(self.counts)))
        self.put("cuda:0")
        self.put(count)
        self.steps.append(b"tQ")
        self.put(0)
        for numbers in (shape, strides):
            self.steps.append(b"(")
            for number in numbers:
                self.put(number)
            self.steps.append(b"t")
        self.steps.append(b"\x89ccollections\nOrderedDict\n)RtR")
        self.counts.append(count)


def checkpoint():
    """The object that fairseq would save, tensors as tuples."""
    found = {name: tuple(shape) for name, shape in shapes(SIZE).items()}
    model = dict(found)
    model["_ema"] = {name: shape for name, shape in found.items() if is_tracked(name)}
    moments = {str(index): {"step": 384230, "exp_avg": shape, "exp_avg_sq": shape} for index, shape in enumerate(found.values())}
    audio = {"prenet_depth": SIZE["prenet"], "prenet_dropout": 0.1, "mask_prob": 1.5, "mask_length": 2, "learned_alibi_scale": True,
             "use_alibi_encoder": True, "sinc_input": True, "use_pswish": True, "sinc_norm": "layer_norm",
             "decoder": {"decoder_dim": SIZE["decoder"], "decoder_layers": 4, "decoder_kernel": 7, "decoder_groups": SIZE["groups"]}}
    cfg = {"task": {"sample_rate": 8000, "normalize": True, "conv_feature_layers": LAYERS},
           "model": {"depth": SIZE["depth"], "embed_dim": SIZE["width"], "num_heads": SIZE["heads"], "norm_eps": 1e-5, "clone_batch": 12,
                     "modalities": {"audio": audio}}}
    return {"args": None, "cfg": cfg, "model": model, "optimizer_history": [{"num_updates": 384230}], "extra_state": {"epoch": 100},
            "last_optimizer_state": {"state": moments}}


def write(path):
    """Writes the file, a few megabytes in memory at a time."""
    pickle = Pickle()
    pickle.put(checkpoint())
    pickle.steps.append(b".")
    noise = numpy.random.default_rng(1).standard_normal(PIECE // 4, dtype=numpy.float32).tobytes()
    entries, directory = [("data.pkl", [b"".join(pickle.steps)]), ("byteorder", [b"little"])], []
    entries += [(f"data/{key}", count * 4) for key, count in enumerate(pickle.counts)]
    whole = {}
    with open(path, "wb") as file:
        for name, content in entries + [("version", [b"3\n"])]:
            name, offset = f"large/{name}".encode(), file.tell()
            # PyTorch aligns what follows the header by an extra field.
            padding = -(offset + 30 + len(name) + 4) % 64
            header = struct.pack("<IHHHIIIIHH", 0x04034B50, 0, 0x808, 0, 0, 0, 0, 0, len(name), 4 + padding)
            file.write(header + name + struct.pack("<HH", 0x4246, padding) + b"Z" * padding)
            if isinstance(content, list):
                size, checksum = len(content[0]), zlib.crc32(content[0])
                file.write(content[0])
            else:
                size, left, checksum = content, content, 0
                known = whole.get(size)
                while left:
                    piece = noise[:min(left, PIECE)]
                    checksum = checksum if known else zlib.crc32(piece, checksum)
                    file.write(piece)
                    left -= len(piece)
                checksum = whole.setdefault(size, known or checksum)
            file.write(struct.pack("<IIQQ", 0x08074B50, checksum, size, size))
            large = struct.pack("<HHQ", 1, 8, offset) if offset >= 0xFFFFFFFF else b""
            directory.append(struct.pack("<IHHHHIIIIHHHHHII", 0x02014B50, 0, 0, 0x808, 0, 0, checksum, size, size, len(name), len(large),
                                         0, 0, 0, 0, min(offset, 0xFFFFFFFF)) + name + large)
        start, listing, count = file.tell(), b"".join(directory), len(directory)
        file.write(listing)
        end = file.tell()
        file.write(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 30, 45, 0, 0, count, count, len(listing), start))
        file.write(struct.pack("<IIQI", 0x07064B50, 0, end, 1))
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), len(listing), min(start, 0xFFFFFFFF), 0))
    return path.stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=pathlib.Path, help="only write the file here")
    parser.add_argument("--program", type=pathlib.Path, default=pathlib.Path(".build/release/animal2vec"), help="the built program")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp"), help="where there are 8 GB of room")
    options = parser.parse_args()
    if options.write:
        print(json.dumps({"bytes": write(options.write)}))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path, model = pathlib.Path(folder, "large.pt"), pathlib.Path(folder, "model")
        size = write(path)
        begin = time.monotonic()
        answer = subprocess.run([options.program, "import", path, "--out", model], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begin
        if answer.returncode:
            raise SystemExit(answer.stderr)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        written = (model / "weights.safetensors").stat().st_size
        print(json.dumps({"bytes": size, "seconds": round(seconds, 2), "peak_bytes": peak, "written_bytes": written}))


if __name__ == "__main__":
    main()

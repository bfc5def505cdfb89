#!/usr/bin/env python3
"""Reads and writes safetensors files with NumPy alone: 8 bytes header length, a JSON header, then the tensors row-major."""
import json
import struct

import numpy

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
NAMES = {numpy.dtype(kind): name for name, kind in TYPES.items()}


def read(path):
    """All tensors of a file by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            tensors[name] = numpy.frombuffer(body[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return tensors


def write(path, tensors, metadata=None):
    """Writes tensors by name; metadata is text by name."""
    header, offset, arrays = {"__metadata__": metadata} if metadata else {}, 0, []
    for name, tensor in sorted(tensors.items()):
        array = numpy.ascontiguousarray(tensor)
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(numpy.shape(tensor)),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        arrays.append(array)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            file.write(array.tobytes())

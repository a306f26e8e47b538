"""LoRA weights as safetensors: https://huggingface.co/docs/safetensors, section Format."""

import json
import random
import struct
from array import array
from collections.abc import Mapping
from typing import Any

HEADER_LIMIT = 1024 * 1024

_RANK, _WIDTH = 4, 64
_LAYERS = tuple(
    f"transformer.single_transformer_blocks.{block}.attn.{name}"
    for block in range(2)
    for name in ("to_q", "to_k", "to_v")
)


class NotWeightsError(ValueError):
    """These bytes aren't safetensors."""


def pack(metadata: Mapping[str, str], seed: int) -> bytes:
    """A small LoRA that any reader of safetensors opens: header length, JSON header, tensors."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    random_ = random.Random(seed)
    tensors = bytearray()
    for layer in _LAYERS:
        for part, shape in (("lora_A", (_RANK, _WIDTH)), ("lora_B", (_WIDTH, _RANK))):
            data = array("f", (random_.gauss(0, 0.02) for _ in range(_RANK * _WIDTH))).tobytes()
            offsets = [len(tensors), len(tensors) + len(data)]
            header[f"{layer}.{part}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
            tensors += data
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)  # tensors start aligned
    return struct.pack("<Q", len(head)) + head + bytes(tensors)


def header_length(prefix: bytes) -> int:
    """How long the JSON header is, by the file's first 8 bytes. Raises NotWeightsError."""
    if len(prefix) != 8 or not 2 <= (length := struct.unpack("<Q", prefix)[0]) <= HEADER_LIMIT:
        raise NotWeightsError("not a safetensors file")
    return int(length)


def metadata(header: bytes) -> Mapping[str, str]:
    """What `pack` was given. Raises NotWeightsError."""
    try:
        found = json.loads(header).get("__metadata__", {})
    except (ValueError, AttributeError):
        raise NotWeightsError("the header isn't a JSON object") from None
    if not isinstance(found, dict):
        raise NotWeightsError("the metadata isn't a JSON object")
    return found

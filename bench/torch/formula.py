"""Deterministic values that both sides of the benchmark can make bit for bit (float64; rounded where float32).

hash(i, k), unsigned 32-bit arithmetic (Math.imul in JavaScript), i = flat row-major index, k = tensor number:
  h = (i + 1) * 0x9E3779B1 xor (k + 1) * 0x85EBCA6B
  h ^= h >>> 16;  h *= 0x7FEB352D;  h ^= h >>> 15;  h *= 0x846CA68B;  h ^= h >>> 16
unit(i, k)   = h / 2^32               in [0, 1)
signed(i, k) = 2 h / 2^32 - 1         in [-1, 1)
label(i, k, classes) = h mod classes
"""

import numpy as np
import torch

CHUNK = 1 << 22


def hash32(start, stop, k):
    """hash(i, k) for i in [start, stop) as a uint32 array."""
    with np.errstate(over="ignore"):
        h = (np.arange(start, stop, dtype=np.uint32) + np.uint32(1)) * np.uint32(0x9E3779B1)
        h ^= np.uint32(((k + 1) * 0x85EBCA6B) & 0xFFFFFFFF)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x7FEB352D)
        h ^= h >> np.uint32(15)
        h *= np.uint32(0x846CA68B)
        h ^= h >> np.uint32(16)
    return h


def filled(shape, k, dtype, signed, scale=1.0, offset=0.0):
    """offset + scale * (signed or unit)(i, k), computed in float64 and then rounded to dtype."""
    out = torch.empty(shape, dtype=dtype)
    flat = out.view(-1)
    for start in range(0, flat.numel(), CHUNK):
        stop = min(start + CHUNK, flat.numel())
        u = hash32(start, stop, k).astype(np.float64) / 2.0**32
        values = 2.0 * u - 1.0 if signed else u
        flat[start:stop] = torch.from_numpy(offset + scale * values)
    return out


def unit(shape, k, dtype):
    """Values in [0, 1)."""
    return filled(shape, k, dtype, signed=False)


def signed(shape, k, dtype, scale=1.0, offset=0.0):
    """offset + scale * value in [-1, 1)."""
    return filled(shape, k, dtype, signed=True, scale=scale, offset=offset)


def labels(shape, k, classes):
    """Integers in [0, classes)."""
    count = int(np.prod(shape))
    return torch.from_numpy((hash32(0, count, k) % np.uint32(classes)).astype(np.int64)).reshape(shape)


def fill_parameters(module, dtype):
    """Give parameter k of `named_parameters()` its values; returns the module in that dtype.

    Two and more axes: sqrt(6 / fan_in) signed(i, k), fan_in = size / shape[0]. One axis (biases, batch-norm
    shifts): 0.1 signed(i, k); scales of norms: 1 + 0.1 signed(i, k).
    """
    module = module.to(dtype)
    scales = {
        f"{name}.weight" if name else "weight"
        for name, part in module.named_modules()
        if isinstance(part, (torch.nn.BatchNorm2d, torch.nn.RMSNorm))
    }
    with torch.no_grad():
        for k, (name, value) in enumerate(module.named_parameters()):
            if value.dim() > 1:
                value.copy_(signed(value.shape, k, dtype, scale=(6.0 / (value.numel() / value.shape[0])) ** 0.5))
            else:
                value.copy_(signed(value.shape, k, dtype, scale=0.1, offset=1.0 if name in scales else 0.0))
    return module

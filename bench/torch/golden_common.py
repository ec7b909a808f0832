"""Shared by the golden generators: deterministic inputs, tensors as JSON, writing a file with its origin."""

import json
from pathlib import Path

import torch

GOLDEN_DIR = Path(__file__).resolve().parents[2] / "packages" / "core" / "test" / "golden"
MAX_BYTES = 300_000


def wave(*shape, k=0, scale=1.5, digits=3):
    """A fixed float64 tensor without structure: round(scale sin(1.7 i + 0.9 k + 0.05 i^2), digits)."""
    count = 1
    for size in shape:
        count *= size
    i = torch.arange(count, dtype=torch.float64)
    values = scale * torch.sin(1.7 * i + 0.9 * k + 0.05 * i * i)
    return torch.round(values, decimals=digits).reshape(shape)


def tensor_json(tensor):
    """{shape, data} with data flat and row-major; integer tensors also carry dtype "int64"."""
    tensor = tensor.detach()
    flat = tensor.reshape(-1)
    if tensor.dtype == torch.int64:
        return {"shape": list(tensor.shape), "dtype": "int64", "data": flat.tolist()}
    return {"shape": list(tensor.shape), "data": flat.to(torch.float64).tolist()}


def summary(value):
    """Shape, first four values and float64 sum of a parameter."""
    flat = value.detach().reshape(-1).double()
    return {"shape": list(value.shape), "first": flat[:4].tolist(), "sum": flat.sum().item()}


def write_golden(name, script, content, limit=MAX_BYTES):
    """Write GOLDEN_DIR/name with an origin line, one top-level entry's item a line; refuse NaN and large files."""
    origin = f"made by bench/torch/{script} with PyTorch {torch.__version__}"
    text = to_text({"origin": origin, **content}) + "\n"
    if len(text) > limit:
        raise ValueError(f"{name} would be {len(text)} bytes, expected at most {limit}; record fewer values")
    GOLDEN_DIR.mkdir(parents=True, exist_ok=True)
    path = GOLDEN_DIR / name
    path.write_text(text)
    print(f"{path}: {len(text)} bytes")


def to_text(value, depth=0):
    """JSON with one line for each value three levels down: small files whose diffs can still be read."""
    if depth < 3 and isinstance(value, dict) and value:
        pad = "  " * (depth + 1)
        rows = [f"{pad}{json.dumps(key)}: {to_text(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + "  " * depth + "}"
    if depth < 3 and isinstance(value, list) and value and isinstance(value[0], dict):
        pad = "  " * (depth + 1)
        rows = [pad + to_text(item, depth + 1) for item in value]
        return "[\n" + ",\n".join(rows) + "\n" + "  " * depth + "]"
    return json.dumps(value, allow_nan=False)

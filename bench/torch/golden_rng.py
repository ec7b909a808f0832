"""Writes packages/core/test/golden/torch-rng.json: PyTorch CPU random numbers that src/math/mt19937.ts must reproduce.

Run with Debian's python3-torch (2.6) on a processor with AVX2: `python3 bench/torch/golden_rng.py`.
Long sequences are kept as the SHA-256 of their little-endian bytes; the first four values help to find a mismatch.
"""

import hashlib
import json
import pathlib

import torch

LENGTH = 100_000
OUT = pathlib.Path(__file__).resolve().parents[2] / "packages/core/test/golden/torch-rng.json"
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def summary(tensor):
    return {
        "sha256": hashlib.sha256(tensor.numpy().tobytes()).hexdigest(),
        "first": tensor[:4].tolist(),
    }


def main():
    rand, uniform, randn = [], [], []
    for seed in [0, 1, 12345, 2**31, 2**32 - 1, 2**33 + 5, -1]:
        for name, dtype in DTYPES.items():
            torch.manual_seed(seed)
            rand.append({"seed": seed, "dtype": name, "size": LENGTH, **summary(torch.rand(LENGTH, dtype=dtype))})

    bounds = [(-0.1, 0.1), (-3.0, 7.7), (0.3, 1000.0), (-(784**-0.5), 784**-0.5), (1e-30, 3e-30), (1e8, 1e8 + 64)]
    for low, high in bounds:
        for name, dtype in DTYPES.items():
            torch.manual_seed(7)
            values = torch.empty(LENGTH, dtype=dtype).uniform_(low, high)
            uniform.append({"seed": 7, "dtype": name, "from": low, "to": high, "size": LENGTH, **summary(values)})

    for name, dtype in DTYPES.items():
        for size in [1, 2, 5, 15, 16, 17, 40, 512]:
            torch.manual_seed(3)
            randn.append({"seed": 3, "dtype": name, "size": size, "values": torch.randn(size, dtype=dtype).tolist()})

    # One generator through all paths: an odd scalar draw leaves half a pair for the next scalar draw, even across others.
    torch.manual_seed(11)
    mixed = [
        {"op": "randn", "size": 5, "values": torch.randn(5).tolist()},
        {"op": "rand", "size": 3, "values": torch.rand(3).tolist()},
        {"op": "randn", "size": 18, "values": torch.randn(18).tolist()},
        {"op": "randn", "size": 3, "values": torch.randn(3).tolist()},
        {"op": "uniform", "size": 4, "values": torch.empty(4).uniform_(-2.0, 0.5).tolist()},
    ]

    golden = {
        "origin": f"bench/torch/golden_rng.py with PyTorch {torch.__version__}, CPU capability "
        f"{torch.backends.cpu.get_cpu_capability()}",
        "rand": rand,
        "uniform": uniform,
        "randn": randn,
        "mixed": {"seed": 11, "steps": mixed},
    }
    OUT.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()

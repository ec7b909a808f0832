"""Golden losses of the MLP regression of "Symmetry Teleportation for Accelerated Optimization" (arXiv 2205.10637).

L = 1/2 ||Y - W3 s(W2 s(W1 X))||_F^2, s = LeakyReLU(0.1); W1 6x5, W2 7x6, W3 8x7, X 5x4, Y 8x4 drawn in this
order by torch.rand (float32) after torch.manual_seed(n n 12345), n = 0..4. Plain gradient descent (lr 1e-4)
and AdaGrad (lr 0.1, eps 1e-10), 300 steps, in float32 and, from the same float32 values, in float64.

Writes packages/core/test/golden/regression.json: key t of each run is the loss after t steps. The float32
losses depend on the order of summation: another BLAS moves them by up to 3e-7 of their size.
"""

import torch
import torch.nn.functional as F

from golden_common import summary, write_golden

SHAPES = {"W1": (6, 5), "W2": (7, 6), "W3": (8, 7), "X": (5, 4), "Y": (8, 4)}
RECORDED = (0, 4, 5, 50, 100, 299, 300)
OPTIMIZERS = {
    "gd": (torch.optim.SGD, {"lr": 1e-4}),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.1, "eps": 1e-10}),
}


def draw(seed):
    """The five matrices in float32, in the order W1, W2, W3, X, Y."""
    torch.manual_seed(seed)
    return {name: torch.rand(*shape) for name, shape in SHAPES.items()}


def loss_of(weights, x, y):
    """1/2 ||Y - W3 s(W2 s(W1 X))||_F^2."""
    hidden = x
    for weight in weights[:-1]:
        hidden = F.leaky_relu(weight @ hidden, 0.1)
    return 0.5 * (y - weights[-1] @ hidden).square().sum()


def losses(tensors, kind, dtype):
    """The losses after the recorded numbers of steps."""
    values = {name: value.to(dtype) for name, value in tensors.items()}
    weights = [values[name].clone().requires_grad_() for name in ("W1", "W2", "W3")]
    make, options = OPTIMIZERS[kind]
    optimizer = make(weights, **options)
    recorded = {}
    for t in range(max(RECORDED) + 1):
        optimizer.zero_grad()
        loss = loss_of(weights, values["X"], values["Y"])
        if t in RECORDED:
            recorded[str(t)] = loss.item()
        loss.backward()
        optimizer.step()
    return recorded


def seed_case(seed):
    """Start values and losses of one seed."""
    tensors = draw(seed)
    stream = torch.cat([value.reshape(-1) for value in tensors.values()])
    runs = {
        name: {kind: losses(tensors, kind, dtype) for kind in OPTIMIZERS}
        for name, dtype in [("float32", torch.float32), ("float64", torch.float64)]
    }
    return {
        "seed": seed,
        "first": stream[:8].double().tolist(),
        "tensors": {name: summary(value) for name, value in tensors.items()},
        **runs,
    }


def main():
    seeds = [n * n * 12345 for n in range(5)]
    content = {
        "options": {kind: options for kind, (_, options) in OPTIMIZERS.items()},
        "seeds": [seed_case(seed) for seed in seeds],
    }
    write_golden("regression.json", "golden_regression.py", content)


if __name__ == "__main__":
    main()

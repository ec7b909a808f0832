"""Rosenbrock, the MLP regression and the fully connected nets.

Weights are [out, in] and `signed`, `unit`, `labels`, `fill_parameters` are those of formula.py.

rosenbrock          100 (x^2 - y)^2 + (x - 1)^2 from (-1, -1); gradient descent, lr 1e-3; always float64.
regression-gd       1/2 ||Y - W3 s(W2 s(W1 X))||_F^2, s = LeakyReLU(0.1); W1 [6,5], W2 [7,6], W3 [8,7], X [5,4],
                    Y [8,4] = unit with tensor number 0, 1, 2, 3, 4; SGD, lr 1e-4.
regression-adagrad  the same; AdaGrad, lr 0.1, eps 1e-10.
mlp-small           784-16-10-10, no biases, LeakyReLU(0.1) after the first two layers, mean cross-entropy,
                    batch 20, SGD, lr 1e-2. Weights [16,784], [10,16], [10,10] by fill_parameters (k = 0, 1, 2).
                    Data [60000,784] = unit with k = 1000, classes = labels with k = 1001. A step takes 20 rows:
                    the next 20 entries of a random permutation, drawn anew each epoch. `--values` takes the
                    rows 0..19.
mlp-wide            784-512-512-10 with biases, LeakyReLU(0.1) after the first two layers, mean cross-entropy,
                    SGD with momentum 0.9, lr 0.01, one fixed batch of 128: x [128,784] = unit with k = 1000,
                    classes = labels with k = 1001. Parameters by fill_parameters: W1, b1, W2, b2, W3, b3.

regression-adagrad-fused and mlp-wide-fused use torch.optim's fused=True.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import nn

import formula
from workloads_common import Workload, module_training, restorer, second_order_values, sgd, training

SLOPE = 0.1
REGRESSION_SHAPES = [("W1", (6, 5)), ("W2", (7, 6)), ("W3", (8, 7)), ("X", (5, 4)), ("Y", (8, 4))]
MLP_SMALL_SIZES = [(16, 784), (10, 16), (10, 10)]
ROWS, FEATURES, CLASSES = 60000, 784, 10


def rosenbrock(_dtype, _batch):
    """Two scalar leaves and an update in place: the fastest plain form."""
    x = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)

    def loss_of():
        return 100 * (x * x - y) ** 2 + (x - 1) ** 2

    def step():
        loss = loss_of()
        dx, dy = torch.autograd.grad(loss, (x, y))
        with torch.no_grad():
            x.sub_(dx, alpha=1e-3)
            y.sub_(dy, alpha=1e-3)
        return loss

    values = lambda: second_order_values(loss_of(), [x, y])  # noqa: E731
    return Workload(restorer([x, y]), step, values, [("x", x), ("y", y)])


def regression_tensors(dtype):
    """W1, W2, W3 (leaves), X, Y by formula."""
    tensors = [formula.unit(shape, k, dtype) for k, (_, shape) in enumerate(REGRESSION_SHAPES)]
    return [t.requires_grad_() for t in tensors[:3]], tensors[3], tensors[4]


def regression_loss(weights, x, y):
    """1/2 ||Y - W3 s(W2 s(W1 X))||_F^2."""
    hidden = F.leaky_relu(weights[0] @ x, SLOPE)
    hidden = F.leaky_relu(weights[1] @ hidden, SLOPE)
    return 0.5 * (y - weights[2] @ hidden).square().sum()


def regression(make_optimizer):
    """The regression under one optimizer."""

    def make(dtype, _batch):
        weights, x, y = regression_tensors(dtype)
        named = list(zip(("W1", "W2", "W3"), weights))
        return training(named, lambda: regression_loss(weights, x, y), make_optimizer)

    return make


@lru_cache(maxsize=1)
def resident_data(dtype):
    """The [60000,784] data and its classes."""
    return formula.unit((ROWS, FEATURES), 1000, dtype), formula.labels((ROWS,), 1001, CLASSES)


def first_rows(count, dtype):
    """Rows 0..count-1 of the resident data, made without the rest."""
    return formula.unit((count, FEATURES), 1000, dtype), formula.labels((count,), 1001, CLASSES)


def mlp_small_weights(dtype):
    """The three weight matrices, leaves."""
    layers = nn.ParameterList([torch.empty(size) for size in MLP_SMALL_SIZES])
    return list(formula.fill_parameters(layers, dtype))


def mlp_loss(weights, x, target):
    """Cross-entropy of a bias-free LeakyReLU net; rows of x are samples."""
    for weight in weights[:-1]:
        x = F.leaky_relu(F.linear(x, weight), SLOPE)
    return F.cross_entropy(F.linear(x, weights[-1]), target)


class Batches:
    """Row numbers: consecutive slices of a random permutation, drawn anew when it is used up."""

    def __init__(self, rows, size):
        self.rows, self.size, self.at = rows, size, rows

    def next(self):
        """The next `size` row numbers."""
        if self.at + self.size > self.rows:
            self.order, self.at = torch.randperm(self.rows), 0
        self.at += self.size
        return self.order[self.at - self.size : self.at]


def mlp_small(dtype, batch):
    """Data indexing, forward, backward, SGD."""
    size = batch or 20
    weights = mlp_small_weights(dtype)
    batches = Batches(ROWS, size)

    def loss_of():
        data, classes = resident_data(dtype)
        rows = batches.next()
        return mlp_loss(weights, data[rows], classes[rows])

    named = list(zip(("W1", "W2", "W3"), weights))
    return training(named, loss_of, sgd(1e-2), lambda: mlp_loss(weights, *first_rows(size, dtype)))


def mlp_wide(fused):
    """One fixed batch, forward, backward, SGD with momentum."""

    def make(dtype, batch):
        hidden = [nn.Linear(784, 512), nn.LeakyReLU(SLOPE), nn.Linear(512, 512), nn.LeakyReLU(SLOPE)]
        module = formula.fill_parameters(nn.Sequential(*hidden, nn.Linear(512, 10)), dtype)
        x, target = first_rows(batch or 128, dtype)
        optimizer = sgd(0.01, momentum=0.9, fused=fused)
        return module_training(module, lambda: F.cross_entropy(module(x), target), optimizer)

    return make


def adagrad(fused):
    """Parameters -> torch.optim.Adagrad."""
    return lambda parameters: torch.optim.Adagrad(parameters, lr=0.1, eps=1e-10, fused=fused)


WORKLOADS = {
    "rosenbrock": rosenbrock,
    "regression-gd": regression(sgd(1e-4)),
    "regression-adagrad": regression(adagrad(fused=False)),
    "regression-adagrad-fused": regression(adagrad(fused=True)),
    "mlp-small": mlp_small,
    "mlp-wide": mlp_wide(fused=False),
    "mlp-wide-fused": mlp_wide(fused=True),
}

"""Training steps on several tasks: K backward passes, weights from the Gramian, one update.

mtl-lenet-2    LeNet with two heads: conv 5x5 1-10, pool, ReLU, conv 5x5 10-20, pool, ReLU, linear 320-50, ReLU; heads
               50-50, ReLU, 50-10; no dropout. Batch 256: x = unit with k = 1000, classes = labels with k = 1001, 1002.
mtl-celeba-40  conv3x3-BN-ReLU: 64 | pool | 128, 128 | pool | 256, 256 | pool | 512, 512 | mean over pixels; twice linear
               512-BN-ReLU; no biases there; 40 heads linear 512-1. Batch 32: x [32,3,64,64] = signed with k = 1000, binary
               targets [32,40] = labels with k = 1001; binary cross-entropy of each task. Batch statistics alone.

Parameters by fill_parameters in the order of the modules. A step: for each task one backward pass into the shared
parameters and the task's own head; rows of J; G = J J'; MGDA's weights (two tasks: closed form; more: Frank-Wolfe); shared
gradient J' w, a head's gradient times its task's weight; SGD, lr 0.01.
"""

import torch
import torch.nn.functional as F
from torch import nn

import formula
from workloads_common import Workload, restorer


class Lenet(nn.Module):
    """Two heads on one trunk."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5), nn.Linear(320, 50)
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 10)) for _ in range(2))

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        z = F.relu(self.fc(x.flatten(1)))
        return [head(z) for head in self.heads]


def normalized(layer, channels, norm):
    """A layer, batch statistics, ReLU."""
    return [layer, norm(channels, track_running_stats=False), nn.ReLU(inplace=True)]


class Celeba(nn.Module):
    """Forty heads on nine layers."""

    def __init__(self):
        super().__init__()
        layers, c_in = [], 3
        for c_out in (64, None, 128, 128, None, 256, 256, None, 512, 512):
            if c_out is None:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += normalized(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), c_out, nn.BatchNorm2d)
            c_in = c_out
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        for _ in range(2):
            layers += normalized(nn.Linear(512, 512, bias=False), 512, nn.BatchNorm1d)
        self.trunk, self.heads = nn.Sequential(*layers), nn.ModuleList(nn.Linear(512, 1) for _ in range(40))

    def forward(self, x):
        z = self.trunk(x)
        return [head(z) for head in self.heads]


def min_norm_weights(gramian):
    """MGDA's weights."""
    count = gramian.shape[0]
    if count == 2:
        (aa, ab), (_, bb) = gramian.tolist()
        gap = aa - 2 * ab + bb
        first = 0.5 if gap <= 0 else min(max((bb - ab) / gap, 0.0), 1.0)
        return torch.tensor([first, 1 - first], dtype=gramian.dtype)
    weights = torch.full((count,), 1.0 / count, dtype=gramian.dtype)
    for _ in range(250):
        slopes = gramian @ weights
        corner = int(slopes.argmin())
        here, across, there = (weights @ slopes).item(), slopes[corner].item(), gramian[corner, corner].item()
        gap = here - 2 * across + there
        share = 0.0 if gap <= 0 else min(max((here - across) / gap, 0.0), 1.0)
        weights *= 1 - share
        weights[corner] += share
        if share < 1e-5:
            break
    return weights


class TaskStep:
    """K backward passes and an update."""

    def __init__(self, module, losses_of):
        heads = [list(head.parameters()) for head in module.heads]
        own = {id(p) for head in heads for p in head}
        self.shared = [p for p in module.parameters() if id(p) not in own]
        self.heads, self.losses_of = heads, losses_of

    def rows(self):
        """Losses, J and the heads' gradients."""
        losses = self.losses_of()
        rows, own = [], []
        for k, loss in enumerate(losses):
            found = torch.autograd.grad(loss, self.shared + self.heads[k], retain_graph=k + 1 < len(losses))
            rows.append(torch.cat([g.reshape(-1) for g in found[: len(self.shared)]]))
            own.append(found[len(self.shared) :])
        return losses, torch.stack(rows), own

    def step(self):
        """One step of gradient descent along J' w; returns the sum of the losses."""
        losses, jacobian, own = self.rows()
        with torch.no_grad():
            weights = min_norm_weights(jacobian @ jacobian.T)
            pieces = (weights @ jacobian).split([p.numel() for p in self.shared])
            for p, piece in zip(self.shared, pieces):
                p.sub_(piece.view_as(p), alpha=0.01)
            for weight, head, found in zip(weights.tolist(), self.heads, own):
                for p, g in zip(head, found):
                    p.sub_(g, alpha=0.01 * weight)
        return sum(losses).detach()

    def values(self):
        """Losses and weights at the start."""
        losses, jacobian, _ = self.rows()
        weights = min_norm_weights(jacobian @ jacobian.T)
        return {"losses": [loss.item() for loss in losses], "weights": weights.tolist()}


def workload(module, losses_of):
    """The workload of a `TaskStep`."""
    run = TaskStep(module, losses_of)
    return Workload(restorer(list(module.parameters())), run.step, run.values, list(module.named_parameters()))


def lenet(layout):
    """Two tasks."""

    def make(dtype, batch):
        module, count = formula.fill_parameters(Lenet(), dtype).to(memory_format=layout), batch or 256
        x = formula.unit((count, 1, 28, 28), 1000, dtype).contiguous(memory_format=layout)
        targets = [formula.labels((count,), k, 10) for k in (1001, 1002)]
        return workload(module, lambda: [F.cross_entropy(y, t) for y, t in zip(module(x), targets)])

    return make


def celeba(layout):
    """Forty tasks."""

    def make(dtype, batch):
        module, count = Celeba().to(dtype), batch or 32
        module = fill_with_dense_scales(module, dtype).to(memory_format=layout)
        x = formula.signed((count, 3, 64, 64), 1000, dtype).contiguous(memory_format=layout)
        targets = formula.labels((count, 40), 1001, 2).to(dtype)

        def losses_of():
            logits = module(x)
            return [F.binary_cross_entropy_with_logits(y[:, 0], targets[:, k]) for k, y in enumerate(logits)]

        return workload(module, losses_of)

    return make


def fill_with_dense_scales(module, dtype):
    """`fill_parameters`, which takes only the scales of BatchNorm2d for scales."""
    module = formula.fill_parameters(module, dtype)
    with torch.no_grad():
        for k, (name, value) in enumerate(module.named_parameters()):
            part = module.get_submodule(name.rpartition(".")[0])
            if isinstance(part, nn.BatchNorm1d) and name.endswith("weight"):
                value.copy_(formula.signed(value.shape, k, dtype, scale=0.1, offset=1.0))
    return module


WORKLOADS = {
    "mtl-lenet-2": lenet(torch.contiguous_format),
    "mtl-lenet-2-channels-last": lenet(torch.channels_last),
    "mtl-celeba-40": celeba(torch.contiguous_format),
    "mtl-celeba-40-channels-last": celeba(torch.channels_last),
}

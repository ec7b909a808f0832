"""Training steps on several tasks: K backward passes, weights from the Gramian, one update.

mtl-lenet-2    LeNet with two heads: conv 5x5 1-10, pool, ReLU, conv 5x5 10-20, pool, ReLU, linear 320-50, ReLU; heads
               50-50, ReLU, 50-10; no dropout. Batch 256: x = unit with k = 1000, classes = labels with k = 1001, 1002.
mtl-celeba-40  conv3x3-BN-ReLU: 64 | pool | 128, 128 | pool | 256, 256 | pool | 512, 512 | mean over pixels; twice linear
               512-BN-ReLU; no biases there; 40 heads linear 512-1. Batch 32: x [32,3,64,64] = signed with k = 1000, binary
               targets [32,40] = labels with k = 1001; binary cross-entropy of each task. Batch statistics alone.

mtl-segnet-2   MTAN: SegNet with an attention network for each of two tasks, classes and depth, as published for CityScapes, with a
               quarter of the channels, 16, 32, 64, 128, 128, on images of 64 x 128. Batch 4: x [4,3,64,128] = unit with
               k = 1000, 7 classes = labels with k = 1001, depth = unit with k = 1002; cross-entropy, and |p - t| where depth > 0.

Parameters by fill_parameters in the order of the modules. A step: for each task one backward pass into the shared
parameters and the task's own head; rows of J; G = J J'; MGDA's weights (two tasks: closed form; more: Frank-Wolfe); shared
gradient J' w, a head's gradient times its task's weight; SGD, lr 0.01.

Frank-Wolfe ends after 250 iterations, where ours is exact. With 40 tasks and a batch of 8 ||J' w||^2 then is .46 % above the
least, and the sum of the losses after the step differs from ours by .3 %; with our weights it differs by 5e-7.
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


def conv_norm(c_in, c_out, kernel=3):
    """A convolution and its batch norm."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2), nn.BatchNorm2d(c_out))


class Masks(nn.Module):
    """A task's attention network."""

    def __init__(self, widths, less):
        super().__init__()
        layers = lambda c_in, c: nn.Sequential(conv_norm(c_in, c, 1), conv_norm(c, c, 1))  # noqa: E731
        self.encoder_att = nn.ModuleList(layers(c if i == 0 else 2 * c, c) for i, c in enumerate(widths))
        self.decoder_att = nn.ModuleList(layers(c + low, low) for c, low in zip(widths, less))


class Segnet(nn.Module):
    """SegNet with attention networks of two tasks."""

    def __init__(self, widths=(16, 32, 64, 128, 128)):
        super().__init__()
        less, more = (widths[0], *widths[:-1]), (*widths[1:], widths[-1])
        several = lambda c, i: nn.ModuleList(conv_norm(c, c) for _ in range(1 if i < 2 else 2))  # noqa: E731
        self.encoder_block = nn.ModuleList(conv_norm(a, b) for a, b in zip((3, *widths), widths))
        self.decoder_block = nn.ModuleList(conv_norm(a, b) for a, b in zip(widths, less))
        self.conv_block_enc = nn.ModuleList(several(c, i) for i, c in enumerate(widths))
        self.conv_block_dec = nn.ModuleList(several(c, i) for i, c in enumerate(less))
        self.encoder_block_att = nn.ModuleList(conv_norm(a, b) for a, b in zip(widths, more))
        self.decoder_block_att = nn.ModuleList(conv_norm(a, b) for a, b in zip(widths, less))
        self.attention = nn.ModuleList(Masks(widths, less) for _ in range(2))
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Conv2d(widths[0], widths[0], 3, padding=1), nn.Conv2d(widths[0], c, 1)) for c in (7, 1)
        )

    def forward(self, x):
        stages, unpooled, decoded = [], {}, {}
        for block, more in zip(self.encoder_block, self.conv_block_enc):
            first = F.relu(block(x))
            encoded = run(more, first)
            x, indices = F.max_pool2d(encoded, 2, return_indices=True)
            stages.append((first, encoded, indices))
        for i in reversed(range(len(stages))):
            unpooled[i] = F.max_unpool2d(x, stages[i][2], 2)
            decoded[i] = x = run(self.conv_block_dec[i], F.relu(self.decoder_block[i](unpooled[i])))
        return [head(self.attended(masks, stages, unpooled, decoded)) for masks, head in zip(self.attention, self.heads)]

    def attended(self, masks, stages, unpooled, decoded):
        """A task's features."""
        h = None
        for (first, encoded, _), att, block in zip(stages, masks.encoder_att, self.encoder_block_att):
            seen = first if h is None else torch.cat([first, h], dim=1)
            h = F.max_pool2d(F.relu(block(mask(att, seen) * encoded)), 2)
        for i in reversed(range(len(stages))):
            wide = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=True)
            seen = torch.cat([unpooled[i], F.relu(self.decoder_block_att[i](wide))], dim=1)
            h = mask(masks.decoder_att[i], seen) * decoded[i]
        return h


def run(blocks, x):
    """Convolutions with norms and ReLU."""
    for block in blocks:
        x = F.relu(block(x))
    return x


def mask(att, x):
    """Numbers in (0, 1)."""
    return torch.sigmoid(att[1](F.relu(att[0](x))))


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
            wanted, keep = self.shared + self.heads[k], k + 1 < len(losses)
            # The attention network of another task has no gradient.
            found = torch.autograd.grad(loss, wanted, retain_graph=keep, allow_unused=True, materialize_grads=True)
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


def segnet(layout):
    """Two tasks of each pixel."""

    def make(dtype, batch):
        module, count = formula.fill_parameters(Segnet(), dtype).to(memory_format=layout), batch or 4
        x = formula.unit((count, 3, 64, 128), 1000, dtype).contiguous(memory_format=layout)
        classes = formula.labels((count, 64, 128), 1001, 7)
        depth = formula.unit((count, 1, 64, 128), 1002, dtype)
        known = (depth > 0).to(dtype)

        def losses_of():
            logits, y = module(x)
            return [F.cross_entropy(logits, classes), ((y - depth).abs() * known).sum() / known.sum()]

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
    "mtl-segnet-2": segnet(torch.contiguous_format),
    "mtl-segnet-2-channels-last": segnet(torch.channels_last),
}

"""Whole teleports of ten ascent steps: gradient in T, action, loss and ||grad||^2 at every point, as a guard needs them.

The nets are 784-16-10-10 and 784-512-512-10 without biases, LeakyReLU(0.1) after the first two layers, weights by
fill_parameters (k = 0, 1, 2), mean cross-entropy on 200 rows: x [200,784] = unit with k = 1000, classes = labels with
k = 1001. Notation as in workloads_teleport.py: columns of X are samples. T = t dT / ||dT||, ||.|| over all blocks.

NAME-teleport-10-scaling  W1 <- diag(a1) W1, W2 <- diag(a2) W2 diag(1/a1), W3 <- W3 diag(1/a2), a = exp T; t = 0.06, each
                          element of the total of T kept within 0.3. Closed form: with q = d||g||^2/dW,
                          dT1 = rows of q1 * W1 - columns of q2 * W2, summed; dT2 likewise.
NAME-teleport-10-hidden   eq. 8 in its correction form, exact inverses, X+ once a teleport and h1+ once a step (that of the
                          action is that of the next gradient); torch.linalg.pinv. Step sizes under STEPS.
NAME-...-hidden-gram      the same with pseudo-inverses by a Cholesky factor of the smaller Gram matrix: faster, and less
                          accurate.
"""

import torch
import torch.nn.functional as F
from torch import nn

import formula
from workloads_common import Workload, restorer, squared_norm
from workloads_mlp import first_rows
from workloads_teleport import act, by_closed_form, forward, inverse_act

SIZES = {"mlp-small": (784, 16, 10, 10), "mlp-wide": (784, 512, 512, 10)}
STEPS = {"mlp-small": 1e-5, "mlp-wide": 0.02}
SCALING_STEP, BOUND = 0.06, 0.3


def problem(name, dtype, batch):
    """Weights, X [784, batch] and the loss as a function of the weights."""
    sizes = SIZES[name]
    empty = nn.ParameterList([torch.empty(out, into) for into, out in zip(sizes, sizes[1:])])
    weights = list(formula.fill_parameters(empty, dtype))
    rows, target = first_rows(batch or 200, dtype)
    x = rows.T.contiguous()
    return weights, x, lambda moved: F.cross_entropy(forward(moved, x).T, target)


def unit_step(parts, size):
    """Parts scaled to a joint norm."""
    factor = size / squared_norm(parts).sqrt()
    return [factor * part for part in parts]


def free(weights):
    """The same values as leaves of their own."""
    return [w.detach().requires_grad_() for w in weights]


def gradient_figures(weights, loss_of):
    """Loss and ||g||^2."""
    loss = loss_of(weights)
    return loss.detach(), squared_norm(torch.autograd.grad(loss, weights))


def scaling_slope(weights, q):
    """The gradient in the log factors of both hidden layers."""
    product = [a * w.detach() for a, w in zip(q, weights)]
    return [product[0].sum(1) - product[1].sum(0), product[1].sum(1) - product[2].sum(0)]


def scaling_teleport(weights, _x, loss_of):
    """Ten steps of positive scaling: the points' losses and squared norms, and the weights."""
    total = [torch.zeros(w.shape[0], dtype=w.dtype) for w in weights[:2]]
    points, current = [], weights
    for _ in range(10):
        loss = loss_of(current)
        norm = squared_norm(torch.autograd.grad(loss, current, create_graph=True))
        q = torch.autograd.grad(norm, current)
        points.append((loss.detach(), norm.detach()))
        with torch.no_grad():
            steps = unit_step(scaling_slope(current, q), SCALING_STEP)
            next_total = [(t + s).clamp(-BOUND, BOUND) for t, s in zip(total, steps)]
            a1, a2 = [(after - before).exp() for after, before in zip(next_total, total)]
            total = next_total
            w1, w2, w3 = current
            moved = [a1[:, None] * w1, a2[:, None] * w2 / a1, w3 / a2]
        current = free(moved)
    return [*points, gradient_figures(current, loss_of)]


def gram_pinv(h):
    """The pseudo-inverse of a matrix of full rank."""
    if h.shape[0] <= h.shape[1]:
        factor = torch.linalg.cholesky(h @ h.T)
        return torch.cholesky_solve(h, factor).T
    factor = torch.linalg.cholesky(h.T @ h)
    return torch.cholesky_solve(h.T, factor)


def hidden_teleport(step, pinv):
    """Ten steps of eq. 8."""

    def teleport(weights, x, loss_of):
        plus_x, plus_h = pinv(x), pinv(act(weights[0].detach() @ x))
        points, current = [], weights
        for _ in range(10):
            loss, norm, slope = by_closed_form(current, x, (plus_x, plus_h), loss_of)
            points.append((loss.detach(), norm.detach()))
            with torch.no_grad():
                g1, g2 = (torch.eye(t.shape[0], dtype=t.dtype) + t for t in unit_step(slope, step))
                w1, w2, w3 = current
                z = w1 @ x
                w1 = w1 + (inverse_act(g1 @ act(z)) - z) @ plus_x
                h = act(w1 @ x)
                plus_h = pinv(h)
                w2 = torch.linalg.solve(g1, w2, left=False)
                z = w2 @ h
                w2 = w2 + (inverse_act(g2 @ act(z)) - z) @ plus_h
                moved = [w1, w2, torch.linalg.solve(g2, w3, left=False)]
            current = free(moved)
        return [*points, gradient_figures(current, loss_of)]

    return teleport


def whole(name, teleport):
    """The workload around `teleport(weights, x, loss_of)`, which returns (loss, ||g||^2) of every point."""

    def make(dtype, batch):
        weights, x, loss_of = problem(name, dtype, batch)

        def values():
            points = teleport(weights, x, loss_of)
            return {"loss": [p[0].item() for p in points], "gradNormSq": [p[1].item() for p in points]}

        named = list(zip(("W1", "W2", "W3"), weights))
        return Workload(restorer(weights), lambda: teleport(weights, x, loss_of)[-1][0], values, named)

    return make


def of_net(name):
    """All forms for one net."""
    return {
        f"{name}-teleport-10-scaling": whole(name, scaling_teleport),
        f"{name}-teleport-10-hidden": whole(name, hidden_teleport(STEPS[name], torch.linalg.pinv)),
        f"{name}-teleport-10-hidden-gram": whole(name, hidden_teleport(STEPS[name], gram_pinv)),
    }


WORKLOADS = {**of_net("mlp-small"), **of_net("mlp-wide")}

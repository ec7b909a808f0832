"""One ascent step of a teleport: d/dT ||grad L(T.W)||^2 at T = 0, for the two interior group elements I + T1, I + T2.

Columns of X, h1, h2 are samples; Z1 = W1 X, h1 = s(Z1), Z2 = W2 h1, h2 = s(Z2), s = LeakyReLU(0.1), s' its slope,
P+ the pseudo-inverse. The gradient in the norm is the partial one (each weight as a free matrix). No update.

Actions (Zhao et al., arXiv 2205.10637, eq. 8, the lower pair first, then the upper one on the new h1):
  literal     W1' = s^-1((I + T1) s(Z1)) X+ ;           h1 = s(W1' X) ; W2~ = W2 (I + T1)^-1 ;
              W2' = s^-1((I + T2) s(W2~ h1)) h1+ ;      W3' = W3 (I + T2)^-1
  correction  W1' = W1 + (s^-1((I + T1) s(Z1)) - Z1) X+, W2' = W2~ + (s^-1((I + T2) s(Z2~)) - Z2~) h1+, Z2~ = W2~ h1:
              the identity at T = 0 even where h1 h1+ is not I. Its derivative at T = 0 is the closed form below.
Closed form (q = d||g||^2/dW, one Hessian-vector product; / is element-wise):
  dT1 = -W2' q2 + ((q1 X+') / s'(Z1)) h1'      dT2 = -W3' q3 + ((q2 h1+') / s'(Z2)) h2'      (here ' = transpose)

regression-teleport             W, X, Y as in regression-gd; the literal action, torch.linalg.pinv of X and of h1
                                inside the step, double backward.
regression-teleport-correction  the same with the correction form.
regression-teleport-hvp         the correction form by the closed form, with X+ and h1+ given.
mlp-small-teleport              the net and weights of mlp-small on one batch of 200 (rows 0..199 of its data, X is
                                [784,200]), mean cross-entropy; the correction form with X+ and h1+ given, h1 held
                                fixed and (I + T)^-1 replaced by I - T (the same derivative at T = 0); double
                                backward.
mlp-small-teleport-hvp          the same by the closed form.
"""

import torch
import torch.nn.functional as F

from workloads_common import Workload, restorer, squared_norm
from workloads_mlp import SLOPE, first_rows, mlp_small_weights, regression_tensors


def act(x):
    """s."""
    return F.leaky_relu(x, SLOPE)


def inverse_act(x):
    """s^-1."""
    return F.leaky_relu(x, 1.0 / SLOPE)


def over_slope(x, z):
    """x / s'(z), the lower slope at 0."""
    return torch.where(z > 0, x, x / SLOPE)


def forward(weights, x):
    """The net's output, columns are samples."""
    return weights[2] @ act(weights[1] @ act(weights[0] @ x))


def new_hidden(g, z, weight, pinv, literal):
    """The lower weight of a pair after the action of g."""
    if literal:
        return inverse_act(g @ act(z)) @ pinv
    return weight + (inverse_act(g @ act(z)) - z) @ pinv


def exact_action(weights, x, group, literal):
    """Both pairs in order, h1 recomputed, pseudo-inverses and inverses differentiated through."""
    g1, g2 = (torch.eye(t.shape[0], dtype=t.dtype) + t for t in group)
    w1 = new_hidden(g1, weights[0] @ x, weights[0], torch.linalg.pinv(x), literal)
    h1 = act(w1 @ x)
    w2 = weights[1] @ torch.linalg.inv(g1)
    w2 = new_hidden(g2, w2 @ h1, w2, torch.linalg.pinv(h1), literal)
    return [w1, w2, weights[2] @ torch.linalg.inv(g2)]


def first_order_action(weights, x, group, pinvs):
    """The correction form with given pseudo-inverses, fixed h1 and I - T for the inverse."""
    t1, t2 = group
    z1 = weights[0] @ x
    h1 = act(z1)
    w1 = weights[0] + (inverse_act(h1 + t1 @ h1) - z1) @ pinvs[0]
    w2 = weights[1] - weights[1] @ t1
    z2 = w2 @ h1
    h2 = act(z2)
    w2 = w2 + (inverse_act(h2 + t2 @ h2) - z2) @ pinvs[1]
    return [w1, w2, weights[2] - weights[2] @ t2]


def by_double_backward(action, weights, loss_of):
    """(loss, ||g||^2, [dT1, dT2]) through `action(constant weights, group)`."""
    fixed = [w.detach() for w in weights]
    group = [torch.zeros(w.shape[0], w.shape[0], dtype=w.dtype, requires_grad=True) for w in fixed[:2]]
    # Views cut the path from W1' through h1 to W2', so that the inner gradient is the partial one.
    moved = [w.view_as(w) for w in action(fixed, group)]
    loss = loss_of(moved)
    norm = squared_norm(torch.autograd.grad(loss, moved, create_graph=True))
    return loss, norm, torch.autograd.grad(norm, group)


def by_closed_form(weights, x, pinvs, loss_of):
    """(loss, ||g||^2, [dT1, dT2]) by one Hessian-vector product and the action's transposed derivative."""
    loss = loss_of(weights)
    norm = squared_norm(torch.autograd.grad(loss, weights, create_graph=True))
    q = torch.autograd.grad(norm, weights)
    with torch.no_grad():
        z1 = weights[0] @ x
        h1 = act(z1)
        z2 = weights[1] @ h1
        h2 = act(z2)
        dt1 = over_slope(q[0] @ pinvs[0].T, z1) @ h1.T - weights[1].T @ q[1]
        dt2 = over_slope(q[1] @ pinvs[1].T, z2) @ h2.T - weights[2].T @ q[2]
    return loss, norm, (dt1, dt2)


def pseudo_inverses(weights, x):
    """X+ and h1+ at the start."""
    with torch.no_grad():
        return torch.linalg.pinv(x), torch.linalg.pinv(act(weights[0] @ x))


def ascent(weights, compute):
    """The workload around `compute() -> (loss, norm, group gradients)`."""

    def values():
        loss, norm, group = compute()
        squares = [t.square().sum().item() for t in group]
        return {
            "loss": loss.item(),
            "gradNormSq": norm.item(),
            "groupGradNormSq": sum(squares),
            "groupGradNormSqEach": squares,
        }

    named = list(zip(("W1", "W2", "W3"), weights))
    return Workload(restorer(weights), lambda: compute()[0], values, named)


def regression_problem(dtype):
    """Weights, X and the loss as a function of the weights."""
    weights, x, y = regression_tensors(dtype)
    return weights, x, lambda moved: 0.5 * (y - forward(moved, x)).square().sum()


def regression_teleport(literal):
    """Double backward through the whole action."""

    def make(dtype, _batch):
        weights, x, loss_of = regression_problem(dtype)
        action = lambda fixed, group: exact_action(fixed, x, group, literal)  # noqa: E731
        return ascent(weights, lambda: by_double_backward(action, weights, loss_of))

    return make


def regression_teleport_hvp(dtype, _batch):
    """The closed form."""
    weights, x, loss_of = regression_problem(dtype)
    pinvs = pseudo_inverses(weights, x)
    return ascent(weights, lambda: by_closed_form(weights, x, pinvs, loss_of))


def mlp_problem(dtype, batch):
    """Weights, X [784, batch], pseudo-inverses and the loss as a function of the weights."""
    weights = mlp_small_weights(dtype)
    rows, target = first_rows(batch or 200, dtype)
    x = rows.T.contiguous()
    return weights, x, pseudo_inverses(weights, x), lambda moved: F.cross_entropy(forward(moved, x).T, target)


def mlp_small_teleport(dtype, batch):
    """Double backward."""
    weights, x, pinvs, loss_of = mlp_problem(dtype, batch)
    action = lambda fixed, group: first_order_action(fixed, x, group, pinvs)  # noqa: E731
    return ascent(weights, lambda: by_double_backward(action, weights, loss_of))


def mlp_small_teleport_hvp(dtype, batch):
    """The closed form."""
    weights, x, pinvs, loss_of = mlp_problem(dtype, batch)
    return ascent(weights, lambda: by_closed_form(weights, x, pinvs, loss_of))


WORKLOADS = {
    "regression-teleport": regression_teleport(literal=True),
    "regression-teleport-correction": regression_teleport(literal=False),
    "regression-teleport-hvp": regression_teleport_hvp,
    "mlp-small-teleport": mlp_small_teleport,
    "mlp-small-teleport-hvp": mlp_small_teleport_hvp,
}

"""What a workload is, and the one kind of training step that most of them share."""

from dataclasses import dataclass
from typing import Callable

import torch


@dataclass
class Workload:
    """`reset` puts the start values back, `step` does one timed step and returns its loss, `values` checks numbers.

    `parameters` lists (name, tensor) in the order of the tensor numbers k of formula.py.
    """

    reset: Callable[[], None]
    step: Callable[[], torch.Tensor]
    values: Callable[[], dict]
    parameters: list


def squared_norm(tensors):
    """Sum of squares over all tensors."""
    return sum(t.square().sum() for t in tensors)


def first_order_values(loss, parameters):
    """{loss, gradNormSq} at the start."""
    gradients = torch.autograd.grad(loss, parameters)
    return {"loss": loss.item(), "gradNormSq": squared_norm(gradients).item()}


def second_order_values(loss, parameters):
    """{loss, gradNormSq, secondNormSq}; the last is the squared norm of d(gradNormSq)/d(parameters)."""
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    norm = squared_norm(gradients)
    second = torch.autograd.grad(norm, parameters)
    return {"loss": loss.item(), "gradNormSq": norm.item(), "secondNormSq": squared_norm(second).item()}


def restorer(tensors):
    """A function that puts today's values back into `tensors`."""
    saved = [t.detach().clone() for t in tensors]

    def reset():
        with torch.no_grad():
            for tensor, value in zip(tensors, saved):
                tensor.copy_(value)

    return reset


class Training:
    """zero_grad, forward, backward, optimizer step; `reset` makes a new optimizer on the start values."""

    def __init__(self, parameters, loss_of, make_optimizer, buffers=()):
        self.parameters, self.loss_of, self.make_optimizer = parameters, loss_of, make_optimizer
        self.restore = restorer([*parameters, *buffers])
        self.reset()

    def reset(self):
        """Start values, fresh optimizer."""
        self.restore()
        self.optimizer = self.make_optimizer(self.parameters)

    def step(self):
        """One training step; returns the loss before it."""
        self.optimizer.zero_grad()
        loss = self.loss_of()
        loss.backward()
        self.optimizer.step()
        return loss


def training(named, loss_of, make_optimizer, first_loss=None, buffers=()):
    """The workload of a `Training`; `first_loss` replaces `loss_of` in `values` where a step draws its batch."""
    parameters = [value for _, value in named]
    run = Training(parameters, loss_of, make_optimizer, buffers)
    values = lambda: first_order_values((first_loss or loss_of)(), parameters)  # noqa: E731
    return Workload(run.reset, run.step, values, named)


def module_training(module, loss_of, make_optimizer):
    """`training` for an nn.Module, running statistics included."""
    return training(list(module.named_parameters()), loss_of, make_optimizer, buffers=list(module.buffers()))


def sgd(lr, momentum=0.0, fused=False):
    """Parameters -> torch.optim.SGD."""
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, momentum=momentum, fused=fused)

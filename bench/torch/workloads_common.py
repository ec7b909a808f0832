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


def restorer(tensors, optimizer=None):
    """A function that puts today's values back into `tensors` and empties the optimiser's state."""
    saved = [t.detach().clone() for t in tensors]

    def reset():
        with torch.no_grad():
            for tensor, value in zip(tensors, saved):
                tensor.copy_(value)
        if optimizer is not None:
            optimizer.state.clear()

    return reset


def training(named, loss_of, optimizer, first_loss=None, buffers=()):
    """A workload whose step is zero_grad, forward, backward, optimiser step.

    `first_loss` replaces `loss_of` in `values` where the step draws a random batch.
    """
    parameters = [value for _, value in named]

    def step():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss

    reset = restorer([*parameters, *buffers], optimizer)
    values = lambda: first_order_values((first_loss or loss_of)(), parameters)  # noqa: E731
    return Workload(reset, step, values, named)


def module_training(module, loss_of, optimizer):
    """`training` for an nn.Module, running statistics included."""
    return training(list(module.named_parameters()), loss_of, optimizer, buffers=list(module.buffers()))

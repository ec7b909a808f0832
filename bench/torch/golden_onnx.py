"""Golden ONNX files as PyTorch exports them, with results and gradients.

Writes packages/core/test/golden/onnx-models.json: `models`, each with
  file        the .onnx file in base64, exported with a batch of open size
  input       a wave, the batch larger than the one of the export
  output      the module's output on it
  weights     a wave
  gradients   of the sum of output times weights, by the parameters' names in PyTorch, in their order
"""

import base64

import torch
from torch import nn

from golden_common import tensor_json, wave, write_golden
from golden_onnx_export import export, fill


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class Attention(nn.Module):
    """Self-attention with several heads, written out; its shapes are read from the input."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        batch, tokens, width = x.shape
        split = lambda y: y.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        weights = torch.softmax(q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5, dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, tokens, width))


class FirstToken(nn.Module):
    def forward(self, x):
        return x[:, 0]


def perceptron():
    return nn.Sequential(nn.Linear(5, 6), nn.LeakyReLU(0.125), nn.Linear(6, 4, bias=False), nn.Tanh(), nn.Linear(4, 3))


def convolutional():
    """Batch normalization, a residual block, both poolings."""
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        Residual(block), nn.MaxPool2d(2), nn.Conv2d(4, 6, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(6, 3),
    )  # fmt: skip


def transformer():
    """One pre-norm block, the first token read out."""
    feed_forward = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
    return nn.Sequential(
        Residual(nn.Sequential(nn.LayerNorm(4), Attention(4, 2))),
        Residual(nn.Sequential(nn.LayerNorm(4), feed_forward)),
        nn.LayerNorm(4), FirstToken(), nn.Linear(4, 3),
    )  # fmt: skip


def record(name, module, shape, opset):
    module = fill(module)
    axes = {"x": {0: "batch"}, "y": {0: "batch"}}
    file = export(module, [wave(2, *shape, k=1).float()], opset, axes=axes)
    module = module.double()
    x = wave(3, *shape, k=2)
    y = module(x)
    parameters = dict(module.named_parameters())
    weights = wave(*y.shape, k=9)
    gradients = torch.autograd.grad((y * weights).sum(), list(parameters.values()))
    return {
        "name": name,
        "file": base64.b64encode(file).decode(),
        "input": tensor_json(x),
        "output": tensor_json(y),
        "weights": tensor_json(weights),
        "gradients": {key: tensor_json(g) for key, g in zip(parameters, gradients, strict=True)},
    }


if __name__ == "__main__":
    models = [
        record("perceptron", perceptron(), [5], 11),
        record("convolutional", convolutional(), [2, 9, 9], 13),
        record("transformer, decomposed", transformer(), [5, 4], 14),
        record("transformer", transformer(), [5, 4], 17),
    ]
    write_golden("onnx-models.json", "golden_onnx.py", {"models": models})

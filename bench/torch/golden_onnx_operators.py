"""Golden ONNX files of single operators of PyTorch, each exported with two operator sets.

Writes packages/core/test/golden/onnx-operators.json: `operators`, each with the results of golden_onnx_export.py and
  files       deflated, in base64, by the number of the operator set; all axes of the second file are dynamic, where the
              exporter can do that
"""

import torch
from torch import nn

from golden_common import write_golden
from golden_onnx_export import TrainingMode, export, fill, packed, results
from golden_onnx_layer_cases import layer_cases
from golden_onnx_tensor_cases import tensor_cases

OPSETS = range(11, 21)


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def modules():
    """Name, module and inputs of each case."""
    for name, (function, *inputs) in {**tensor_cases(), **layer_cases()}.items():
        is_module = isinstance(function, nn.Module)
        yield name, fill(function) if is_module else Applied(function), inputs


def file_of(module, inputs, opset, dynamic):
    """The file, or None if the exporter has no rule for it in this operator set."""
    names = [f"x{k}" for k in range(len(inputs))]
    made = module(*inputs)
    outputs = [f"y{k}" for k in range(1 if isinstance(made, torch.Tensor) else len(made))]
    axes = {name: {d: f"{name}_{d}" for d in range(x.ndim)} for name, x in zip(names, inputs, strict=True)}
    training = TrainingMode.PRESERVE if list(module.parameters()) else TrainingMode.EVAL
    try:
        return export(module, inputs, opset, names, outputs, axes if dynamic else None, training, fold=True)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, ValueError, TypeError):
        return None


def two_files(module, inputs, k):
    """A static and a dynamic file, with operator sets that change from case to case."""
    order = [OPSETS[(k + d) % len(OPSETS)] for d in range(len(OPSETS))]
    made = {}
    for dynamic, opsets in [(False, order), (True, order[5:] + order[:5])]:
        opset = next((s for s in opsets if s not in made and (dynamic, file_of(module, inputs, s, dynamic))[1]), None)
        if opset is not None:
            made[opset] = file_of(module, inputs, opset, dynamic)
    if not made:
        raise ValueError("no operator set has it")
    return {str(opset): packed(file) for opset, file in sorted(made.items())}


if __name__ == "__main__":
    rows = []
    for k, (name, module, inputs) in enumerate(modules()):
        files = two_files(module, inputs, k)
        rows.append({"name": name, "files": files, **results(module, inputs, [f"x{k}" for k in range(len(inputs))])})
    write_golden("onnx-operators.json", "golden_onnx_operators.py", {"operators": rows}, limit=600_000)

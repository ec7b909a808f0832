"""Shared by the generators of golden ONNX files: waves as weights, exports, results with gradients, packed bytes."""

import base64
import io
import logging
import warnings
import zlib

import torch

from golden_common import wave

TrainingMode = torch.onnx.TrainingMode
logging.disable(logging.WARNING)


def fill(module):
    """Waves, so that no value stands out; weights of normalizations around 1, running variances positive."""
    for k, (name, value) in enumerate([*module.named_parameters(), *module.named_buffers()]):
        if not value.is_floating_point():
            continue
        offset = 1 if "running_var" in name or (value.ndim == 1 and name.endswith("weight")) else 0
        value.data = (offset + wave(*value.shape, k=k, scale=0.5, digits=4)).float()
    return module.eval()


def export(module, inputs, opset, names=("x",), outputs=("y",), axes=None, training=TrainingMode.PRESERVE, fold=False):
    """The bytes of a file. `axes`: dynamic axes, by name. PRESERVE, since EVAL folds batch norms into convolutions."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, tuple(inputs), buffer, opset_version=opset, input_names=list(names), output_names=list(outputs),
            dynamic_axes=axes, training=training, do_constant_folding=fold,
        )  # fmt: skip
    return buffer.getvalue()


def packed(content):
    """Deflated, in base64."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def packed_tensor(tensor):
    """{shape, float32 or int64}: a tensor's bytes in base64."""
    tensor = tensor.detach().contiguous()
    kind = "float32" if tensor.is_floating_point() else "int64"
    values = tensor.to(getattr(torch, kind)).numpy()
    return {"shape": list(tensor.shape), kind: base64.b64encode(values.tobytes()).decode()}


def results(module, inputs, names):
    """Inputs, outputs y0, y1, ..., the weights w0, w1, ... of those that are floats, and gradients of the weighted sum.

    All is computed in float64; gradients are by parameters' names, then by names of inputs that are floats.
    """
    module = module.double()
    given = [x.double().requires_grad_() if x.is_floating_point() else x for x in inputs]
    made = module(*given)
    outputs = [made] if isinstance(made, torch.Tensor) else list(made)
    weights = {k: wave(*y.shape, k=9 + k).float().double() for k, y in enumerate(outputs) if y.requires_grad}
    parameters = dict(module.named_parameters())
    wanted = {**parameters, **{n: x for n, x in zip(names, given, strict=True) if x.is_floating_point()}}
    gradients = {}
    if weights:
        total = sum((outputs[k] * w).sum() for k, w in weights.items())
        found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
        for (name, x), g in zip(wanted.items(), found, strict=True):
            if g is not None or name in parameters:
                gradients[name] = packed_tensor(torch.zeros_like(x) if g is None else g)
    return {
        "inputs": {name: packed_tensor(x) for name, x in zip(names, given, strict=True)},
        "outputs": {f"y{k}": packed_tensor(y) for k, y in enumerate(outputs)},
        "weights": {f"y{k}": packed_tensor(w) for k, w in weights.items()},
        "gradients": gradients,
    }

"""Golden ONNX files of small networks, as PyTorch exports them with several operator sets.

Writes packages/core/test/golden/onnx-networks.json: `networks`, each with the results of golden_onnx_export.py and
  mode        "eval" or "train": of dropout there is none, batch norms differ
  buffers     names of floats that are not trained, but for running statistics
  files       deflated, in base64, by the number of the operator set, with the module's own parameters
  folded      the same, but exported with PyTorch's defaults, which fold batch norms and transposed weights
"""

import copy

import torch
from torch import nn

from golden_common import wave, write_golden
from golden_onnx_export import TrainingMode, export, fill, packed, results
from golden_onnx_modules import (
    Branch,
    Generator,
    LastState,
    ListOfStates,
    PostNorm,
    RotaryTransformer,
    ShiftedWindows,
    SqueezeExcite,
    Tagger,
    TextReader,
    UNet,
    VisionTransformer,
    convnext,
    densenet,
    layer_norm_transformer,
    mobilenet,
    resnet,
    rms_norm_transformer,
)


def record(name, module, inputs, *, opsets, folded=(), axes, mode="eval", scripted=False):
    """`inputs`: as a function of the size of the batch; the file is made with another size than the results.

    `scripted`: compiled first, so that loops and branches stay what they are.
    """
    module = fill(module)
    module.train(mode == "train")
    training = TrainingMode.TRAINING if mode == "train" else TrainingMode.PRESERVE
    options = {"outputs": ["y0"], "axes": {"x": axes, "y0": {0: "batch"} if 0 in axes else {}}}
    copied = lambda: torch.jit.script(copy.deepcopy(module)) if scripted else copy.deepcopy(module)
    make = lambda opset, **more: packed(export(copied(), inputs(2), opset, **options, **more))
    row = {
        "name": name,
        "mode": mode,
        "buffers": [name for name, x in module.named_buffers() if x.is_floating_point() and "running" not in name],
        "files": {str(opset): make(opset, training=training) for opset in opsets},
        "folded": {str(opset): make(opset, training=TrainingMode.EVAL, fold=True) for opset in folded},
    }
    return {**row, **results(module, inputs(3), ["x"])}


def image(channels, size):
    return lambda batch: [wave(batch, channels, size + batch % 2 * 8, size, k=2).float()]


def tokens(count):
    return lambda batch: [(torch.arange(batch * (4 + batch)) * 5 % count).reshape(batch, 4 + batch)]


IMAGE = {0: "batch", 2: "height"}
TOKENS = {0: "batch", 1: "length"}

if __name__ == "__main__":
    torch.backends.mha.set_fastpath_enabled(False)
    sequence = lambda batch: [wave(3 + batch, batch, 3, k=3).float()]
    vectors = lambda batch: [wave(batch, 5, 4, k=3).float()]
    square = lambda batch: [wave(batch, 3, 8, 8, k=2).float()]
    lines = lambda batch: [wave(batch, 1, 8, 4 + batch, k=2).float()]
    rows = lambda batch: [wave(batch, 3, k=3).float()]
    codes = lambda batch: [wave(batch, 4, k=3).float()]
    networks = [
        record("ResNet", resnet(), image(3, 16), opsets=[11, 18], folded=[13], axes=IMAGE),
        record("ResNet", resnet(), image(3, 16), opsets=[12, 17], axes=IMAGE, mode="train"),
        record("MobileNet", mobilenet(), image(3, 8), opsets=[11, 15], folded=[19], axes=IMAGE),
        record("MobileNet", mobilenet(), image(3, 8), opsets=[14, 20], axes=IMAGE, mode="train"),
        record("DenseNet", densenet(), image(3, 6), opsets=[12, 16], folded=[20], axes=IMAGE),
        record("DenseNet", densenet(), image(3, 6), opsets=[13, 19], axes=IMAGE, mode="train"),
        record("U-Net", UNet(), image(1, 8), opsets=[11, 13, 18], folded=[19], axes=IMAGE),
        record("U-Net", UNet(), image(1, 8), opsets=[15], axes=IMAGE, mode="train"),
        record("LSTM tagger", Tagger(nn.LSTM), tokens(7), opsets=[11, 14, 20], folded=[16], axes=TOKENS),
        record("GRU", LastState(nn.GRU), sequence, opsets=[12, 18], folded=[14], axes={0: "length", 1: "batch"}),
        record("RNN tagger", Tagger(nn.RNN), tokens(7), opsets=[13, 17], axes=TOKENS),
        record("pre-norm transformer", layer_norm_transformer(), tokens(6), opsets=[14, 17, 20], folded=[18], axes=TOKENS),
        record("RMSNorm transformer", rms_norm_transformer(), tokens(6), opsets=[14, 16], folded=[20], axes=TOKENS),
        record("post-norm transformer", PostNorm(), vectors, opsets=[14, 16, 19], folded=[17], axes={0: "batch"}),
        record("ConvNeXt", convnext(), image(3, 16), opsets=[16], folded=[12], axes=IMAGE),
        record("vision transformer", VisionTransformer(), square, opsets=[17], folded=[20], axes={0: "batch"}),
        record("Swin transformer", ShiftedWindows(), square, opsets=[13], folded=[18], axes={0: "batch"}),
        record("rotary transformer", RotaryTransformer(), tokens(6), opsets=[15, 19], axes=TOKENS),
        record("text reader", TextReader(), lines, opsets=[20], folded=[11], axes={0: "batch", 3: "width"}),
        record("generator", Generator(), codes, opsets=[12, 18], folded=[15], axes={0: "batch"}),
        record("SqueezeExcite", SqueezeExcite(), image(3, 8), opsets=[14], folded=[17], axes=IMAGE),
        record("SqueezeExcite", SqueezeExcite(), image(3, 8), opsets=[16], axes=IMAGE, mode="train"),
        record("list of states", ListOfStates(), sequence, opsets=[13, 19], axes={0: "length", 1: "batch"}, scripted=True),
        record("branch", Branch(), rows, opsets=[11, 17], axes={0: "batch"}, scripted=True),
    ]  # fmt: skip
    write_golden("onnx-networks.json", "golden_onnx_networks.py", {"networks": networks}, limit=700_000)

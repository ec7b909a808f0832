"""Golden ONNX files of small networks, as PyTorch exports them with several operator sets.

Writes packages/core/test/golden/onnx-networks.json: `networks`, each with the results of golden_onnx_export.py and
  mode        "eval" or "train": of dropout there is none, batch norms differ
  files       deflated, in base64, by the number of the operator set, with the module's own parameters
  folded      the same, but exported with PyTorch's defaults, which fold batch norms and transposed weights
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from golden_common import wave, write_golden
from golden_onnx_export import TrainingMode, export, fill, packed, results


def conv_norm(inputs, outputs, size=3, *, stride=1, groups=1, activation=nn.ReLU):
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([activation()] if activation else []))


class ResidualBlock(nn.Module):
    """The basic block of ResNet: a projection where size or width changes."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(inputs, outputs, stride=stride), conv_norm(outputs, outputs, activation=None)
        )
        self.skip = conv_norm(inputs, outputs, 1, stride=stride, activation=None) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def resnet():
    return nn.Sequential(
        conv_norm(3, 4, 3, stride=2), nn.MaxPool2d(3, 2, 1), ResidualBlock(4, 4), ResidualBlock(4, 6, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
    )  # fmt: skip


class InvertedResidual(nn.Module):
    """The block of MobileNetV2."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        wide = 2 * inputs
        self.adds = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            conv_norm(inputs, wide, 1, activation=nn.ReLU6),
            conv_norm(wide, wide, 3, stride=stride, groups=wide, activation=nn.ReLU6),
            conv_norm(wide, outputs, 1, activation=None),
        )

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet():
    return nn.Sequential(
        conv_norm(3, 4, stride=2, activation=nn.ReLU6), InvertedResidual(4, 4, 1), InvertedResidual(4, 6, 2),
        conv_norm(6, 8, 1, activation=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip


class DenseLayer(nn.Module):
    """Norm, ReLU, convolution; the result is concatenated with what came in."""

    def __init__(self, inputs, growth):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, growth, 3, 1, 1, bias=False))

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), DenseLayer(4, 3), DenseLayer(7, 3),
        nn.BatchNorm2d(10), nn.ReLU(), nn.Conv2d(10, 5, 1), nn.AvgPool2d(2), DenseLayer(5, 3),
        nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip


class UNet(nn.Module):
    """Three ways up: a transposed convolution, nearest neighbors, bilinear."""

    def __init__(self):
        super().__init__()
        double = lambda i, o: nn.Sequential(conv_norm(i, o), nn.Conv2d(o, o, 3, padding=1), nn.ReLU())
        self.down1, self.down2, self.down3, self.bottom = double(1, 2), double(2, 3), double(3, 3), double(3, 4)
        self.up3 = nn.ConvTranspose2d(4, 3, 2, 2)
        self.join3, self.join2, self.join1 = double(6, 3), double(6, 3), double(5, 2)
        self.head = nn.Conv2d(2, 2, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.down3(F.max_pool2d(b, 2))
        d = self.bottom(F.max_pool2d(c, 2))
        c = self.join3(torch.cat([c, self.up3(d)], 1))
        b = self.join2(torch.cat([b, F.interpolate(c, scale_factor=2, mode="nearest")], 1))
        up = F.interpolate(b, size=a.shape[2:], mode="bilinear", align_corners=False)
        return self.head(self.join1(torch.cat([a, up], 1)))


class Tagger(nn.Module):
    """Scores of tags for each token, by a recurrent layer in both directions."""

    def __init__(self, layer):
        super().__init__()
        self.embedding = nn.Embedding(7, 3)
        self.recurrent = layer(3, 4, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        return self.head(self.recurrent(self.embedding(tokens))[0])


class LastState(nn.Module):
    """A vector for a sequence: the last state of two layers on top of each other, the batch on the second axis."""

    def __init__(self, layer):
        super().__init__()
        self.recurrent = layer(3, 4, num_layers=2)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.recurrent(x)[1][-1])


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    """Causal self-attention with several heads, by PyTorch's own function."""

    def __init__(self, width, heads, bias):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=bias) for _ in range(4))

    def forward(self, x):
        batch, tokens, width = x.shape
        split = lambda y: y.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
        made = F.scaled_dot_product_attention(
            split(self.query(x)), split(self.key(x)), split(self.value(x)), is_causal=True
        )
        return self.out(made.transpose(1, 2).reshape(batch, tokens, width))


class GatedFeedForward(nn.Module):
    """SwiGLU, as in Llama."""

    def __init__(self, width, hidden):
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class PreNorm(nn.Module):
    """A language model of one block with normalizations before its parts."""

    def __init__(self, norm, feed_forward, bias):
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.norm1, self.attention = norm(4), Attention(4, 2, bias)
        self.norm2, self.feed_forward = norm(4), feed_forward
        self.norm3, self.head = norm(4), nn.Linear(4, 6, bias=bias)

    def forward(self, tokens):
        x = self.embedding(tokens)
        x = x + self.attention(self.norm1(x))
        return self.head(self.norm3(x + self.feed_forward(self.norm2(x))))


def layer_norm_transformer():
    return PreNorm(nn.LayerNorm, nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 4)), bias=True)


def rms_norm_transformer():
    return PreNorm(RMSNorm, GatedFeedForward(4, 6), bias=False)


class PostNorm(nn.Module):
    """PyTorch's own encoder layer, which keeps query, key and value in one matrix; its fast path has no export."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.layer(x).mean(1))


def record(name, module, inputs, *, opsets, folded=(), axes, mode="eval"):
    """`inputs`: as a function of the size of the batch; the file is made with another size than the results."""
    module = fill(module)
    module.train(mode == "train")
    training = TrainingMode.TRAINING if mode == "train" else TrainingMode.PRESERVE
    options = {"outputs": ["y0"], "axes": {"x": axes, "y0": {0: "batch"} if 0 in axes else {}}}
    make = lambda opset, **more: packed(export(copy.deepcopy(module), inputs(2), opset, **options, **more))
    row = {
        "name": name,
        "mode": mode,
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
    ]  # fmt: skip
    write_golden("onnx-networks.json", "golden_onnx_networks.py", {"networks": networks}, limit=450_000)

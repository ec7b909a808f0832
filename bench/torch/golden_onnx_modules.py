"""Small networks to export: bench/torch/golden_onnx_networks.py."""

from typing import List

import torch
import torch.nn.functional as F
from torch import nn


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


class ConvNeXtBlock(nn.Module):
    """A wide depthwise convolution; normalization and layers on the last axis; a scale of each channel."""

    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.gamma * self.down(F.gelu(self.up(y)))).permute(0, 3, 1, 2)


def convnext():
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, 4), ConvNeXtBlock(4), nn.Conv2d(4, 6, 2, 2), ConvNeXtBlock(6),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(6), nn.Linear(6, 3),
    )  # fmt: skip


class VisionTransformer(nn.Module):
    """PyTorch's pre-norm encoder on patches, a token and positions that are parameters."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 4, 4, 4)
        self.token, self.positions = nn.Parameter(torch.zeros(1, 1, 4)), nn.Parameter(torch.zeros(1, 5, 4))
        layer = nn.TransformerEncoderLayer(4, 2, 6, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, nn.LayerNorm(4), enable_nested_tensor=False)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.encoder(x)[:, 0])


class ShiftedWindows(nn.Module):
    """Attention in windows of 2 x 2 that are rolled by one, with a bias for each offset, and merged patches: Swin."""

    def __init__(self):
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 4, 2, 2), nn.LayerNorm(4)
        self.qkv, self.out = nn.Linear(4, 12), nn.Linear(4, 4)
        self.merge_norm, self.merge, self.head = nn.LayerNorm(16), nn.Linear(16, 6, bias=False), nn.Linear(6, 3)
        self.table = nn.Parameter(torch.zeros(9, 2))
        places = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
        offsets = places[:, :, None] - places[:, None, :] + 1
        self.register_buffer("index", offsets[0] * 3 + offsets[1])

    def forward(self, x):
        x = self.patches(x).permute(0, 2, 3, 1)
        batch, height, width, channels = x.shape
        y = torch.roll(self.norm(x), (-1, -1), (1, 2))
        y = y.view(batch, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, channels)
        q, k, v = self.qkv(y).reshape(-1, 4, 3, 2, 2).permute(2, 0, 3, 1, 4)
        bias = self.table[self.index.view(-1)].view(4, 4, 2).permute(2, 0, 1).unsqueeze(0)
        y = torch.softmax(q @ k.transpose(-2, -1) * 2**-0.5 + bias, -1) @ v
        y = self.out(y.transpose(1, 2).reshape(-1, 4, channels))
        y = y.view(batch, height // 2, width // 2, 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
        x = x + torch.roll(y.reshape(batch, height, width, channels), (1, 1), (1, 2))
        x = torch.cat([x[:, i::2, j::2] for j in range(2) for i in range(2)], -1)
        return self.head(self.merge(self.merge_norm(x)).mean((1, 2)))


class RotaryTransformer(nn.Module):
    """Rotary positions, queries in groups on one key, a mask, and the embedding again as the last layer."""

    def __init__(self):
        super().__init__()
        self.embedding, self.norm = nn.Embedding(6, 8), RMSNorm(8)
        self.query, self.key, self.value = (nn.Linear(8, width, bias=False) for width in (8, 4, 4))
        self.out = nn.Linear(8, 8, bias=False)
        self.register_buffer("frequencies", torch.zeros(2))

    def rotated(self, x):
        angles = torch.arange(x.shape[2], dtype=x.dtype)[:, None] * self.frequencies
        angles = torch.cat([angles, angles], -1)
        a, b = x.chunk(2, -1)
        return x * angles.cos() + torch.cat([-b, a], -1) * angles.sin()

    def forward(self, tokens):
        x = self.embedding(tokens)
        batch, count, _ = x.shape
        heads = lambda y: y.view(batch, count, -1, 4).transpose(1, 2)
        y = self.norm(x)
        q, k, v = self.rotated(heads(self.query(y))), self.rotated(heads(self.key(y))), heads(self.value(y))
        k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
        mask = torch.full((count, count), float("-inf")).triu(1).to(x.dtype)
        weights = torch.softmax(q @ k.transpose(-1, -2) * 0.5 + mask, -1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, count, 8))
        return F.linear(x, self.embedding.weight)


class TextReader(nn.Module):
    """A convolution, a recurrent layer along the width, scores of characters: CRNN."""

    def __init__(self):
        super().__init__()
        self.convolution = conv_norm(1, 2)
        self.recurrent = nn.GRU(8, 3, bidirectional=True, batch_first=True)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = F.max_pool2d(self.convolution(x), (2, 1)).permute(0, 3, 1, 2).flatten(2)
        return F.log_softmax(self.head(self.recurrent(x)[0]), -1)


class Generator(nn.Module):
    """Images from vectors: a transposed convolution, norms of instances and groups, shuffled pixels."""

    def __init__(self):
        super().__init__()
        self.start = nn.Linear(4, 8)
        self.up, self.norm1 = nn.ConvTranspose2d(2, 3, 4, 2, 1, bias=False), nn.InstanceNorm2d(3, affine=True)
        self.convolution, self.norm2 = nn.Conv2d(3, 4, 3, padding=1), nn.GroupNorm(2, 4)

    def forward(self, x):
        y = F.leaky_relu(self.norm1(self.up(self.start(x).view(-1, 2, 2, 2))), 0.2)
        return torch.tanh(F.pixel_shuffle(self.norm2(self.convolution(y)), 2))


class SqueezeExcite(nn.Module):
    """Channels weighted by what their means say, with the activations of MobileNetV3."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv_norm(3, 4, stride=2, activation=nn.Hardswish), conv_norm(4, 4, groups=4, activation=nn.Hardswish)
        )
        self.down, self.up, self.head = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1), nn.Linear(4, 3)

    def forward(self, x):
        x = self.features(x)
        x = x * F.hardsigmoid(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))
        return self.head(x.mean((2, 3)))


class ListOfStates(nn.Module):
    """A recurrent layer as a loop that appends to a list, for a script."""

    def __init__(self):
        super().__init__()
        self.read, self.keep = nn.Linear(3, 4), nn.Linear(4, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states: List[torch.Tensor] = []
        state = self.read(x[0]) * 0
        for t in range(x.shape[0]):
            state = torch.tanh(self.read(x[t]) + self.keep(state))
            states.append(state)
        return torch.stack(states)


class Branch(nn.Module):
    """A branch that the values of the input decide, and a loop with a fixed number of steps, for a script."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.sum()) > 0:
            x = self.a(x)
        else:
            x = torch.sin(self.b(x))
        for _ in range(3):
            x = torch.tanh(self.b(x))
        return x

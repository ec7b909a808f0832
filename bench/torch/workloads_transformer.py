"""A transformer.

transformer-small   the language model of experiments/language-model.yaml: tokens x [16,128] = label with k = 1000 and labels y
                    with k = 1001, of 256; width 256, 8 heads, 4 blocks, 512 hidden units, causal; cross-entropy; SGD, lr 0.01.
                    Parameters by fill_parameters.
"""

import torch
import torch.nn.functional as F
from torch import nn

import formula
from workloads_common import module_training, sgd


class Attention(nn.Module):
    """Causal self-attention with rotary embeddings, pairs half of a head's width apart."""

    def __init__(self, width, heads, length, dtype):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.out_proj = nn.Linear(width, width, bias=False)
        self.heads = heads
        half = torch.arange(0, width // heads, 2).double()
        angle = torch.arange(length).double()[:, None] * 10000.0 ** (-half * heads / width)
        self.cos, self.sin = (f(torch.cat([angle, angle], -1)).to(dtype) for f in (torch.cos, torch.sin))

    def turned(self, x):
        first, second = x.chunk(2, -1)
        return x * self.cos + torch.cat([-second, first], -1) * self.sin

    def forward(self, x):
        q, k, v = F.linear(x, self.in_proj_weight).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True)
        return self.out_proj(attended.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """RMSNorm and attention, RMSNorm and a gated perceptron."""

    def __init__(self, width, heads, hidden, length, dtype):
        super().__init__()
        self.norm1 = nn.RMSNorm(width, eps=1e-6)
        self.self_attn = Attention(width, heads, length, dtype)
        self.norm2 = nn.RMSNorm(width, eps=1e-6)
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, t):
        t = t + self.self_attn(self.norm1(t))
        n = self.norm2(t)
        return t + self.down(F.silu(self.gate(n)) * self.up(n))


class Transformer(nn.Module):
    """Blocks on the embeddings of tokens, RMSNorm, and a linear layer for each element."""

    def __init__(self, width, heads, depth, hidden, length, dtype):
        super().__init__()
        self.embedding = nn.Embedding(256, width)
        self.layers = nn.ModuleList([Block(width, heads, hidden, length, dtype) for _ in range(depth)])
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 256, bias=False)

    def forward(self, x):
        t = self.embedding(x)
        for layer in self.layers:
            t = layer(t)
        return self.head(self.norm(t))


def transformer_small(dtype, batch):
    """One SGD step."""
    size, length = batch or 16, 128
    module = formula.fill_parameters(Transformer(256, 8, 4, 512, length, dtype), dtype)
    x, y = (formula.labels((size, length), k, 256) for k in (1000, 1001))
    return module_training(module, lambda: F.cross_entropy(module(x).flatten(0, 1), y.flatten()), sgd(0.01))


WORKLOADS = {"transformer-small": transformer_small}

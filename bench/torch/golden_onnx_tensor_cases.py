"""Functions of PyTorch on tensors to export, by name: (function or module, *inputs)."""

import torch
import torch.nn.functional as F
from torch import nn

from golden_onnx_inputs import index, positive, unit, x


def elementwise():
    a, b = x(2, 3), x(2, 3, k=4)
    return {
        "add, alpha": (lambda p, q: torch.add(p, q, alpha=2), a, b),
        "rsub": (lambda p: 3 - p, a),
        "sub, broadcast": (lambda p, q: p - q, a, x(3, k=2)),
        "mul, broadcast": (lambda p, q: p * q, x(2, 1, 3), x(4, 1, k=2)),
        "div": (lambda p, q: p / q, a, positive(2, 3, k=3)),
        "div, floor": (lambda p, q: torch.div(p, q, rounding_mode="floor") * p, a, positive(2, 3, k=3)),
        "div, trunc": (lambda p, q: torch.div(p, q, rounding_mode="trunc") * p, a, positive(2, 3, k=3)),
        "floor_divide, integers": (lambda i: torch.div(i, 4, rounding_mode="floor"), index([-9, -4, 3, 4, 11])),
        "fmod": (lambda p, q: torch.fmod(p, q), x(2, 3, scale=4), positive(2, 3, k=3)),
        "remainder": (lambda p: torch.remainder(p, 0.7), x(2, 3, scale=4)),
        "remainder, integers": (lambda i: torch.remainder(i, 4), index([-9, -4, 3, 4, 11])),
        "pow": (lambda p: p.pow(3), a),
        "pow, tensor": (lambda p, q: p**q, positive(2, 3), b),
        "pow, number to tensor": (lambda p: 2**p, a),
        "rsqrt": (torch.rsqrt, positive(2, 3)),
        "sqrt": (torch.sqrt, positive(2, 3)),
        "reciprocal": (torch.reciprocal, positive(2, 3)),
        "exp": (torch.exp, a),
        "log": (torch.log, positive(2, 3)),
        "log1p": (torch.log1p, positive(2, 3)),
        "log2": (torch.log2, positive(2, 3)),
        "log10": (torch.log10, positive(2, 3)),
        "sin, cos, tan": (lambda p: (p.sin(), p.cos(), p.tan()), a),
        "asin, acos, atan": (lambda p: (p.asin(), p.acos(), p.atan()), unit(2, 3)),
        "atan2": (torch.atan2, x(2, 3, k=1), b),
        "erf": (torch.erf, a),
        "abs, sign": (lambda p: p.abs() + p.sign() * p, a),
        "floor, ceil, round": (lambda p: (p.floor() * p, p.ceil() * p, p.round() * p), a),
        "clamp": (lambda p: p.clamp(-0.7, 0.9), a),
        "clamp, min alone": (lambda p: p.clamp(min=-0.4), a),
        "clamp, tensors": (lambda p, q, r: torch.clamp(p, q, r), a, x(3, k=7, scale=0.3) - 0.5, positive(3, k=2)),
        "maximum, minimum": (lambda p, q: (torch.maximum(p, q), torch.minimum(p, q)), a, b),
        "addcmul": (lambda p, q, r: torch.addcmul(p, q, r, value=0.5), a, b, x(2, 3, k=8)),
        "lerp": (lambda p, q: torch.lerp(p, q, 0.3), a, b),
        "where": (lambda p, q: torch.where(p > 0.2, p, q), a, b),
        "where, number": (lambda p: torch.where(p > 0.2, p, 0.5), a),
        "masked_fill": (lambda p, q: p.masked_fill(q < 0, -2.5), a, x(3, k=2)),
        "comparisons": (lambda p, q: (p > q, p >= q, p < q, p <= q, p == q, p != q), a, b),
        "logical": (lambda p, q: ((p > 0) & (q > 0), (p > 0) | (q > 0), (p > 0) ^ (q > 0), ~(p > 0)), a, b),
        "isnan, isinf": (lambda p: (torch.isnan(p / 0), torch.isinf(p / 0)), index([0.0, 1.0, -1.0])),
        "nan_to_num": (lambda p: torch.nan_to_num(p), a),
        "type conversions": (lambda p: (p.int().float() * p, p.long(), p.bool()), a),
        "cross": (lambda p, q: torch.cross(p, q, dim=1), a, b),
        "bitwise_and": (lambda i, j: torch.bitwise_and(i, j), index([5, 12, -7]), index([3, 10, 6])),
        "cumsum": (lambda p: p.cumsum(1), a),
    }


def activations():
    a = x(2, 4)
    names = ["relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh",
             "leaky_relu", "logsigmoid", "softplus", "softsign", "tanhshrink", "softshrink", "hardshrink", "sigmoid"]  # fmt: skip
    return {
        **{name: (getattr(F, name), x(2, 4, k=1, scale=4)) for name in names},
        "elu, alpha": (lambda p: F.elu(p, 0.5), a),
        "celu, alpha": (lambda p: F.celu(p, 0.5), a),
        "gelu, tanh": (lambda p: F.gelu(p, approximate="tanh"), a),
        "hardtanh, bounds": (lambda p: F.hardtanh(p, -0.3, 0.8), a),
        "softplus, beta": (lambda p: F.softplus(p, beta=2), a),
        "softshrink, lambda": (lambda p: F.softshrink(p, 0.2), a),
        "threshold": (lambda p: F.threshold(p, 0, 0), a),
        "prelu": (lambda p, w: F.prelu(p, w), x(2, 3, 2), x(3, k=3)),
        "prelu, one slope": (nn.PReLU(), a),
        "prelu, module": (nn.PReLU(3), x(2, 3, 2, 2)),
        "rrelu": (lambda p: F.rrelu(p, training=False), a),
        "glu": (lambda p: F.glu(p, dim=1), a),
        "softmax": (lambda p: F.softmax(p, 1), x(2, 3, 2)),
        "softmin": (lambda p: F.softmin(p, -1), a),
        "log_softmax": (lambda p: F.log_softmax(p, 0), a),
        "softmax2d": (nn.Softmax2d(), x(1, 3, 2, 2)),
        "logit": (torch.logit, positive(2, 3) / 2.5),
        "dropout in evaluation": (nn.Dropout(0.5), a),
        "alpha_dropout in evaluation": (nn.AlphaDropout(0.5), a),
    }


def reductions():
    a = x(2, 3, 4)
    return {
        "sum": (lambda p: p.sum(), a),
        "sum, axes": (lambda p: (p.sum(1), p.sum((0, 2)), p.sum(-1, keepdim=True)), a),
        "mean": (lambda p: (p.mean(), p.mean((0, 2)), p.mean(-1, keepdim=True)), a),
        "prod": (lambda p: p.prod(1), a),
        "amax, amin": (lambda p: (p.amax((0, 2)), p.amin(1, keepdim=True)), a),
        "max, min of all": (lambda p: (p.max(), p.min()), a),
        "max along an axis": (lambda p: p.max(1), a),
        "min along an axis": (lambda p: p.min(2, keepdim=True), a),
        "argmax, argmin": (lambda p: (p.argmax(1), p.argmin(-1, keepdim=True), p.argmax()), a),
        "var": (lambda p: (p.var(1), p.var((0, 2), unbiased=False), p.var()), a),
        "std": (lambda p: (p.std(1), p.std(-1, keepdim=True, unbiased=False)), a),
        "var_mean": (lambda p: torch.var_mean(p, 1), a),
        "norm": (lambda p: (p.norm(dim=1), p.norm(p=1, dim=(0, 2)), p.norm()), a),
        "norm, 3": (lambda p: p.norm(p=3, dim=2, keepdim=True), a),
        "linalg.vector_norm": (
            lambda p: (torch.linalg.vector_norm(p, float("inf"), 1), torch.linalg.norm(p, dim=2)), a
        ),
        "linalg.matrix_norm": (lambda p: torch.linalg.matrix_norm(p), a),
        "logsumexp": (lambda p: (p.logsumexp(1), p.logsumexp((0, 2), keepdim=True)), a),
        "logcumsumexp by hand": (lambda p: p.exp().cumsum(-1).log(), a),
        "normalize": (lambda p: F.normalize(p, dim=1), a),
        "cosine_similarity": (lambda p, q: F.cosine_similarity(p, q, dim=1), a, x(2, 3, 4, k=5)),
        "pairwise_distance": (lambda p, q: F.pairwise_distance(p, q), x(3, 4), x(3, 4, k=5)),
        "cdist": (lambda p, q: torch.cdist(p, q), x(2, 3, 2), x(2, 4, 2, k=5)),
        "all, any": (lambda p: ((p > -1.4).all(1), (p > 1).any(), (p > 1).any(-1, keepdim=True)), a),
        "count of nonzeros": (lambda p: (p > 0).sum(1), a),
    }


def shapes():
    a = x(2, 3, 4)
    return {
        "view, reshape": (lambda p: (p.view(6, 4), p.reshape(-1, 2), p.view(p.shape[0], -1)), a),
        "flatten, unflatten": (lambda p: (p.flatten(1), p.unflatten(2, (2, 2))), a),
        "squeeze, unsqueeze": (lambda p: p.unsqueeze(1).squeeze(1).unsqueeze(-1), a),
        "squeeze of all": (lambda p: p.squeeze(), x(1, 3, 1, 2)),
        "transpose, permute, movedim": (lambda p: (p.transpose(0, 2), p.permute(2, 0, 1), p.movedim(0, 1)), a),
        "t": (lambda p: p.t(), x(2, 3)),
        "expand, repeat, tile": (lambda p: (p.expand(4, 2, 3), p.repeat(2, 1, 2), p.tile(2)), x(1, 2, 3)),
        "expand_as": (lambda p, q: p.expand_as(q) * q, x(1, 3), x(2, 3, k=1)),
        "repeat_interleave": (lambda p: p.repeat_interleave(2, 1), x(2, 3)),
        "repeat_interleave, counts": (lambda p: p.repeat_interleave(torch.tensor([2, 1, 3]), 1), x(2, 3)),
        "cat": (lambda p, q: torch.cat([p, q, p], 1), a, x(2, 2, 4, k=1)),
        "stack": (lambda p, q: (torch.stack([p, q], 1), torch.stack([p, q], -1)), x(2, 3), x(2, 3, k=1)),
        "hstack, vstack": (lambda p, q: (torch.hstack([p, q]), torch.vstack([p, q])), x(2, 3), x(2, 3, k=1)),
        "split": (lambda p: p.split(2, 2), a),
        "split, sizes": (lambda p: p.split([1, 3], 2), a),
        "chunk": (lambda p: p.chunk(3, 1), a),
        "chunk, uneven": (lambda p: p.chunk(2, 1), a),
        "unbind": (lambda p: p.unbind(1), a),
        "tensor_split": (lambda p: torch.tensor_split(p, 2, 2), a),
        "slices": (lambda p: (p[:, 1:], p[..., ::2], p[0], p[:, -1], p[..., -3:-1]), a),
        "narrow, select": (lambda p: (p.narrow(2, 1, 2), p.select(1, 2)), a),
        "roll": (lambda p: (p.roll(1, 2), p.roll((1, -1), (0, 1))), a),
        "flip": (lambda p: p.flip(0, 2), a),
        "rot90 by hand": (lambda p: p.transpose(1, 2).flip(1), a),
        "pad, constant": (lambda p: F.pad(p, (1, 2, 0, 1), value=0.5), a),
        "pad, negative": (lambda p: F.pad(p, (-1, 1)), a),
        "pad, reflect": (lambda p: F.pad(p, (1, 2), mode="reflect"), a),
        "pad, reflect, two axes": (lambda p: F.pad(p, (1, 2, 1, 0), mode="reflect"), x(1, 2, 3, 4)),
        "pad, replicate": (lambda p: F.pad(p, (1, 2, 2, 1), mode="replicate"), x(1, 2, 3, 4)),
        "pad, circular": (lambda p: F.pad(p, (1, 2, 2, 1), mode="circular"), x(1, 2, 3, 4)),
        "pixel_shuffle": (lambda p: F.pixel_shuffle(p, 2), x(1, 8, 2, 3)),
        "pixel_unshuffle": (lambda p: F.pixel_unshuffle(p, 2), x(1, 2, 4, 6)),
        "unfold of an axis": (lambda p: p.unfold(2, 2, 1), a),
        "im2col": (lambda p: F.unfold(p, (2, 3), padding=1, stride=(1, 2)), x(1, 2, 3, 4)),
        "im2col, dilated": (lambda p: F.unfold(p, 2, dilation=2), x(1, 2, 4, 4)),
        "col2im": (lambda p: F.fold(p, (3, 4), 2), x(1, 8, 6)),
        "col2im, strided": (lambda p: F.fold(p, (4, 5), (2, 3), stride=2, padding=1), x(1, 12, 9)),
        "tril, triu": (lambda p: (p.tril(), p.triu(1), p.tril(-1)), x(2, 3, 4)),
        "diagonal": (lambda p: torch.diagonal(p, 1, 1, 2), x(2, 3, 4)),
        "diag_embed by hand": (lambda p: p.unsqueeze(-1) * torch.eye(3, dtype=p.dtype), x(2, 3)),
        "zeros_like, ones_like, full_like": (lambda p: p + torch.ones_like(p) + torch.full_like(p, 0.5), a),
        "arange, linspace": (lambda p: p * torch.arange(4) + torch.linspace(0, 1, 4, dtype=p.dtype), a),
        "arange of a size": (lambda p: p * torch.arange(p.shape[2], dtype=p.dtype), a),
        "new_zeros": (lambda p: torch.cat([p, p.new_zeros(2, 1, 4)], 1), a),
        "meshgrid": (lambda p, q: torch.meshgrid(p, q, indexing="ij"), x(2), x(3, k=1)),
        "broadcast_tensors": (lambda p, q: torch.broadcast_tensors(p, q), x(2, 1), x(3, k=1)),
        "numel, size": (lambda p: p / p.numel() * p.size(1), a),
    }


def indexing():
    a = x(3, 4)
    return {
        "gather": (lambda p, i: p.gather(1, i), a, index([[0, 3], [1, 1], [2, 0]])),
        "gather, first axis": (lambda p, i: p.gather(0, i), a, index([[0, 2, 1, 1]])),
        "index_select": (lambda p, i: p.index_select(1, i), a, index([2, 0, 2])),
        "indexing by a list": (lambda p, i: p[i], a, index([2, 0, 2])),
        "indexing by two lists": (lambda p, i, j: p[i, j], a, index([2, 0, 2]), index([1, 3, 0])),
        "indexing of a middle axis": (lambda p, i: p[:, i], x(2, 3, 4), index([[2, 0], [1, 1]])),
        "indexing of outer axes": (lambda p, i, j: p[i, :, j], x(2, 3, 4), index([1, 0]), index([3, 1])),
        "assignment to a slice": (assign_slice, a, x(3, 2, k=2)),
        "assignment to a list": (assign_list, a, x(2, 4, k=2), index([2, 0])),
        "scatter": (lambda p, i, q: p.scatter(1, i, q), a, index([[0, 3], [1, 2], [2, 0]]), x(3, 2, k=2)),
        "scatter, number": (lambda p, i: p.scatter(1, i, 0.5), a, index([[0, 3], [1, 2], [2, 0]])),
        "scatter_add": (lambda p, i, q: p.scatter_add(1, i, q), a, index([[0, 3], [1, 2], [2, 0]]), x(3, 2, k=2)),
        "scatter_reduce, sum": (
            lambda p, i, q: p.scatter_reduce(1, i, q, "sum"), a, index([[0, 3], [1, 1], [2, 0]]), x(3, 2, k=2)
        ),
        "scatter_reduce, amin": (
            lambda p, i, q: p.scatter_reduce(1, i, q, "amin"), a, index([[0, 3], [1, 1], [2, 0]]), x(3, 2, k=2)
        ),
        "scatter_reduce, amax": (
            lambda p, i, q: p.scatter_reduce(1, i, q, "amax"), a, index([[0, 3], [1, 1], [2, 0]]), x(3, 2, k=2)
        ),
        "scatter_reduce, prod": (
            lambda p, i, q: p.scatter_reduce(1, i, q, "prod"), a, index([[0, 3], [1, 1], [2, 0]]), x(3, 2, k=2)
        ),
        "index_add": (lambda p, i, q: p.index_add(0, i, q), a, index([2, 0]), x(2, 4, k=2)),
        "index_copy": (lambda p, i, q: p.index_copy(0, i, q), a, index([2, 0]), x(2, 4, k=2)),
        "index_fill": (lambda p, i: p.index_fill(1, i, 0.5), a, index([2, 0])),
        "index_put, added": (
            lambda p, i, j, q: p.index_put((i, j), q, accumulate=True), a, index([2, 0, 2]), index([1, 3, 0]), x(3, k=2)
        ),
        "topk": (lambda p: p.topk(2, 1), a),
        "topk, smallest": (lambda p: p.topk(2, 0, largest=False), a),
        "sort": (lambda p: p.sort(1), a),
        "sort, descending": (lambda p: p.sort(1, descending=True), a),
        "argsort": (lambda p: p.argsort(1), a),
        "kthvalue by topk": (lambda p: p.topk(2, 1, largest=False).values[:, -1], a),
        "one_hot": (lambda i: F.one_hot(i, 4), index([[0, 3], [1, 2]])),
        "embedding": (nn.Embedding(5, 3), index([[0, 3], [1, 4]])),
        "embedding, function": (lambda w, i: F.embedding(i, w), x(5, 3), index([[0, 3], [1, 4]])),
        "embedding_bag": (nn.EmbeddingBag(5, 3, mode="sum"), index([[0, 3], [1, 4]])),
        "embedding_bag, mean": (nn.EmbeddingBag(5, 3, mode="mean"), index([[0, 3], [1, 4]])),
        "bucketize": (lambda p: torch.bucketize(p, torch.tensor([-1.0, 0.0, 1.0])), a),
        "where by index": (lambda p, i: torch.where(F.one_hot(i, 4).bool(), p, -p), a, index([0, 3, 1])),
    }


def assign_slice(p, q):
    p = p * 2
    p[:, 1:3] = q
    return p


def assign_list(p, q, i):
    p = p * 2
    p[i] = q
    return p


def tensor_cases():
    return {**elementwise(), **activations(), **reductions(), **shapes(), **indexing()}

"""Products, layers and losses of PyTorch to export, by name: (function or module, *inputs)."""

import torch
import torch.nn.functional as F
from torch import nn

from golden_onnx_inputs import index, positive, unit, x


def products():
    a, b = x(2, 3, 4), x(2, 4, 2, k=3)
    q, k, v = x(1, 2, 3, 4), x(1, 2, 5, 4, k=2), x(1, 2, 5, 4, k=4)
    einsum = lambda text, *inputs: (lambda *given: torch.einsum(text, *given), *inputs)
    attention = F.scaled_dot_product_attention
    return {
        "matmul, batched": (torch.matmul, a, b),
        "matmul, broadcast": (torch.matmul, x(2, 1, 3, 4), x(3, 4, 2, k=1)),
        "matmul, vectors": (lambda p, q: (p @ q, q @ q), a, x(4, k=2)),
        "mm, mv, dot": (lambda p, q, r: (p.mm(q), p.mv(r), r.dot(r)), x(2, 3), x(3, 2, k=1), x(3, k=2)),
        "bmm": (torch.bmm, a, b),
        "baddbmm": (lambda p, q, r: torch.baddbmm(r, p, q, beta=0.5, alpha=2), a, b, x(2, 3, 2, k=5)),
        "addmm": (lambda p, q, r: torch.addmm(r, p, q, beta=0.5, alpha=2), x(2, 3), x(3, 2, k=1), x(2, 2, k=2)),
        "addmv by hand": (lambda p, q, r: r + p @ q, x(2, 3), x(3, k=1), x(2, k=2)),
        "outer": (torch.outer, x(3), x(2, k=1)),
        "linear": (lambda p, w, c: F.linear(p, w, c), a, x(2, 4, k=1), x(2, k=2)),
        "linear without bias": (lambda p, w: F.linear(p, w), x(3, 4), x(2, 4, k=1)),
        "einsum, batched product": einsum("bij,bjk->bik", a, b),
        "einsum, heads": einsum("bqhd,bkhd->bhqk", x(1, 3, 2, 4), x(1, 5, 2, 4, k=1)),
        "einsum, trace": einsum("bii->b", x(2, 3, 3)),
        "einsum, diagonal": einsum("bii->bi", x(2, 3, 3)),
        "einsum, sum": einsum("bij->j", a),
        "einsum, outer": einsum("i,j->ij", x(3), x(2, k=1)),
        "einsum, ellipsis": einsum("...ij,jk->...ik", a, x(4, 2, k=1)),
        "einsum, three": einsum("bi,ij,bj->b", x(2, 3), x(3, 4, k=1), x(2, 4, k=2)),
        "tensordot": (lambda p, q: torch.tensordot(p, q, dims=([1, 2], [1, 0])), a, x(4, 3, 2, k=1)),
        "linalg.det": (torch.linalg.det, x(2, 3, 3)),
        "scaled_dot_product_attention": (lambda *given: attention(*given), q, k, v),
        "scaled_dot_product_attention, mask": (lambda m, *given: attention(*given, attn_mask=m), x(3, 5, k=7), q, k, v),
        "scaled_dot_product_attention, boolean mask": (
            lambda m, *given: attention(*given, attn_mask=m > -1), x(3, 5, k=7), q, k, v),
        "scaled_dot_product_attention, causal": (
            lambda *given: attention(*given, is_causal=True), k, x(1, 2, 5, 4, k=8), v
        ),
        "scaled_dot_product_attention, scale": (lambda *given: attention(*given, scale=0.3), q, k, v),
        "multi-head attention": (Attended(), x(2, 3, 4)),
    }  # fmt: skip


class Attended(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)


def convolutions():
    w = x(4, 2, 3, 3, k=1)
    transposed = x(2, 3, 3, 3, k=1)
    return {
        "conv1d": (lambda p, w, b: F.conv1d(p, w, b, stride=2, padding=1), x(2, 2, 7), x(3, 2, 3, k=1), x(3, k=2)),
        "conv1d, dilated": (lambda p, w: F.conv1d(p, w, dilation=2), x(1, 2, 7), x(3, 2, 3, k=1)),
        "conv1d, same": (lambda p, w: F.conv1d(p, w, padding="same"), x(1, 2, 5), x(3, 2, 4, k=1)),
        "conv2d": (lambda p, w, b: F.conv2d(p, w, b, stride=(1, 2), padding=(2, 1)), x(1, 2, 4, 5), w, x(4, k=2)),
        "conv2d, groups": (lambda p, w: F.conv2d(p, w, groups=2, padding=1), x(1, 4, 3, 3), w),
        "conv2d, depthwise": (
            lambda p, w: F.conv2d(p, w, groups=3, dilation=2, padding=2), x(1, 3, 4, 4), x(6, 1, 3, 3, k=1)
        ),
        "conv2d, valid": (lambda p, w: F.conv2d(p, w, padding="valid"), x(1, 2, 4, 4), w),
        "conv2d, same": (lambda p, w: F.conv2d(p, w, padding="same", dilation=2), x(1, 2, 5, 5), w),
        "conv2d, circular": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), x(1, 2, 3, 4)),
        "conv2d, reflect": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), x(1, 2, 3, 4)),
        "conv3d": (
            lambda p, w, b: F.conv3d(p, w, b, stride=(2, 1, 1), padding=1), x(1, 2, 3, 3, 3), x(2, 2, 3, 2, 2, k=1), x(2, k=2)
        ),
        "conv_transpose1d": (
            lambda p, w, b: F.conv_transpose1d(p, w, b, stride=2, padding=1, output_padding=1), x(1, 2, 4), x(2, 3, 3, k=1), x(3, k=2)
        ),
        "conv_transpose2d": (
            lambda p, w, b: F.conv_transpose2d(p, w, b, stride=2, padding=(0, 1)), x(1, 2, 3, 3), transposed, x(3, k=2)
        ),
        "conv_transpose2d, groups": (
            lambda p, w: F.conv_transpose2d(p, w, groups=2, stride=2, output_padding=1), x(1, 4, 2, 3), x(4, 3, 3, 3, k=1)
        ),
        "conv_transpose2d, dilated": (
            lambda p, w: F.conv_transpose2d(p, w, dilation=2, padding=1), x(1, 2, 3, 3), transposed
        ),
        "conv_transpose3d": (
            lambda p, w: F.conv_transpose3d(p, w, stride=(1, 2, 1)), x(1, 2, 2, 2, 2), x(2, 2, 2, 2, 2, k=1)
        ),
        "convolution without batch": (lambda p, w: F.conv2d(p, w), x(2, 4, 4), w),
        "weight norm": (nn.utils.weight_norm(nn.Linear(3, 2)), x(2, 3)),
    }  # fmt: skip


def pooling():
    a, b, c = x(1, 2, 7), x(1, 2, 5, 6), x(1, 2, 4, 3, 4)
    return {
        "max_pool1d": (lambda p: F.max_pool1d(p, 3, 2, 1), a),
        "max_pool2d": (lambda p: F.max_pool2d(p, (2, 3), (2, 1), (1, 0)), b),
        "max_pool2d, ceil": (lambda p: F.max_pool2d(p, 3, 2, ceil_mode=True), b),
        "max_pool2d, ceil and padding": (lambda p: F.max_pool2d(p, 2, 2, 1, ceil_mode=True), b),
        "max_pool2d, dilated": (lambda p: F.max_pool2d(p, 2, 1, dilation=2), b),
        "max_pool2d, indices": (lambda p: F.max_pool2d(p, 2, return_indices=True), b),
        "max_pool3d": (lambda p: F.max_pool3d(p, 2, 1), c),
        "avg_pool1d": (lambda p: F.avg_pool1d(p, 3, 2, 1), a),
        "avg_pool2d": (lambda p: F.avg_pool2d(p, (2, 3), (2, 1), (1, 0)), b),
        "avg_pool2d, ceil": (lambda p: F.avg_pool2d(p, 3, 2, ceil_mode=True), b),
        "avg_pool2d, ceil and padding": (lambda p: F.avg_pool2d(p, 3, 2, 1, ceil_mode=True), b),
        "avg_pool2d, without padding": (lambda p: F.avg_pool2d(p, 3, 2, 1, count_include_pad=False), b),
        "avg_pool2d, ceil, without padding": (
            lambda p: F.avg_pool2d(p, 3, 2, 1, ceil_mode=True, count_include_pad=False), b
        ),
        "avg_pool3d": (lambda p: F.avg_pool3d(p, 2, 1), c),
        "lp_pool2d": (lambda p: F.lp_pool2d(p, 2, 2), b.abs() + 0.1),
        "adaptive_avg_pool1d": (lambda p: F.adaptive_avg_pool1d(p, 1), a),
        "adaptive_avg_pool2d": (lambda p: F.adaptive_avg_pool2d(p, 1), b),
        "adaptive_avg_pool2d, divisor": (lambda p: F.adaptive_avg_pool2d(p, (1, 3)), x(1, 2, 4, 6)),
        "adaptive_max_pool2d": (lambda p: F.adaptive_max_pool2d(p, 1), b),
        "adaptive_max_pool2d, divisor": (lambda p: F.adaptive_max_pool2d(p, (2, 3)), x(1, 2, 4, 6)),
    }


def resizing():
    line, image, volume = x(1, 2, 4), x(1, 2, 3, 4), x(1, 1, 2, 2, 3)
    grid = unit(1, 3, 3, 2, k=5)
    theta = torch.tensor([[[0.8, 0.2, 0.1], [-0.3, 0.9, 0.05]]])
    made = {
        "interpolate, nearest, 1d": (lambda p: F.interpolate(p, scale_factor=2), line),
        "interpolate, linear": (lambda p: F.interpolate(p, size=7, mode="linear"), line),
        "interpolate, linear, corners": (lambda p: F.interpolate(p, size=7, mode="linear", align_corners=True), line),
        "interpolate, nearest": (lambda p: F.interpolate(p, size=(5, 7)), image),
        "interpolate, nearest, fractional": (lambda p: F.interpolate(p, scale_factor=1.7), image),
        "interpolate, bilinear": (lambda p: F.interpolate(p, scale_factor=2.0, mode="bilinear"), image),
        "interpolate, bilinear, fractional": (
            lambda p: F.interpolate(p, scale_factor=(1.5, 0.7), mode="bilinear"), image
        ),
        "interpolate, bilinear, recomputed scale": (
            lambda p: F.interpolate(p, scale_factor=1.6, mode="bilinear", recompute_scale_factor=True), image),
        "interpolate, bilinear, smaller": (lambda p: F.interpolate(p, size=(2, 3), mode="bilinear"), image),
        "interpolate, bilinear, corners": (
            lambda p: F.interpolate(p, size=(5, 7), mode="bilinear", align_corners=True), image
        ),
        "interpolate, bilinear, corners, size 1": (
            lambda p: F.interpolate(p, size=(1, 7), mode="bilinear", align_corners=True), image
        ),
        "interpolate, bicubic": (lambda p: F.interpolate(p, size=(5, 7), mode="bicubic"), image),
        "interpolate, bicubic, corners": (
            lambda p: F.interpolate(p, size=(5, 7), mode="bicubic", align_corners=True), image
        ),
        "interpolate, trilinear": (lambda p: F.interpolate(p, scale_factor=2, mode="trilinear"), volume),
        "upsample module": (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), image),
        "affine_grid": (lambda t: F.affine_grid(t, [1, 1, 3, 4], align_corners=False), theta),
        "affine_grid, corners": (lambda t: F.affine_grid(t, [1, 1, 3, 4], align_corners=True), theta),
    }  # fmt: skip
    for mode in ["bilinear", "nearest", "bicubic"]:
        for padding in ["zeros", "border", "reflection"]:
            for corners in [False, True]:
                sample = lambda p, g, m=mode, z=padding, c=corners: F.grid_sample(p, g, m, z, c)
                note = ", corners" if corners else ""
                made[f"grid_sample, {mode}, {padding}{note}"] = (sample, image, grid * (2 if padding != "zeros" else 1.2))
    return made


def normalizations():
    image = x(3, 4, 2, 3)
    return {
        "batch_norm, 1d": (nn.BatchNorm1d(4), x(3, 4)),
        "batch_norm, sequence": (nn.BatchNorm1d(4), x(2, 4, 3)),
        "batch_norm, 2d, not affine": (nn.BatchNorm2d(4, affine=False), image),
        "batch_norm, 3d": (nn.BatchNorm3d(2), x(2, 2, 2, 2, 2)),
        "layer_norm": (nn.LayerNorm(4), x(2, 3, 4)),
        "layer_norm, two axes": (nn.LayerNorm((3, 4), eps=0.01), x(2, 3, 4)),
        "layer_norm, not affine": (nn.LayerNorm(4, elementwise_affine=False), x(2, 3, 4)),
        "layer_norm without bias": (nn.LayerNorm(4, bias=False), x(2, 3, 4)),
        "layer_norm, function": (lambda p, w, b: F.layer_norm(p, (4,), w, b), x(2, 3, 4), positive(4), x(4, k=2)),
        "group_norm": (nn.GroupNorm(2, 4), image),
        "group_norm, one group": (nn.GroupNorm(1, 4), x(2, 4, 3)),
        "group_norm, not affine": (nn.GroupNorm(2, 4, affine=False), x(2, 4, 3)),
        "instance_norm, 1d": (nn.InstanceNorm1d(2), x(2, 2, 5)),
        "instance_norm, 2d, affine": (nn.InstanceNorm2d(4, affine=True), image),
        "instance_norm with statistics": (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), image),
        "local_response_norm": (nn.LocalResponseNorm(3, alpha=0.1, k=1.5), image),
        "local_response_norm, even": (nn.LocalResponseNorm(2, alpha=0.1), image),
    }


def losses():
    scores, classes = x(3, 4), index([0, 3, 1])
    image, labels = x(2, 3, 2, 2), index([[[0, 2], [1, 1]], [[2, 2], [0, 1]]])
    a, b = x(2, 3), x(2, 3, k=4)
    weights = torch.tensor([0.5, 1.0, 2.0, 0.25])
    made = {
        "cross_entropy, ignored": (lambda p, i: F.cross_entropy(p, i, ignore_index=3), scores, classes),
        "cross_entropy, weighted": (lambda p, i, w: F.cross_entropy(p, i, w.detach()), scores, classes, weights),
        "cross_entropy, pixels": (lambda p, i: F.cross_entropy(p, i, reduction="none"), image, labels),
        "nll_loss, pixels": (lambda p, i: F.nll_loss(p, i), image, labels),
        "nll_loss, weighted": (lambda p, i, w: F.nll_loss(p, i, w.detach(), ignore_index=1), scores, classes, weights),
        "binary_cross_entropy, with logits": (
            lambda p, q: F.binary_cross_entropy_with_logits(p, q, reduction="sum"), a, b.sigmoid()
        ),
        "binary_cross_entropy, positive weight": (
            lambda p, q: F.binary_cross_entropy_with_logits(p, q, pos_weight=torch.tensor([0.5, 2, 1])), a, b.sigmoid()),
        "kl_div": (lambda p, q: F.kl_div(p, q.softmax(1), reduction="batchmean"), a, b),
        "huber by hand": (lambda p, q: torch.where((p - q).abs() < 1, 0.5 * (p - q) ** 2, (p - q).abs() - 0.5), a, b),
    }  # fmt: skip
    for reduction in ["mean", "sum", "none"]:
        made[f"mse_loss, {reduction}"] = (lambda p, q, r=reduction: F.mse_loss(p, q, reduction=r), a, b)
        made[f"nll_loss, {reduction}"] = (lambda p, i, r=reduction: F.nll_loss(p, i, reduction=r), scores, classes)
        made[f"cross_entropy, {reduction}"] = (lambda p, i, r=reduction: F.cross_entropy(p, i, reduction=r), scores, classes)
    return made


def recurrent():
    sequence = x(3, 2, 3)
    return {
        "lstm": (Output(nn.LSTM(3, 2)), sequence),
        "lstm, two layers, both directions": (Output(nn.LSTM(3, 2, 2, bidirectional=True)), sequence),
        "lstm with states": (WithStates(nn.LSTM(3, 2)), sequence, x(1, 2, 2, k=3), x(1, 2, 2, k=4)),
        "lstm without bias": (Output(nn.LSTM(3, 2, bias=False, batch_first=True)), sequence),
        "gru": (nn.GRU(3, 2), sequence),
        "gru, both directions": (Output(nn.GRU(3, 2, bidirectional=True)), sequence),
        "rnn": (nn.RNN(3, 2), sequence),
        "rnn, relu": (Output(nn.RNN(3, 2, 2, nonlinearity="relu")), sequence),
        "lstm cell": (nn.LSTMCell(3, 2), x(2, 3), ),
        "gru cell": (nn.GRUCell(3, 2), x(2, 3), x(2, 2, k=2)),
        "rnn cell": (nn.RNNCell(3, 2), x(2, 3), x(2, 2, k=2)),
    }  # fmt: skip


class Output(nn.Module):
    """The sequence of outputs alone."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)[0]


class WithStates(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, h, c):
        y, (h, c) = self.inner(x, (h, c))
        return y, h, c


def layer_cases():
    return {
        **products(), **convolutions(), **pooling(), **resizing(), **normalizations(), **losses(), **recurrent(),
    }  # fmt: skip

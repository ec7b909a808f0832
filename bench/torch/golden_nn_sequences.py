"""Golden numbers for layers over sequences, in the form of golden_nn.py (float64).

Writes packages/core/test/golden/nn-sequences.json:
  init  parameters of recurrent stacks and one-dimensional convolutions made right after torch.manual_seed(seed)
  ops   conv1d, maxPool1d, avgPool1d, gru, lstm, rmsNorm, rotaryEmbedding. The result of gru is its output, and that of
        lstm is output, last h and last c, flattened and joined. `lengths`: packed sequences. PyTorch has no rotary
        embedding: it is written here with complex numbers, as in section 3.2.2 of the paper
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from golden_common import tensor_json, wave, write_golden
from golden_nn import INIT_SEED, case, with_options


def init_cases():
    """Stacks: their parameters are those of cells, one after the other."""
    table = [
        ("gru", "nn.GRU(3, 4)", lambda: nn.GRU(3, 4)),
        ("lstm", "nn.LSTM(3, 4)", lambda: nn.LSTM(3, 4)),
        ("lstm-stack", "nn.LSTM(3, 2, 2, bidirectional=True)", lambda: nn.LSTM(3, 2, 2, bidirectional=True)),
        ("conv1d", "nn.Conv1d(2, 4, 3)", lambda: nn.Conv1d(2, 4, 3)),
        ("conv1d-groups", "nn.Conv1d(4, 4, 3, groups=2)", lambda: nn.Conv1d(4, 4, 3, groups=2)),
    ]
    rows = []
    for name, call, make in table:
        torch.manual_seed(INIT_SEED)
        params = {key: tensor_json(value) for key, value in make().named_parameters()}
        rows.append({"name": name, "module": call, "seed": INIT_SEED, "params": params})
    return rows


def conv_cases():
    """One-dimensional convolution."""
    rows = []
    for name, channels, options in [
        ("plain", (2, 3), {}),
        ("stride-padding", (2, 2), {"stride": 2, "padding": 1}),
        ("dilation-groups", (4, 4), {"padding": 2, "dilation": 2, "groups": 2}),
    ]:
        c_in, c_out = channels
        weight = wave(c_out, c_in // options.get("groups", 1), 3, k=2, scale=0.5)
        inputs = {"input": wave(2, c_in, 7, k=1), "weight": weight, "bias": wave(c_out, k=3)}
        rows.append(case(name, with_options(F.conv1d, options), inputs, options))
    return rows


def pool_cases():
    """One-dimensional pooling."""
    overlap, two = {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 2}
    return {
        f"{kind}Pool1d": [
            case(name, with_options(fn, options), {"input": wave(2, 2, 6, k=1)}, options)
            for name, options in [("overlapping", overlap), ("two", two)]
        ]
        for kind, fn in [("max", F.max_pool1d), ("avg", F.avg_pool1d)]
    }


def recurrent_case(name, make, reverse=False, lengths=None, state=False):
    """A layer of width 3 on sequences [2, 5, 2]; in reverse, the second direction of a bidirectional layer."""
    module = make(2, 3, batch_first=True, bidirectional=reverse).double()
    has_cell, gates = isinstance(module, nn.LSTM), 4 if isinstance(module, nn.LSTM) else 3
    inputs = {
        "input": wave(2, 5, 2, k=1, scale=1.0),
        "weight_ih": wave(gates * 3, 2, k=2, scale=0.8),
        "weight_hh": wave(gates * 3, 3, k=3, scale=0.8),
        "bias_ih": wave(gates * 3, k=4, scale=0.3),
        "bias_hh": wave(gates * 3, k=5, scale=0.3),
    }
    if state:
        inputs |= {key: wave(2, 3, k=k, scale=0.9) for key, k in [("h", 6), ("c", 7)][: 1 + has_cell]}

    def run(input, h=None, c=None, **params):
        suffix = "_l0_reverse" if reverse else "_l0"
        tensors = {f"{key}{suffix}": value for key, value in params.items()}
        if reverse:
            tensors |= {f"{key}_l0": torch.zeros_like(value) for key, value in params.items()}
        start = None if h is None else (h[None], c[None]) if has_cell else h[None]
        packed = input if lengths is None else pack_padded_sequence(input, lengths, batch_first=True)
        output, last = torch.func.functional_call(module, tensors, (packed, start))
        if lengths is not None:
            output, _ = pad_packed_sequence(output, batch_first=True, total_length=input.shape[1])
        parts = [output[..., -3:], *(value[-1] for value in (last if has_cell else (last,)))]
        return torch.cat([value.reshape(-1) for value in parts])

    return case(name, run, inputs, {"reverse": reverse, "lengths": lengths})


def recurrent_cases():
    """GRU and LSTM, in both directions, from given states and on sequences of different lengths."""
    return {
        op: [
            recurrent_case("forward", make),
            recurrent_case("reverse", make, reverse=True),
            recurrent_case("state", make, state=True),
            recurrent_case("lengths", make, lengths=[4, 2]),
            recurrent_case("reverse-lengths", make, reverse=True, lengths=[5, 3]),
        ]
        for op, make in [("gru", nn.GRU), ("lstm", nn.LSTM)]
    }


def rms_norm_cases():
    """Normalization by the root mean square."""
    rows = []
    for name, shape, size in [("last-axis", (3, 4), [4]), ("last-two-axes", (2, 3, 2, 2), [2, 2])]:
        options = {"normalized_shape": size, "eps": 1e-6}
        inputs = {"input": wave(*shape, k=1), "weight": 1.0 + wave(*size, k=2, scale=0.3)}
        rows.append(case(name, with_options(F.rms_norm, options), inputs, options))
    return rows


def rotary(input, base, interleaved):
    """Pairs as complex numbers, times exp(i t base^(-2 k / d))."""
    length, width = input.shape[-2:]
    angle = torch.arange(length).double()[:, None] * base ** (-torch.arange(0, width, 2).double() / width)
    turn = torch.polar(torch.ones_like(angle), angle)
    halves = input.unflatten(-1, (-1, 2) if interleaved else (2, -1))
    real, imaginary = halves.unbind(-1 if interleaved else -2)
    turned = torch.complex(real, imaginary) * turn
    return torch.stack([turned.real, turned.imag], -1 if interleaved else -2).flatten(-2)


def rotary_cases():
    """Rotary embedding."""
    return [
        case(f"{name}-{base}", with_options(rotary, options), {"input": wave(2, 5, 6, k=1)}, options)
        for name, interleaved in [("halves", False), ("neighbors", True)]
        for base in (10000, 100)
        for options in [{"base": base, "interleaved": interleaved}]
    ]


def main():
    ops = {"conv1d": conv_cases(), **pool_cases(), **recurrent_cases()}
    ops |= {"rmsNorm": rms_norm_cases(), "rotaryEmbedding": rotary_cases()}
    write_golden("nn-sequences.json", "golden_nn_sequences.py", {"init": init_cases(), "ops": ops})


if __name__ == "__main__":
    main()

"""Golden numbers for layers, activations, losses (float64) and default initialization (float32).

Writes packages/core/test/golden/nn.json:
  init           parameters of one module made right after torch.manual_seed(seed), in named_parameters order
  initSequences  the same for several modules made one after the other from one seed: the first four values and
                 the sum of each parameter
  initializers   one call of torch.nn.init each on an empty tensor, from the same seed
  ops            per op a list of cases: `inputs` and `output` as {shape, data}; with s = sum(output *
                 outputWeights), `gradients` is ds/dinput for every float input, and `secondOrder` is
                 d(sum of squares of all gradients)/dinput. A case without a second derivative has zeros there.
Options carry PyTorch's names. Max-pool ties go to the first entry of the window in row-major order.
"""

import torch
import torch.nn.functional as F
from torch import nn

from golden_common import summary, tensor_json, wave, write_golden

INIT_SEED = 7


def case(name, fn, inputs, options=None, extra=None):
    """Run `fn(**inputs)`, and record it with first and second order gradients of the float inputs."""
    leaves = {key: value.clone() for key, value in inputs.items()}
    floats = [key for key, value in leaves.items() if value.is_floating_point()]
    for key in floats:
        leaves[key].requires_grad_()
    output = fn(**leaves)
    weights = torch.ones(()).double() if output.dim() == 0 else wave(*output.shape, k=99, scale=1.0)
    first = torch.autograd.grad((output * weights).sum(), [leaves[key] for key in floats], create_graph=True)
    record = {
        "name": name,
        "options": options or {},
        "inputs": {key: tensor_json(value) for key, value in leaves.items()},
        "output": tensor_json(output),
        "outputWeights": tensor_json(weights),
        "gradients": {key: tensor_json(value) for key, value in zip(floats, first)},
        "secondOrder": {key: tensor_json(value) for key, value in zip(floats, second_order(first, leaves, floats))},
    }
    return record | (extra or {})


def second_order(first, leaves, floats):
    """d(sum of squared gradients)/d(each float input), zeros where nothing depends on it."""
    norm = sum(g.square().sum() for g in first)
    inputs = [leaves[key] for key in floats]
    if not norm.requires_grad:
        return [torch.zeros_like(value) for value in inputs]
    grads = torch.autograd.grad(norm, inputs, allow_unused=True)
    return [torch.zeros_like(v) + (0 if g is None else g) for g, v in zip(grads, inputs)]


def init_cases():
    """Default initialization of one module from one seed."""
    table = [
        ("linear", "nn.Linear(5, 3)", lambda: nn.Linear(5, 3)),
        ("linear-without-bias", "nn.Linear(5, 3, bias=False)", lambda: nn.Linear(5, 3, bias=False)),
        ("conv2d", "nn.Conv2d(2, 4, 3)", lambda: nn.Conv2d(2, 4, 3)),
        ("conv2d-groups", "nn.Conv2d(4, 4, 3, groups=2)", lambda: nn.Conv2d(4, 4, 3, groups=2)),
        ("conv-transpose2d", "nn.ConvTranspose2d(2, 4, 3)", lambda: nn.ConvTranspose2d(2, 4, 3)),
        ("embedding", "nn.Embedding(7, 3)", lambda: nn.Embedding(7, 3)),
        ("embedding-below-16-values", "nn.Embedding(4, 3)", lambda: nn.Embedding(4, 3)),
        ("multihead-attention", "nn.MultiheadAttention(8, 2)", lambda: nn.MultiheadAttention(8, 2)),
        ("batch-norm", "nn.BatchNorm2d(4)", lambda: nn.BatchNorm2d(4)),
        ("layer-norm", "nn.LayerNorm(4)", lambda: nn.LayerNorm(4)),
        ("linear-float64", "nn.Linear(5, 3, dtype=torch.float64)", lambda: nn.Linear(5, 3, dtype=torch.float64)),
        (
            "multihead-attention-without-bias",
            "nn.MultiheadAttention(8, 2, bias=False)",
            lambda: nn.MultiheadAttention(8, 2, bias=False),
        ),
    ]
    rows = []
    for name, call, make in table:
        torch.manual_seed(INIT_SEED)
        module = make()
        params = {key: tensor_json(value) for key, value in module.named_parameters()}
        rows.append({"name": name, "module": call, "seed": INIT_SEED, "params": params})
    return rows


def initializer_cases():
    """torch.nn.init, uniform ones bit for bit, normal ones nearly."""
    table = [
        ("uniform", nn.init.uniform_, {"a": -0.3, "b": 0.7}),
        ("normal", nn.init.normal_, {"mean": 0.5, "std": 0.1}),
        ("kaimingUniform", nn.init.kaiming_uniform_, {}),
        ("kaimingUniform", nn.init.kaiming_uniform_, {"a": 0.1, "mode": "fan_out"}),
        ("kaimingNormal", nn.init.kaiming_normal_, {"a": 0.1}),
        ("kaimingNormal", nn.init.kaiming_normal_, {"mode": "fan_out"}),
        ("xavierUniform", nn.init.xavier_uniform_, {}),
        ("xavierUniform", nn.init.xavier_uniform_, {"gain": 5 / 3}),
        ("xavierNormal", nn.init.xavier_normal_, {"gain": 5 / 3}),
    ]
    rows = []
    for name, fn, options in table:
        for dtype in (torch.float32, torch.float64):
            for shape in ((3, 4), (4, 2, 3, 3)):
                torch.manual_seed(INIT_SEED)
                value = fn(torch.empty(shape, dtype=dtype), **options)
                call = {"name": name, "options": options, "dtype": str(dtype).removeprefix("torch.")}
                rows.append({**call, "seed": INIT_SEED, "value": tensor_json(value)})
    return rows


def sequence_case(name, seed, table):
    """Modules made one after the other from one seed."""
    torch.manual_seed(seed)
    modules = []
    for call, make in table:
        params = {key: summary(value) for key, value in make().named_parameters()}
        modules.append({"module": call, "params": params})
    return {"name": name, "seed": seed, "modules": modules}


def init_sequences():
    """A LeNet-like net and a small mixed one."""
    lenet = [
        ("nn.Conv2d(1, 6, 5)", lambda: nn.Conv2d(1, 6, 5)),
        ("nn.Conv2d(6, 16, 5)", lambda: nn.Conv2d(6, 16, 5)),
        ("nn.Linear(256, 120)", lambda: nn.Linear(256, 120)),
        ("nn.Linear(120, 10)", lambda: nn.Linear(120, 10)),
    ]
    mixed = [
        ("nn.Embedding(11, 8)", lambda: nn.Embedding(11, 8)),
        ("nn.MultiheadAttention(8, 2)", lambda: nn.MultiheadAttention(8, 2)),
        ("nn.LayerNorm(8)", lambda: nn.LayerNorm(8)),
        ("nn.Embedding(2, 3)", lambda: nn.Embedding(2, 3)),
        ("nn.Linear(8, 5)", lambda: nn.Linear(8, 5)),
    ]
    return [
        sequence_case("lenet", 12345, lenet),
        sequence_case("mixed", 3, mixed),
        sequence_case("seed-above-32-bits", 2**32 + 5, lenet[:1]),
    ]


def linear_cases():
    """Linear and embedding."""
    rows = torch.tensor([[0, 6, 2], [2, 2, 5]])
    return {
        "linear": [
            case("bias", F.linear, {"input": wave(4, 3, k=1), "weight": wave(2, 3, k=2), "bias": wave(2, k=3)}),
            case("no-bias-3d", F.linear, {"input": wave(2, 2, 3, k=1), "weight": wave(2, 3, k=2)}),
        ],
        "embedding": [case("repeated-rows", F.embedding, {"input": rows, "weight": wave(7, 3, k=1)})],
    }


def with_options(fn, options):
    """`fn` with its options bound."""
    return lambda **inputs: fn(**inputs, **options)


def conv_cases():
    """Convolution and its transpose; weights as PyTorch lays them out."""
    conv = []
    for name, size, channels, options in [
        ("plain", (5, 5), (2, 3), {}),
        ("stride-padding", (5, 6), (2, 2), {"stride": 2, "padding": 1}),
        ("dilation-groups", (6, 6), (4, 4), {"padding": 1, "dilation": 2, "groups": 2}),
        ("all", (7, 6), (4, 4), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
        ("unequal", (5, 6), (2, 2), {"stride": [2, 1], "padding": [0, 1], "dilation": [1, 2]}),
    ]:
        c_in, c_out = channels
        weight = wave(c_out, c_in // options.get("groups", 1), 3, 3, k=2, scale=0.5)
        inputs = {"input": wave(1, c_in, *size, k=1), "weight": weight, "bias": wave(c_out, k=3)}
        conv.append(case(name, with_options(F.conv2d, options), inputs, options))
    transpose = []
    for name, channels, options in [
        ("plain", (2, 3), {}),
        ("all", (4, 4), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}),
    ]:
        c_in, c_out = channels
        weight = wave(c_in, c_out // options.get("groups", 1), 3, 3, k=2, scale=0.5)
        inputs = {"input": wave(1, c_in, 2, 3, k=1), "weight": weight, "bias": wave(c_out, k=3)}
        transpose.append(case(name, with_options(F.conv_transpose2d, options), inputs, options))
    return {"conv2d": conv, "convTranspose2d": transpose}


def tied_plane():
    """A [1,2,5,5] input full of ties: integers 0, 1, 2, and one channel constant."""
    ties = (torch.arange(25).double() * 7 % 3).reshape(5, 5)
    return torch.stack([ties, torch.ones(5, 5).double()])[None]


def max_pool_case(name, x, options):
    """Max-pool with the indices it took (flat in the H*W plane)."""
    _, indices = F.max_pool2d(x, **options, return_indices=True)
    return case(name, with_options(F.max_pool2d, options), {"input": x}, options, {"indices": tensor_json(indices)})


def max_unpool_case(name, x, options):
    """Values put back at the places a max-pool of another tensor took."""
    pooled, indices = F.max_pool2d(x, **options, return_indices=True)
    values = wave(*pooled.shape, k=5)
    size = list(x.shape[2:])

    def unpool(input):
        return F.max_unpool2d(input, indices, **options, output_size=size)

    extra = {"indices": tensor_json(indices)}
    return case(name, unpool, {"input": values}, {**options, "output_size": size}, extra)


def pool_cases():
    """Max, average and un-pooling."""
    overlap = {"kernel_size": 3, "stride": 2, "padding": 1}
    two = {"kernel_size": 2, "stride": 2}
    average = []
    for include in (True, False):
        options = {**overlap, "count_include_pad": include}
        name = f"count-include-pad-{str(include).lower()}"
        average.append(case(name, with_options(F.avg_pool2d, options), {"input": wave(1, 2, 5, 5, k=1)}, options))
    return {
        "maxPool2d": [
            max_pool_case("overlapping", wave(1, 2, 5, 5, k=1), overlap),
            max_pool_case("overlapping-ties", tied_plane(), overlap),
            max_pool_case("two-by-two", wave(2, 1, 4, 4, k=1), two),
            max_pool_case("two-by-two-ties", tied_plane()[:, :, :4, :4], two),
        ],
        "avgPool2d": average,
        "maxUnpool2d": [
            max_unpool_case("two-by-two", wave(2, 1, 4, 4, k=1), two),
            max_unpool_case("odd-size", wave(1, 2, 5, 5, k=1), two),
            max_unpool_case("ties", tied_plane()[:, :, :4, :4], two),
        ],
    }


def batch_norm_case(name, x, training):
    """Batch norm with momentum 0.1, eps 1e-5; `running` holds the statistics before and after."""
    channels = x.shape[1]
    mean, var = wave(channels, k=4, scale=0.2), 1.0 + wave(channels, k=5, scale=0.2)
    after = {"mean": mean.clone(), "var": var.clone()}

    def run(input, weight, bias):
        return F.batch_norm(input, after["mean"], after["var"], weight, bias, training, momentum=0.1, eps=1e-5)

    inputs = {"input": x, "weight": 1.0 + wave(channels, k=2, scale=0.3), "bias": wave(channels, k=3)}
    record = case(name, run, inputs, {"training": training, "momentum": 0.1, "eps": 1e-5})
    before = {"mean": tensor_json(mean), "var": tensor_json(var)}
    record["running"] = {"before": before, "after": {key: tensor_json(value) for key, value in after.items()}}
    return record


def norm_cases():
    """Batch, layer and group normalization."""
    affine = {"weight": 1.0 + wave(4, k=2, scale=0.3), "bias": wave(4, k=3)}
    layer = {"normalized_shape": [4], "eps": 1e-5}
    plane = {"normalized_shape": [2, 2], "eps": 1e-5}
    group = {"num_groups": 2, "eps": 1e-5}
    plane_affine = {"weight": 1.0 + wave(2, 2, k=2, scale=0.3), "bias": wave(2, 2, k=3)}
    return {
        "batchNorm": [
            batch_norm_case("training-4d", wave(3, 2, 2, 2, k=1), True),
            batch_norm_case("training-2d", wave(5, 3, k=1), True),
            batch_norm_case("evaluation-4d", wave(3, 2, 2, 2, k=1), False),
        ],
        "layerNorm": [
            case("last-axis", with_options(F.layer_norm, layer), {"input": wave(3, 4, k=1), **affine}, layer),
            case(
                "last-two-axes",
                with_options(F.layer_norm, plane),
                {"input": wave(2, 3, 2, 2, k=1), **plane_affine},
                plane,
            ),
        ],
        "groupNorm": [
            case("two-groups", with_options(F.group_norm, group), {"input": wave(2, 4, 2, 2, k=1), **affine}, group)
        ],
    }


def attention_case(name, causal=False, allowed=None, memory=None):
    """nn.MultiheadAttention(8, 2, batch_first=True) of [2,4,8] on itself or `memory`; `allowed`: 1 where it may look."""
    module = nn.MultiheadAttention(8, 2, batch_first=True).double()
    mask = nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64) if causal else None
    if allowed is not None:
        mask = torch.tensor(allowed) == 0

    def run(input, memory=None, **params):
        names = {"in_proj_weight": "in_proj_weight", "in_proj_bias": "in_proj_bias"}
        names |= {"out_proj_weight": "out_proj.weight", "out_proj_bias": "out_proj.bias"}
        tensors = {names[key]: value for key, value in params.items()}
        source = input if memory is None else memory
        call = {"attn_mask": mask, "need_weights": True}
        return torch.func.functional_call(module, tensors, (input, source, source), call)[0]

    inputs = {
        "input": wave(2, 4, 8, k=1, scale=1.0),
        "in_proj_weight": wave(24, 8, k=2, scale=0.6),
        "in_proj_bias": wave(24, k=3, scale=0.3),
        "out_proj_weight": wave(8, 8, k=4, scale=0.6),
        "out_proj_bias": wave(8, k=5, scale=0.3),
    }
    options = {"embed_dim": 8, "num_heads": 2, "causal": causal}
    if memory is not None:
        inputs["memory"] = memory
    if allowed is not None:
        options["allowed"] = allowed
    return case(name, run, inputs, options)


def attention_cases():
    """Self-attention, plain, causal and masked; attention to another sequence."""
    allowed = [[1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    return [
        attention_case("full"),
        attention_case("causal", causal=True),
        attention_case("masked", allowed=allowed),
        attention_case("memory", memory=wave(2, 3, 8, k=6, scale=1.0)),
    ]


def activation_cases():
    """Element-wise activations on points that include 0 and both tails; softmaxes with large logits."""
    points = torch.tensor([-40.0, -3.0, -1.25, -0.5, -0.01, 0.0, 0.01, 0.3, 1.0, 2.5, 21.0, 40.0]).double()
    table = [
        ("relu", F.relu, {}),
        ("relu6", F.relu6, {}),
        ("leakyRelu", F.leaky_relu, {"negative_slope": 0.1}),
        ("gelu", F.gelu, {"approximate": "none"}),
        ("gelu", F.gelu, {"approximate": "tanh"}),
        ("elu", F.elu, {"alpha": 1.0}),
        ("elu", F.elu, {"alpha": 0.7}),
        ("softplus", F.softplus, {"beta": 1.0, "threshold": 20.0}),
        ("sigmoid", torch.sigmoid, {}),
        ("tanh", torch.tanh, {}),
        ("silu", F.silu, {}),
    ]
    cases = {}
    for op, fn, options in table:
        name = "-".join(str(value) for value in options.values()) or "plain"
        cases.setdefault(op, []).append(case(name, with_options(fn, options), {"input": points}, options))
    logits = torch.cat([wave(2, 4, k=1), torch.tensor([[1000.0, 0.0, -1000.0, 999.0]]).double()])
    for op, fn in [("softmax", F.softmax), ("logSoftmax", F.log_softmax)]:
        cases[op] = [
            case(f"dim-{dim}", with_options(fn, {"dim": dim}), {"input": x}, {"dim": dim})
            for dim, x in [(-1, logits), (1, wave(2, 3, 2, k=1))]
        ]
    return cases


def regression_loss_cases():
    """Mean squared and absolute error, with one exact tie; cosine similarity."""
    a, b = wave(3, 4, k=1), wave(3, 4, k=2)
    b[1, 2] = a[1, 2]
    cases = {}
    for op, fn in [("mseLoss", F.mse_loss), ("l1Loss", F.l1_loss)]:
        cases[op] = []
        for reduction in ("mean", "sum", "none"):
            options = {"reduction": reduction}
            cases[op].append(case(reduction, with_options(fn, options), {"input": a, "target": b}, options))
    options = {"dim": 1, "eps": 1e-8}
    cases["cosineSimilarity"] = [
        case("dim-1", with_options(F.cosine_similarity, options), {"x1": a, "x2": b}, options)
    ]
    alike = torch.tensor([1, -1, -1])
    cases["cosineEmbeddingLoss"] = [
        case(name, with_options(F.cosine_embedding_loss, options), {"input1": a, "input2": b, "target": alike}, options)
        for name, options in [("mean", {}), ("margin-sum", {"margin": 0.2, "reduction": "sum"})]
    ]
    return cases


def cross_entropy_cases():
    """Cross-entropy over classes: smoothing, class weights, ignored targets, pixels."""
    logits, target = 2.0 * wave(5, 4, k=1), torch.tensor([1, 3, 0, 2, 3])
    ignored = torch.tensor([1, -100, 0, 2, -100])
    pixels, labels = wave(2, 3, 2, 2, k=1), torch.tensor([[[0, 2], [1, 255]], [[2, 2], [255, 0]]])
    table = [
        ("mean", logits, target, {}, False),
        ("sum", logits, target, {"reduction": "sum"}, False),
        ("none", logits, target, {"reduction": "none"}, False),
        ("label-smoothing", logits, target, {"label_smoothing": 0.1}, False),
        ("ignore-index", logits, ignored, {"ignore_index": -100}, False),
        ("ignore-index-smoothing", logits, ignored, {"ignore_index": -100, "label_smoothing": 0.1}, False),
        ("class-weights", logits, target, {}, True),
        ("class-weights-smoothing-ignored", logits, ignored, {"label_smoothing": 0.1}, True),
        ("pixels-ignore-255", pixels, labels, {"ignore_index": 255}, False),
    ]
    cases = []
    for name, x, y, options, weighted in table:
        weight = torch.tensor([0.5, 1.0, 2.0, 1.5]).double() if weighted else None
        fn = with_options(F.cross_entropy, {**options, "weight": weight})
        listed = {**options, "weight": weight.tolist()} if weighted else options
        cases.append(case(name, fn, {"input": x, "target": y}, listed))
    return cases


def classification_loss_cases():
    """Cross-entropy, negative log-likelihood and binary cross-entropy."""
    nll_input = F.log_softmax(wave(5, 4, k=1), dim=1)
    nll = [
        case(
            "ignore-index",
            with_options(F.nll_loss, {"ignore_index": 2}),
            {"input": nll_input, "target": torch.tensor([1, 2, 0, 2, 3])},
            {"ignore_index": 2},
        ),
        case("mean", F.nll_loss, {"input": nll_input, "target": torch.tensor([1, 2, 0, 2, 3])}),
    ]
    logits = torch.tensor([[0.0, 1.2, -0.7], [40.0, -40.0, 2.2]]).double()
    target = torch.tensor([[0.0, 1.0, 0.3], [1.0, 0.0, 0.0]]).double()
    pos_weight = torch.tensor([0.5, 1.0, 3.0]).double()

    bce, inputs = F.binary_cross_entropy_with_logits, {"input": logits, "target": target}
    weighted = with_options(bce, {"pos_weight": pos_weight})
    binary = [
        case("mean", bce, inputs),
        case("pos-weight", weighted, inputs, {"pos_weight": pos_weight.tolist()}),
    ]
    return {"crossEntropy": cross_entropy_cases(), "nllLoss": nll, "binaryCrossEntropyWithLogits": binary}


def main():
    ops = linear_cases() | conv_cases() | pool_cases() | norm_cases()
    ops["multiheadAttention"] = attention_cases()
    ops |= activation_cases() | regression_loss_cases() | classification_loss_cases()
    content = {"init": init_cases(), "initSequences": init_sequences(), "initializers": initializer_cases(), "ops": ops}
    write_golden("nn.json", "golden_nn.py", content)


if __name__ == "__main__":
    main()

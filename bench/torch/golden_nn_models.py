"""Golden numbers for whole networks and for batch norm's running statistics.

Writes packages/core/test/golden/nn-models.json:
  models          loss and squared gradient norm of the benchmarks' nets (workloads_conv.py, workloads_mlp.py) and of
                  relatives on small images, float64, parameters and data by formula.py; the resnets with a quarter of
                  the channels. `secondNormSq` is the squared norm of d(gradNormSq)/d(parameters); `stateNormSq` the
                  sum of squares of all running statistics after the step, `evaluationLoss` the loss with them
  batchNormSteps  three training steps with momentum 0.3 on waves k = 1, 2, 3 that drift: output and statistics of each,
                  then the output of wave k = 4 in evaluation
  resnet18Init    start values of torchvision's resnet18 (its order of drawing, written down here): the first four values
                  and the sum of each parameter
  mobilenetInit   the same of a MobileNet
"""

import torch
import torch.nn.functional as F
from torch import nn

import formula
import workloads_conv as conv
from golden_common import summary, tensor_json, wave, write_golden
from workloads_common import first_order_values, second_order_values, squared_norm
from workloads_mlp import first_rows, mlp_loss, mlp_small_weights

DTYPE = torch.float64


def classification(name, module, shape, values, second=False):
    """Cross-entropy on one batch by formula."""
    module = formula.fill_parameters(module, DTYPE)
    x, target = values(shape, 1000, DTYPE), formula.labels(shape[:1], 1001, 10)
    measure = second_order_values if second else first_order_values
    record = {"name": name, "input": list(shape)}
    record |= measure(F.cross_entropy(module(x), target), list(module.parameters()))
    statistics = [b for b in module.buffers() if b.is_floating_point()]
    if statistics:
        record["stateNormSq"] = squared_norm(statistics).item()
        module.eval()
        record["evaluationLoss"] = F.cross_entropy(module(x), target).item()
    return record


def lenet():
    """LeNet-5 with ReLU and max-pooling."""
    features = [nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    linear = [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, nn.Flatten(), *linear)


def resnet18(width, stem):
    """ResNet-18 with `width` channels in its first stage, made of the benchmark's blocks."""
    if stem == "imagenet":
        layers = [nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.MaxPool2d(3, stride=2, padding=1)]
    else:
        layers = [conv.conv3(3, width, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    c_in = width
    for stage in range(4):
        c_out = width * 2**stage
        layers += [conv.BasicBlock(c_in, c_out, 1 if stage == 0 else 2), conv.BasicBlock(c_out, c_out, 1)]
        c_in = c_out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, 10))


def conv_norm(c_in, c_out, kernel, norm, stride=1, groups=1):
    """A convolution, and batch norm or a bias."""
    module = nn.Sequential()
    options = {"stride": stride, "padding": kernel // 2, "groups": groups, "bias": not norm}
    module.add_module("conv", nn.Conv2d(c_in, c_out, kernel, **options))
    if norm:
        module.add_module("norm", nn.BatchNorm2d(c_out))
    return module


class InvertedResidual(nn.Module):
    """MobileNetV2's block."""

    def __init__(self, c_in, c_out, stride, expansion, norm, activation):
        super().__init__()
        wide = c_in * expansion
        self.expand = conv_norm(c_in, wide, 1, norm) if expansion > 1 else None
        self.depthwise = conv_norm(wide, wide, 3, norm, stride, groups=wide)
        self.project = conv_norm(wide, c_out, 1, norm)
        self.activation, self.adds = activation, stride == 1 and c_in == c_out

    def forward(self, x):
        h = x if self.expand is None else self.activation(self.expand(x))
        h = self.project(self.activation(self.depthwise(h)))
        return x + h if self.adds else h


class SeparablePair(nn.Module):
    """Two depthwise-separable convolutions, the second with stride 2, the mean over pixels and a linear layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.ModuleDict({"depthwise": conv_norm(2, 2, 3, True, groups=2), "pointwise": conv_norm(2, 6, 1, True)})
        self.second = nn.ModuleDict(
            {"depthwise": conv_norm(6, 6, 3, True, 2, groups=6), "pointwise": conv_norm(6, 5, 1, True)}
        )
        self.linear = nn.Linear(5, 10)

    def forward(self, x):
        for block in (self.first, self.second):
            x = F.relu(block["pointwise"](F.relu(block["depthwise"](x))))
        return self.linear(x.mean((2, 3)))


class MobileNet(nn.Module):
    """MobileNetV2 for small images."""

    def __init__(self, inputs, stem, stages, expansion, head, activation, norm, stem_stride=1):
        super().__init__()
        self.activation = activation
        self.stem = conv_norm(inputs, stem, 3, norm, stem_stride)
        blocks, c_in = [], stem
        for number, stage in enumerate(stages):
            for k, c_out in enumerate(stage):
                stride = 2 if number > 0 and k == 0 else 1
                blocks.append(InvertedResidual(c_in, c_out, stride, expansion, norm, activation))
                c_in = c_out
        self.blocks = nn.ModuleList(blocks)
        self.head = conv_norm(c_in, head, 1, norm)
        self.linear = nn.Linear(head, 10)

    def forward(self, x):
        h = self.activation(self.stem(x))
        for block in self.blocks:
            h = block(h)
        return self.linear(self.activation(self.head(h)).mean((2, 3)))


class NormedConvnet(nn.Module):
    """Stages [3, 4] and [5] of convolutions with batch norm, each stage with max-pooling, on images of 8 x 8."""

    def __init__(self):
        super().__init__()
        sizes = [(1, 3), (3, 4), (4, 5)]
        self.convs = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in sizes])
        self.norms = nn.ModuleList([nn.BatchNorm2d(b) for _, b in sizes])
        self.linear = nn.Linear(20, 10)

    def forward(self, x):
        for k, (convolve, norm) in enumerate(zip(self.convs, self.norms)):
            x = F.relu(norm(convolve(x)))
            x = F.max_pool2d(x, 2) if k > 0 else x
        return self.linear(x.flatten(1))


class Recurrent(nn.Module):
    """Layers of `make` (nn.GRU or nn.LSTM) on sequences, and a linear layer on the last hidden values."""

    def __init__(self, make, inputs, width, layers, both):
        super().__init__()
        self.layers = make(inputs, width, layers, batch_first=True, bidirectional=both)
        self.linear = nn.Linear(width * (1 + both), 10)
        self.directions = 1 + both

    def forward(self, x):
        _, last = self.layers(x)
        hidden = last[0] if isinstance(last, tuple) else last
        return self.linear(torch.cat(list(hidden[-self.directions :]), dim=1))


class Attention(nn.Module):
    """Self-attention of two heads with rotary embeddings, pairs half of a head's width apart, as complex numbers."""

    def __init__(self, width, heads, causal):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.out_proj = nn.Linear(width, width, bias=False)
        self.heads, self.causal = heads, causal

    def turned(self, x):
        width = x.shape[-1]
        angle = torch.arange(x.shape[-2]).double()[:, None] * 10000.0 ** (-torch.arange(0, width, 2).double() / width)
        turned = torch.complex(*x.unflatten(-1, (2, -1)).unbind(-2)) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([turned.real, turned.imag], -1)

    def forward(self, x):
        q, k, v = (x @ self.in_proj_weight.T).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # PyTorch's fused attention has no second derivative.
        scores = self.turned(q) @ self.turned(k).mT / q.shape[-1] ** 0.5
        if self.causal:
            scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """RMSNorm and attention, RMSNorm and a gated perceptron."""

    def __init__(self, width, heads, hidden, causal):
        super().__init__()
        self.norm1 = nn.RMSNorm(width, eps=1e-6)
        self.self_attn = Attention(width, heads, causal)
        self.norm2 = nn.RMSNorm(width, eps=1e-6)
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, t):
        t = t + self.self_attn(self.norm1(t))
        n = self.norm2(t)
        return t + self.down(F.silu(self.gate(n)) * self.up(n))


class Transformer(nn.Module):
    """Blocks on vectors, RMSNorm, the mean over elements and a linear layer."""

    def __init__(self, inputs, width, heads, depth, hidden, causal):
        super().__init__()
        self.embedding = nn.Linear(inputs, width, bias=False)
        self.layers = nn.ModuleList([Block(width, heads, hidden, causal) for _ in range(depth)])
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 10, bias=False)

    def forward(self, x):
        t = self.embedding(x)
        for layer in self.layers:
            t = layer(t)
        return self.head(self.norm(t).mean(1))


class UNet(nn.Module):
    """U-Net with padded convolutions; its logits' mean over pixels."""

    def __init__(self, inputs, channels, norm):
        super().__init__()

        def pair(a, b):
            return nn.ModuleList([conv_norm(a, b, 3, norm), conv_norm(b, b, 3, norm)])

        self.encoder = nn.ModuleList([pair(a, b) for a, b in zip([inputs, *channels], channels)])
        small_first = channels[::-1]
        self.decoder = nn.ModuleList(
            [
                nn.ModuleDict({"up": nn.ConvTranspose2d(a, b, 2, stride=2), "pair": pair(2 * b, b)})
                for a, b in zip(small_first, small_first[1:])
            ]
        )
        self.head = nn.Conv2d(channels[0], 10, 1)

    def forward(self, x):
        def both(pair, h):
            return F.relu(pair[1](F.relu(pair[0](h))))

        down = []
        for level, pair in enumerate(self.encoder):
            down.append(both(pair, F.max_pool2d(down[-1], 2) if level > 0 else x))
        h = down.pop()
        for stage in self.decoder:
            h = both(stage["pair"], torch.cat([down.pop(), stage["up"](h)], 1))
        return self.head(h).mean((2, 3))


def segnet(shape):
    """The sum of two tasks' losses."""
    module = formula.fill_parameters(conv.SegNet(), DTYPE)
    count, _, height, width = shape
    target = formula.labels((count, height, width), 1001, 7)
    depth = formula.unit((count, 1, height, width), 1002, DTYPE)
    classes, distance = module(formula.signed(shape, 1000, DTYPE))
    loss = F.cross_entropy(classes, target) + F.l1_loss(distance, depth)
    return {"name": "segnet", "input": list(shape), **first_order_values(loss, list(module.parameters()))}


def mlp():
    """784-16-10-10 without biases, batch 20."""
    weights = mlp_small_weights(DTYPE)
    loss = mlp_loss(weights, *first_rows(20, DTYPE))
    return {"name": "mlp", "input": [20, 784], **second_order_values(loss, weights)}


def models():
    """Every net once."""
    return [
        mlp(),
        classification("lenet", lenet(), (2, 1, 28, 28), formula.unit, second=True),
        classification("convnet", conv.convnet(), (2, 1, 28, 28), formula.unit, second=True),
        classification("vgg6", conv.vgg6(), (1, 3, 32, 32), formula.signed),
        classification("resnet18", resnet18(16, "cifar"), (3, 3, 8, 8), formula.signed),
        classification("resnet18-imagenet", resnet18(16, "imagenet"), (3, 3, 20, 20), formula.signed),
        segnet((1, 3, 16, 32)),
        classification("convnet-norm", NormedConvnet(), (6, 1, 8, 8), formula.signed),
        classification("separable", SeparablePair(), (6, 2, 6, 6), formula.signed),
        classification("mobilenet", MobileNet(1, 4, [[4], [6, 6]], 3, 8, F.relu6, True), (6, 1, 8, 8), formula.signed),
        classification(
            "mobilenet-plain", MobileNet(2, 4, [[5], [5]], 2, 8, F.relu, False, 2), (4, 2, 12, 10), formula.signed
        ),
        classification("mobilenet-narrow", MobileNet(1, 4, [[4, 4]], 1, 8, F.relu, True), (6, 1, 6, 6), formula.signed),
        classification("recurrent-gru", Recurrent(nn.GRU, 3, 4, 2, True), (4, 5, 3), formula.signed, second=True),
        classification("recurrent-lstm", Recurrent(nn.LSTM, 3, 4, 2, False), (4, 5, 3), formula.signed, second=True),
        classification("transformer", Transformer(3, 8, 2, 2, 6, False), (4, 5, 3), formula.signed, second=True),
        classification("transformer-causal", Transformer(3, 8, 2, 1, 6, True), (4, 5, 3), formula.signed, second=True),
        classification("unet", UNet(2, [3, 4, 5], True), (3, 2, 8, 4), formula.signed),
        classification("unet-plain", UNet(1, [3, 4], False), (3, 1, 6, 4), formula.signed),
    ]


def batch_norm_steps(shape):
    """Running statistics over several steps."""
    channels = shape[1]
    module = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(channels, momentum=0.3).double()
    weight, bias = 1.0 + wave(channels, k=2, scale=0.3), wave(channels, k=3)
    with torch.no_grad():
        module.weight.copy_(weight)
        module.bias.copy_(bias)
    steps = []
    for k in (1, 2, 3):
        x = k * wave(*shape, k=k) + k * k
        output = module(x)
        running = {"mean": tensor_json(module.running_mean), "var": tensor_json(module.running_var)}
        steps.append({"input": tensor_json(x), "output": tensor_json(output), "running": running})
    module.eval()
    x = wave(*shape, k=4)
    evaluation = {"input": tensor_json(x), "output": tensor_json(module(x))}
    return {
        "weight": tensor_json(weight),
        "bias": tensor_json(bias),
        "steps": steps,
        "evaluation": evaluation,
    }


def resnet18_init(seed, width, classes):
    """torchvision: every layer's default in order of construction, then the convolutions anew in order of the tree."""
    torch.manual_seed(seed)
    convs, c_in = {"conv1": nn.Conv2d(3, width, 7, bias=False)}, width
    for stage in range(4):
        c_out = width * 2**stage
        for block in range(2):
            name = f"layer{stage + 1}.{block}"
            # The shortcut is made before the block that it belongs to.
            shortcut = nn.Conv2d(c_in, c_out, 1, bias=False) if c_in != c_out else None
            convs[f"{name}.conv1"] = nn.Conv2d(c_in, c_out, 3, bias=False)
            convs[f"{name}.conv2"] = nn.Conv2d(c_out, c_out, 3, bias=False)
            if shortcut is not None:
                convs[f"{name}.downsample.0"] = shortcut
            c_in = c_out
    linear = nn.Linear(8 * width, classes)
    for module in convs.values():
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    params = {f"{name}.weight": summary(module.weight) for name, module in convs.items()}
    params |= {f"fc.{name}": summary(value) for name, value in linear.named_parameters()}
    return {"seed": seed, "width": width, "classes": classes, "params": params}


def mobilenet_init(seed):
    """Every layer's default in order of the tree, then the convolutions anew."""
    torch.manual_seed(seed)
    module = MobileNet(1, 4, [[4], [6]], 3, 8, F.relu6, True)
    for weight in module.parameters():
        if weight.ndim == 4:
            nn.init.kaiming_normal_(weight, mode="fan_in", nonlinearity="relu")
    return {"seed": seed, "params": {name: summary(value) for name, value in module.named_parameters()}}


def main():
    steps = [batch_norm_steps((5, 3)), batch_norm_steps((3, 2, 2, 2))]
    init = resnet18_init(5, 8, 10)
    content = {"models": models(), "batchNormSteps": steps, "resnet18Init": init, "mobilenetInit": mobilenet_init(5)}
    write_golden("nn-models.json", "golden_nn_models.py", content)


if __name__ == "__main__":
    main()

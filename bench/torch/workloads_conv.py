"""The convolutional nets. Layouts NCHW, conv weights [out, in, 3, 3], parameters by formula.fill_parameters in
named_parameters() order (`bench.py --describe NAME` prints it), losses are means, SGD without momentum.

convnet              conv 1->16 (3x3, padding 1), relu, max-pool 2, conv 16->32 (3x3, padding 1), relu, max-pool 2,
                     flatten (channel, row, column), linear 1568->10; biases everywhere. x [64,1,28,28] = unit with
                     k = 1000, classes = labels with k = 1001, cross-entropy, lr 0.01.
                     Parameters: conv1.w, conv1.b, conv2.w, conv2.b, linear.w, linear.b.
convnet-second-order the same net and batch: the gradient, with respect to all parameters, of the squared norm of
                     the loss's gradient; no update.
resnet18             conv 3->64 (3x3, padding 1), bn, relu; four stages of two basic blocks with 64, 128, 256, 512
                     channels and first stride 1, 2, 2, 2; global average pool; linear 512->10. Basic block:
                     conv 3x3 (stride), bn, relu, conv 3x3, bn, + shortcut, relu; the shortcut is conv 1x1
                     (stride) and bn where the shape changes, else the identity. No conv has a bias, the linear
                     layer has. Batch norm in training mode: eps 1e-5, momentum 0.1, running statistics updated.
                     x [32,3,32,32] = signed with k = 1000, classes = labels with k = 1001, cross-entropy, lr 0.01.
                     Parameters: stem conv, stem bn (scale, shift), then per block conv1, bn1, conv2, bn2,
                     (shortcut conv, shortcut bn), then linear.w, linear.b.
vgg6                 six convs (3x3, padding 1, bias, relu) 3->64, 64->64, pool, 64->128, 128->128, pool, 128->256,
                     256->256, pool (max, 2); flatten; linear 4096->10. x [32,3,32,32], classes and loss as
                     resnet18, lr 0.01. Parameters: w, b of each conv, then linear.w, linear.b.
segnet               encoder with channels 32, 64, 128, 128: each stage conv 3x3 (padding 1, bias), relu, max-pool 2
                     with indices. Decoder, last stage first: max-unpool with the stage's indices, conv 3x3
                     (padding 1, bias) to 128, 64, 32, 32 channels, relu. Heads on the 32 channels: conv 3x3
                     (padding 1, bias) to 7 (cross-entropy, mean over pixels) and to 1 (L1, mean over pixels);
                     the loss is their sum. x [2,3,128,256] = signed with k = 1000, pixel classes [2,128,256] =
                     labels with k = 1001, depth [2,1,128,256] = unit with k = 1002; lr 0.01.
                     Parameters: w, b of the encoder convs, of the decoder convs in the order they run, of the
                     class head, of the depth head.

NAME-channels-last is NAME with parameters and images in PyTorch's channels-last memory format: the same numbers, a
layout that its convolutions often run faster in. Compare with the faster of the two.
"""

import torch
import torch.nn.functional as F
from torch import nn

import formula
from workloads_common import Workload, module_training, restorer, second_order_values, sgd, squared_norm


def conv3(c_in, c_out, stride=1, bias=True):
    """3x3, padding 1."""
    return nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=bias)


def classifier(build, shape, values, default_batch, layout):
    """Cross-entropy training of `build()` on one fixed batch; lr 0.01."""

    def make(dtype, batch):
        module = formula.fill_parameters(build(), dtype).to(memory_format=layout)
        count = batch or default_batch
        x = values((count, *shape), 1000, dtype).contiguous(memory_format=layout)
        target = formula.labels((count,), 1001, 10)
        return module_training(module, lambda: F.cross_entropy(module(x), target), sgd(0.01))

    return make


def convnet():
    """Two convs and a linear layer."""
    first = [conv3(1, 16), nn.ReLU(), nn.MaxPool2d(2)]
    second = [conv3(16, 32), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


def convnet_second_order(layout):
    """d||grad||^2/d(parameters) by double backward."""

    def make(dtype, batch):
        module = formula.fill_parameters(convnet(), dtype).to(memory_format=layout)
        count = batch or 64
        x = formula.unit((count, 1, 28, 28), 1000, dtype).contiguous(memory_format=layout)
        target = formula.labels((count,), 1001, 10)
        parameters = list(module.parameters())

        def step():
            loss = F.cross_entropy(module(x), target)
            gradients = torch.autograd.grad(loss, parameters, create_graph=True)
            torch.autograd.grad(squared_norm(gradients), parameters)
            return loss

        values = lambda: second_order_values(F.cross_entropy(module(x), target), parameters)  # noqa: E731
        return Workload(restorer(parameters), step, values, list(module.named_parameters()))

    return make


class BasicBlock(nn.Module):
    """Two 3x3 convs with batch norm around a shortcut."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1, self.bn1 = conv3(c_in, c_out, stride, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = conv3(c_out, c_out, bias=False), nn.BatchNorm2d(c_out)
        self.shortcut = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x), inplace=True)


def resnet18():
    """ResNet-18 with the stem for 32x32 images."""
    layers, c_in = [conv3(3, 64, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)], 64
    for c_out, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        layers += [BasicBlock(c_in, c_out, stride), BasicBlock(c_out, c_out, 1)]
        c_in = c_out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def vgg6():
    """Six convs and a linear layer."""
    layers, c_in = [], 3
    for c_out in (64, 64, None, 128, 128, None, 256, 256, None):
        if c_out is None:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [conv3(c_in, c_out), nn.ReLU(inplace=True)]
        c_in = c_out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * 4 * 4, 10))


class SegNet(nn.Module):
    """Encoder and decoder that share pooling indices, with two heads."""

    def __init__(self):
        super().__init__()
        channels = [32, 64, 128, 128]
        self.encoder = nn.ModuleList(conv3(a, b) for a, b in zip([3, *channels], channels))
        self.decoder = nn.ModuleList(conv3(a, b) for a, b in zip(channels[::-1], [128, 64, 32, 32]))
        self.classes, self.depth = conv3(32, 7), conv3(32, 1)

    def forward(self, x):
        indices = []
        for conv in self.encoder:
            x, places = F.max_pool2d(F.relu(conv(x)), 2, return_indices=True)
            indices.append(places)
        for conv, places in zip(self.decoder, reversed(indices)):
            x = F.relu(conv(F.max_unpool2d(x, places, 2)))
        return self.classes(x), self.depth(x)


def segnet(layout):
    """One SGD step on the sum of two tasks' losses."""

    def make(dtype, batch):
        module, count = formula.fill_parameters(SegNet(), dtype).to(memory_format=layout), batch or 2
        x = formula.signed((count, 3, 128, 256), 1000, dtype).contiguous(memory_format=layout)
        target = formula.labels((count, 128, 256), 1001, 7)
        depth = formula.unit((count, 1, 128, 256), 1002, dtype)

        def loss_of():
            classes, distance = module(x)
            return F.cross_entropy(classes, target) + F.l1_loss(distance, depth)

        return module_training(module, loss_of, sgd(0.01))

    return make


def in_layout(layout):
    """All workloads in one memory format."""
    return {
        "convnet": classifier(convnet, (1, 28, 28), formula.unit, 64, layout),
        "convnet-second-order": convnet_second_order(layout),
        "resnet18": classifier(resnet18, (3, 32, 32), formula.signed, 32, layout),
        "vgg6": classifier(vgg6, (3, 32, 32), formula.signed, 32, layout),
        "segnet": segnet(layout),
    }


WORKLOADS = {
    **in_layout(torch.contiguous_format),
    **{f"{name}-channels-last": make for name, make in in_layout(torch.channels_last).items()},
}

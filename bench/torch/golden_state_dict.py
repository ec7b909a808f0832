"""Golden numbers for a ResNet-18 under torchvision's names, and for a head of its own for each of two tasks on it.

Writes packages/core/test/golden/resnet18-state-dict.json: the names and shapes of the state_dict in its order, and what the
network says in float64 with element e of the p-th tensor filled by formula: a weight .3 sin(.7 p + 1.3 e + .1), a running
variance 1 + .1 sin(p + e). The images of task t are sin(.9 n + 1.7 c + .13 y + .29 x + t).
"""

import torch
import torch.nn.functional as F
from torch import nn

from golden_common import write_golden

WIDTH, CLASSES, HIDDEN = 4, 10, 6


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        if c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class Resnet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        for k in range(4):
            c_out = WIDTH * 2**k
            first = Block(c_out if k == 0 else c_out // 2, c_out, 1 if k == 0 else 2)
            setattr(self, f"layer{k + 1}", nn.Sequential(first, Block(c_out, c_out, 1)))
        self.fc = nn.Linear(8 * WIDTH, CLASSES)

    def features(self, x):
        h = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(h)))).mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


def fill(module, first=0):
    for p, (name, tensor) in enumerate(module.state_dict().items(), first):
        e = torch.arange(tensor.numel(), dtype=torch.float64)
        if name.endswith("num_batches_tracked"):
            continue
        values = 1 + 0.1 * torch.sin(p + e) if name.endswith("running_var") else 0.3 * torch.sin(0.7 * p + 1.3 * e + 0.1)
        tensor.copy_(values.reshape(tensor.shape))
    return module.double()


def images(task, count=2, side=40):
    axes = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in (count, 3, side, side)], indexing="ij")
    return torch.sin(sum(a * f for a, f in zip(axes, (0.9, 1.7, 0.13, 0.29))) + task)


if __name__ == "__main__":
    with torch.no_grad():
        net = fill(Resnet18().double())
        names = [[name, list(t.shape)] for name, t in net.state_dict().items()]
        logits = net.eval()(images(0))
        hidden = fill(nn.Sequential(nn.Linear(8 * WIDTH, HIDDEN), nn.BatchNorm1d(HIDDEN)).double(), 200)
        heads = [fill(nn.Linear(HIDDEN, 3).double(), 300), fill(nn.Linear(HIDDEN, 2).double(), 310)]
        net.train(), hidden.train()
        outputs = [head(F.relu(hidden(net.features(images(t))))) for t, head in enumerate(heads)]
    write_golden(
        "resnet18-state-dict.json",
        "golden_state_dict.py",
        {
            "width": WIDTH,
            "classes": CLASSES,
            "hidden": HIDDEN,
            "names": names,
            "logits": logits.tolist(),
            "training": {
                "outputs": [out.tolist() for out in outputs],
                "runningMean": net.bn1.running_mean.tolist(),
                "hiddenVariance": hidden[1].running_var.tolist(),
            },
        },
    )

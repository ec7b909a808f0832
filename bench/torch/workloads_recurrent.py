"""A recurrent net.

lstm                an LSTM 64->128 on sequences x [50,32,64] = signed with k = 1000 (time first), from zeros; the loss is
                    the mean of the squares of all hidden values; SGD, lr 0.01. Parameters by fill_parameters:
                    weight_ih [512,64], weight_hh [512,128], bias_ih, bias_hh, gates in the order i, f, g, o.
"""

from torch import nn

import formula
from workloads_common import module_training, sgd


def lstm(dtype, batch):
    """One SGD step."""
    module = formula.fill_parameters(nn.LSTM(64, 128), dtype)
    x = formula.signed((50, batch or 32, 64), 1000, dtype)
    return module_training(module, lambda: module(x)[0].square().mean(), sgd(0.01))


WORKLOADS = {"lstm": lstm}

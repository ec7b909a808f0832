"""Inputs of exported operators."""

import torch

from golden_common import wave


def x(*shape, k=0, scale=1.5):
    return wave(*shape, k=k, scale=scale).float()


def positive(*shape, k=0):
    return x(*shape, k=k).abs() + 0.25


def unit(*shape, k=0):
    """Between -0.9 and 0.9."""
    return x(*shape, k=k, scale=0.9)


def index(values):
    return torch.tensor(values)

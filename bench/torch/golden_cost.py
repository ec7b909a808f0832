"""Golden numbers for COST's inner objective, weight L_t - gamma L_g with its gradient in the adapter's factors (float64).

Writes packages/core/test/golden/cost.json. Random problems of two tasks: a shared linear layer with tanh, two linear heads,
squared errors; low-rank factors A and B of the shared weight; frozen losses, balance R, a batch of the inner step and the one
with the conflict. Two forms of L_g (Zhou et al., NeurIPS 2025, arXiv 2503.04046):
  paper      equations 7 and 9-11: max over samples of the balanced mean of the losses around theta + D, on the inner batch
  released   the program at github.com/zzpustc/COST, commit 28172e7, methods/teleportation.py, lines 94-117 and 167-174:
             noise on every parameter of a copy, without gradient; for each task the largest R |L - L_0| / delta over the samples on
             the batch with the conflict; the mean over tasks; L_t without a dead band
Directions are standard normal numbers of the library's own hash of seed, stream and index, written again here.
"""

import numpy as np
import torch

from golden_common import tensor_json, write_golden

SEED, SAMPLES, ALPHA = 7, 3, 8.0


def hash32(values):
    h = np.asarray(values, dtype=np.uint32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x735A2D97)
    return h ^ (h >> np.uint32(15))


def uniform(seed, stream, count):
    key = hash32([seed + (int(hash32([stream])[0]) >> 2)])
    return (hash32(hash32(np.arange(count)) ^ key) >> np.uint32(8)).astype(np.float64) * 2.0**-24


def normal_like(parameters, seed, sample):
    for i, p in enumerate(parameters):
        stream = 2 * (sample * len(parameters) + i)
        u, v = (uniform(seed, stream + k, p.numel()) for k in (0, 1))
        yield torch.from_numpy(np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)).reshape(p.shape)


def losses(parameters, x, y):
    weight, bias, *heads = parameters
    h = torch.tanh(x @ weight.T + bias)
    outputs = [h @ w.T + b for w, b in (heads[:2], heads[2:])]
    return torch.stack([((o[:, 0] - y[:, k]) ** 2).mean() for k, o in enumerate(outputs)])


def noisy(parameters, radius, sample, count):
    """The parameters, of which the first `count` have a perturbation of length `radius` each."""
    noise = list(normal_like(parameters[:count], SEED, sample))
    moved = [p + radius * n / n.norm() for p, n in zip(parameters, noise)]
    return moved + list(parameters[count:])


def paper(parameters, case, radius):
    weighted = [
        (case["balance"] * losses(noisy(parameters, radius, j, 2), *case["inner"])).mean() for j in range(SAMPLES)
    ]
    return torch.stack(weighted).max()


def released(parameters, case, radius):
    here = losses(parameters, *case["conflict"])
    copy = [p.detach() for p in parameters]
    sharp = [
        case["balance"] * (losses(noisy(copy, radius, j, len(copy)), *case["conflict"]) - here).abs()
        for j in range(SAMPLES)
    ]
    return torch.stack(sharp).max(dim=0)[0].mean() / radius


def evaluated(case, sharpness, weight, gamma, radius):
    A, B = (case[name].clone().requires_grad_() for name in "AB")
    shared, bias, *heads = case["parameters"]
    moved = [shared + ALPHA / A.shape[0] * B @ A, bias, *heads]
    preserve = (losses(moved, *case["inner"]) - case["frozen"]).abs().mean()
    improve = sharpness(moved, case, radius)
    value = weight * preserve - gamma * improve
    value.backward()
    return {
        "value": value.item(),
        "preserve": preserve.item(),
        "improve": improve.item(),
        "A": tensor_json(A.grad),
        "B": tensor_json(B.grad),
    }


def random_case(rng):
    draw = lambda *shape: torch.from_numpy(rng.normal(size=shape))
    return {
        "parameters": [draw(4, 3), draw(4), draw(1, 4), draw(1), draw(1, 4), draw(1)],
        "A": draw(2, 3),
        "B": 0.3 * draw(4, 2),
        "inner": (draw(5, 3), draw(5, 2)),
        "conflict": (draw(5, 3), draw(5, 2)),
        "frozen": torch.from_numpy(rng.uniform(0.5, 3, size=2)),
        "balance": torch.from_numpy(rng.uniform(0, 2, size=2)),
    }


def main():
    rng = np.random.default_rng(36)
    cases = []
    for _ in range(3):
        case = random_case(rng)
        names = ["weight", "bias", "firstWeight", "firstBias", "secondWeight", "secondBias"]
        cases.append(
            {
                **{name: tensor_json(p) for name, p in zip(names, case["parameters"])},
                **{name: tensor_json(case[name]) for name in ("A", "B", "frozen", "balance")},
                **{f"{b}{n.upper()}": tensor_json(t) for b in ("inner", "conflict") for n, t in zip("xy", case[b])},
                "paper": evaluated(case, paper, 1, 0.1, 1e-2),
                "released": evaluated(case, released, 10, 0.5, 1e-4),
            }
        )
    write_golden("cost.json", "golden_cost.py", {"seed": SEED, "samples": SAMPLES, "alpha": ALPHA, "cases": cases})


if __name__ == "__main__":
    main()

"""Golden numbers for optimizers, learning-rate schedules and gradient clipping (float64).

Writes packages/core/test/golden/optimizers.json:
  problem     start parameters W [3,2] and b [2]; a fixed sequence of 20 gradients; data X [5,3], Y [5,2] of
              the quadratic loss 1/(2*5) ||X W + b - Y||_F^2
  optimizers  each configuration's parameters after every step, `given`: driven by the fixed gradients (they do
              not depend on the parameters), `quadratic`: by the gradient of the loss (`loss` is the one before
              the step)
  schedules   `lr[t]`, the learning rate in force during step t = 0..29 (before the schedule is advanced)
  clipping    the norm reported and the gradients left by clip_grad_norm_ and clip_grad_value_
"""

import torch

from golden_common import tensor_json, wave, write_golden



class Lars(torch.optim.Optimizer):
    """LARS (arXiv 1708.03888, algorithm 1), which PyTorch lacks; the learning rate multiplies the velocity."""

    def __init__(self, params, lr, trust, momentum, weight_decay, eps, exclude_vectors):
        defaults = {"lr": lr, "trust": trust, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "eps": eps, "exclude_vectors": exclude_vectors})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                direction = w.grad
                if w.ndim > 1 or not group["exclude_vectors"]:
                    decay, size = group["weight_decay"], w.norm()
                    local = group["trust"] * size / (w.grad.norm() + decay * size + group["eps"])
                    direction = local * (w.grad + decay * w)
                velocity = self.state[w].setdefault("velocity", torch.zeros_like(w))
                velocity.mul_(group["momentum"]).add_(direction)
                w.sub_(group["lr"] * velocity)


class Lion(torch.optim.Optimizer):
    """Lion (arXiv 2302.06675, program 1), which PyTorch lacks."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                direction = (b1 * m + (1 - b1) * w.grad).sign()
                w.sub_(group["lr"] * (direction + group["weight_decay"] * w))
                m.mul_(b2).add_((1 - b2) * w.grad)


class Sam(torch.optim.SGD):
    """SAM (arXiv 2010.01412, algorithm 1 with eq. 2), which PyTorch lacks; the step is SGD's."""

    def __init__(self, params, rho, **options):
        super().__init__(params, **options)
        self.rho = rho

    def step(self, closure):
        """closure() computes the gradients at the parameters as they are."""
        weights = [w for group in self.param_groups for w in group["params"]]
        with torch.no_grad():
            norm = torch.sqrt(sum((w.grad**2).sum() for w in weights))
            starts = [w.clone() for w in weights]
            for w in weights:
                w.add_(self.rho * w.grad / norm)
        self.zero_grad()
        closure()
        with torch.no_grad():
            for w, start in zip(weights, starts):
                w.copy_(start)
        super().step()


STEPS = 20
SCHEDULE_STEPS = 30
OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "lars": Lars,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "lion": Lion,
    "sam": Sam,
}
CONFIGURATIONS = [
    ("sgd", "sgd", {"lr": 0.1}),
    ("sgd-weight-decay", "sgd", {"lr": 0.1, "weight_decay": 0.05}),
    ("sgd-momentum", "sgd", {"lr": 0.1, "momentum": 0.9}),
    ("sgd-momentum-dampening", "sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
    ("sgd-nesterov", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("sgd-nesterov-weight-decay", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("adagrad", "adagrad", {"lr": 0.1, "eps": 1e-10}),
    ("adagrad-lr-decay", "adagrad", {"lr": 0.1, "eps": 1e-10, "lr_decay": 0.01}),
    ("adagrad-initial-accumulator", "adagrad", {"lr": 0.1, "eps": 1e-10, "initial_accumulator_value": 0.1}),
    ("adagrad-weight-decay", "adagrad", {"lr": 0.1, "eps": 1e-10, "weight_decay": 0.05}),
    (
        "adagrad-all",
        "adagrad",
        {"lr": 0.1, "eps": 1e-10, "lr_decay": 0.01, "initial_accumulator_value": 0.1, "weight_decay": 0.05},
    ),
    ("rmsprop", "rmsprop", {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}),
    ("rmsprop-centered", "rmsprop", {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "centered": True}),
    ("rmsprop-momentum", "rmsprop", {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.9}),
    (
        "rmsprop-centered-momentum-weight-decay",
        "rmsprop",
        {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "centered": True, "momentum": 0.9, "weight_decay": 0.05},
    ),
    ("adam", "adam", {"lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8}),
    ("adam-amsgrad", "adam", {"lr": 0.05, "betas": [0.9, 0.9], "eps": 1e-8, "amsgrad": True}),
    ("adam-weight-decay", "adam", {"lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.05}),
    ("adamw", "adamw", {"lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}),
    ("adamw-weight-decay", "adamw", {"lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1}),
    (
        "adamw-amsgrad",
        "adamw",
        {"lr": 0.05, "betas": [0.9, 0.9], "eps": 1e-8, "weight_decay": 0.1, "amsgrad": True},
    ),
    (
        "lars",
        "lars",
        {"lr": 0.1, "trust": 0.1, "momentum": 0.9, "weight_decay": 0.0, "eps": 1e-8, "exclude_vectors": True},
    ),
    (
        "lars-weight-decay-everywhere",
        "lars",
        {"lr": 0.1, "trust": 0.1, "momentum": 0.0, "weight_decay": 0.05, "eps": 1e-8, "exclude_vectors": False},
    ),
    ("nadam", "nadam", {"lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8, "momentum_decay": 4e-3}),
    (
        "nadam-weight-decay",
        "nadam",
        {"lr": 0.05, "betas": [0.8, 0.99], "eps": 1e-8, "momentum_decay": 0.1, "weight_decay": 0.05},
    ),
    ("radam", "radam", {"lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8}),
    ("radam-weight-decay", "radam", {"lr": 0.05, "betas": [0.8, 0.9], "eps": 1e-8, "weight_decay": 0.05}),
    ("lion", "lion", {"lr": 0.01, "betas": [0.9, 0.99], "weight_decay": 0.0}),
    ("lion-weight-decay", "lion", {"lr": 0.01, "betas": [0.8, 0.9], "weight_decay": 0.1}),
    ("sam", "sam", {"lr": 0.1, "rho": 0.05, "momentum": 0.9}),
    ("sam-weight-decay", "sam", {"lr": 0.1, "rho": 0.3, "weight_decay": 0.05}),
]


def start():
    """The start parameters."""
    return {"W": wave(3, 2, k=1), "b": wave(2, k=2)}


def gradient_sequence():
    """20 gradients that shrink after step 10 (so amsgrad matters); b[1]'s is zero in the first three steps."""
    sequence = []
    for t in range(STEPS):
        size = 1.0 if t < 10 else 0.1
        gradient = {"W": size * wave(3, 2, k=10 + t), "b": size * wave(2, k=50 + t)}
        if t < 3:
            gradient["b"][1] = 0.0
        sequence.append(gradient)
    return sequence


def quadratic(params, x, y):
    """1/(2 n) ||X W + b - Y||_F^2 with n rows."""
    residual = x @ params["W"] + params["b"] - y
    return 0.5 * residual.square().sum() / x.shape[0]


def trajectory(kind, options, set_gradients):
    """Parameters after each step, flat; `set_gradients(params, t)` fills .grad and returns a loss or None."""
    params = {name: value.clone().requires_grad_() for name, value in start().items()}
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    # NAdam keeps its product of momenta in the default dtype, and float32 would cost nine digits.
    torch.set_default_dtype(torch.float64 if kind == "nadam" else torch.float32)
    optimizer = OPTIMIZERS[kind](list(params.values()), **settings)
    rows = []
    for t in range(STEPS):
        optimizer.zero_grad()
        loss = set_gradients(params, t)
        if kind == "sam":
            optimizer.step(lambda: set_gradients(params, t))
        else:
            optimizer.step()
        row = {name: value.detach().reshape(-1).tolist() for name, value in params.items()}
        rows.append(row if loss is None else {"loss": loss, **row})
    torch.set_default_dtype(torch.float32)
    return rows


def optimizer_case(name, kind, options, gradients, x, y):
    """One configuration on the given gradients and on the quadratic loss."""

    def given(params, t):
        for key, value in params.items():
            value.grad = gradients[t][key].clone()

    def from_loss(params, _t):
        loss = quadratic(params, x, y)
        loss.backward()
        return loss.item()

    return {
        "name": name,
        "optimizer": kind,
        "options": options,
        "given": trajectory(kind, options, given),
        "quadratic": trajectory(kind, options, from_loss),
    }


def new_sgd(lr):
    """An optimizer that only carries a learning rate."""
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


def schedule_case(name, kind, lr, options, build):
    """The learning rate of steps 0..29 under `build(optimizer)`."""
    optimizer = new_sgd(lr)
    scheduler = build(optimizer)
    rates = []
    for _ in range(SCHEDULE_STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"name": name, "schedule": kind, "baseLr": lr, "options": options, "lr": rates}


def warmup_cosine(optimizer):
    """Linear warm-up over 5 steps from a tenth, then a cosine over 25."""
    lib = torch.optim.lr_scheduler
    warmup = lib.LinearLR(optimizer, start_factor=0.1, end_factor=1.0, total_iters=5)
    cosine = lib.CosineAnnealingLR(optimizer, T_max=25, eta_min=0.001)
    return lib.SequentialLR(optimizer, [warmup, cosine], milestones=[5])


def plain_schedules():
    """Schedules that depend on the step only."""
    lib = torch.optim.lr_scheduler
    table = [
        ("step", "StepLR", lib.StepLR, {"step_size": 7, "gamma": 0.5}),
        ("multi-step", "MultiStepLR", lib.MultiStepLR, {"milestones": [8, 20], "gamma": 0.1}),
        ("exponential", "ExponentialLR", lib.ExponentialLR, {"gamma": 0.9}),
        ("cosine", "CosineAnnealingLR", lib.CosineAnnealingLR, {"T_max": 30, "eta_min": 0.001}),
        ("cosine-past-its-end", "CosineAnnealingLR", lib.CosineAnnealingLR, {"T_max": 10, "eta_min": 0.0}),
        ("linear-warmup", "LinearLR", lib.LinearLR, {"start_factor": 0.1, "end_factor": 1.0, "total_iters": 5}),
    ]
    cases = [
        schedule_case(name, kind, 0.1, options, lambda opt, make=make, options=options: make(opt, **options))
        for name, kind, make, options in table
    ]
    options = {
        "milestones": [5],
        "parts": [
            {"schedule": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 5},
            {"schedule": "CosineAnnealingLR", "T_max": 25, "eta_min": 0.001},
        ],
    }
    return [*cases, schedule_case("warmup-cosine", "SequentialLR", 0.1, options, warmup_cosine)]


def plateau_case(name, options, metrics):
    """ReduceLROnPlateau fed `metrics[t]` after step t; `lr[t]` was in force during it, `finalLr` after the last."""
    optimizer = new_sgd(0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    rates = []
    for metric in metrics:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(metric)
    return {
        "name": name,
        "schedule": "ReduceLROnPlateau",
        "baseLr": 0.1,
        "options": options,
        "metrics": metrics,
        "lr": rates,
        "finalLr": optimizer.param_groups[0]["lr"],
    }


def plateau_schedules():
    """Lower-is-better with a relative threshold, and higher-is-better with an absolute one."""
    falling = [1.0, 0.8, 0.7, 0.699, 0.698, 0.6975, 0.697, 0.5, 0.51, 0.52, 0.505, 0.503, 0.502, 0.501, 0.4999]
    falling += [0.49, 0.495, 0.493, 0.492, 0.491, 0.4905, 0.4902, 0.4901, 0.49, 0.49, 0.49, 0.3, 0.31, 0.29, 0.289]
    rising = [round(0.5 + 0.3 * (1 - 0.8**t) - 0.004 * (t % 3), 6) for t in range(SCHEDULE_STEPS)]
    low = {"mode": "min", "factor": 0.5, "patience": 2, "threshold": 0.01, "threshold_mode": "rel"}
    low |= {"cooldown": 1, "min_lr": 0.004, "eps": 1e-8}
    high = {"mode": "max", "factor": 0.1, "patience": 1, "threshold": 0.01, "threshold_mode": "abs"}
    high |= {"cooldown": 0, "min_lr": 0.0, "eps": 1e-8}
    return [plateau_case("plateau-min-rel", low, falling), plateau_case("plateau-max-abs", high, rising)]


def clip_case(kind, options, clip):
    """What `clip(parameters)` reports and leaves of the gradients W [3,2], b [2]."""
    gradients = {"W": wave(3, 2, k=7), "b": wave(2, k=8)}
    params = {name: torch.zeros_like(value, requires_grad=True) for name, value in gradients.items()}
    for name, value in params.items():
        value.grad = gradients[name].clone()
    norm = clip(list(params.values()))
    return {
        "clip": kind,
        "options": options,
        "gradients": {name: tensor_json(value) for name, value in gradients.items()},
        "totalNorm": None if norm is None else norm.item(),
        "clipped": {name: tensor_json(value.grad) for name, value in params.items()},
    }


def clip_cases():
    """Norms above and below the bound, in the 2-, 1- and infinity norm; and clipping by value."""
    cases = []
    for max_norm, norm_type in [(1.0, 2.0), (100.0, 2.0), (2.0, 1.0), (0.5, float("inf"))]:
        options = {"max_norm": max_norm, "norm_type": "inf" if norm_type == float("inf") else norm_type}
        cases.append(
            clip_case(
                "norm",
                options,
                lambda p, m=max_norm, n=norm_type: torch.nn.utils.clip_grad_norm_(p, m, norm_type=n),
            )
        )
    cases.append(clip_case("value", {"clip_value": 0.8}, lambda p: torch.nn.utils.clip_grad_value_(p, 0.8)))
    return cases


def main():
    x, y = wave(5, 3, k=3), wave(5, 2, k=4)
    gradients = gradient_sequence()
    content = {
        "problem": {
            "params": {name: tensor_json(value) for name, value in start().items()},
            "X": tensor_json(x),
            "Y": tensor_json(y),
            "loss": "sum((X W + b - Y)^2) / (2 * 5)",
            "gradients": [{name: g.reshape(-1).tolist() for name, g in row.items()} for row in gradients],
        },
        "optimizers": [optimizer_case(*row, gradients, x, y) for row in CONFIGURATIONS],
        "schedules": plain_schedules() + plateau_schedules(),
        "clipping": clip_cases(),
    }
    write_golden("optimizers.json", "golden_optimizers.py", content)


if __name__ == "__main__":
    main()

"""Golden values of multi-task methods on random Jacobians: a second implementation of each, in NumPy alone.

Formulas from the papers and the programs that the methods' files name. Quadratic programs are solved by enumeration of the active
constraints, which shares nothing with the library's solvers. Writes packages/core/test/golden/mtl-methods.json.
"""

import itertools
import json
from pathlib import Path

import numpy as np

PATH = Path(__file__).resolve().parents[2] / "packages" / "core" / "test" / "golden" / "mtl-methods.json"
RNG = np.random.default_rng(36)


def draw(*shape, low=None):
    """Random numbers of three digits: normal, or uniform from `low` to 3."""
    values = RNG.normal(size=shape) if low is None else RNG.uniform(low, 3, size=shape)
    return np.round(values, 3)


def quadratic_program(H, g, C, c, E=None, e=None):
    """argmin 1/2 x'Hx - g'x subject to Cx >= c and Ex = e; None if no point is feasible."""
    n = len(g)
    E, e = (np.zeros((0, n)), np.zeros(0)) if E is None else (E, e)
    best = (np.inf, None)
    for size in range(min(n - len(e), len(c)) + 1):
        for active in itertools.combinations(range(len(c)), size):
            A = np.vstack([E, C[list(active)]])
            b = np.concatenate([e, c[list(active)]])
            kkt = np.block([[H, -A.T], [A, np.zeros((len(b), len(b)))]])
            x = np.linalg.lstsq(kkt, np.concatenate([g, b]), rcond=None)[0][:n]
            if (C @ x < c - 1e-9).any() or np.abs(A @ x - b).max(initial=0) > 1e-9:
                continue
            value = x @ H @ x / 2 - g @ x
            if value < best[0] - 1e-12:
                best = (value, x)
    return best[1]


class Adam:
    """Adam for a vector, betas .9 and .999."""

    def __init__(self, n, rate):
        self.m, self.v, self.t, self.rate = np.zeros(n), np.zeros(n), 0, rate

    def step(self, x, g):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        return x - self.rate * (self.m / (1 - 0.9**self.t)) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def fair_grad(G, alpha=2):
    """G w = w^(-1 / alpha) by Newton's method on log w, damped."""
    y = np.zeros(len(G))
    for _ in range(500):
        w = np.exp(y)
        residual = G @ w - w ** (-1 / alpha)
        slope = G * w + np.diag(w ** (-1 / alpha)) / alpha
        y -= np.clip(np.linalg.solve(slope, residual), -0.5, 0.5)
    assert np.abs(residual).max() < 1e-10
    return np.exp(y)


def dibs():
    cases = []
    for K, P in [(3, 5), (4, 6)]:
        J = draw(K, P)
        norms = np.linalg.norm(J, axis=1)
        u, radius, steps = J / norms[:, None], 0.02, 5
        x, beta = np.zeros(P), np.zeros(K)
        for _ in range(steps):
            distance = np.linalg.norm(x + radius * u, axis=1)
            beta += distance * (radius / steps) / norms
            x = x - radius / steps * distance @ u
        cases.append({"jacobian": J, "one": 0.7 / norms, "five": beta, "radius": radius, "length": 0.7})
    return cases


def ldc():
    """normalization log: losses over those of the epoch's first step, sigmoid(relu(a))."""
    K, rate, lam = 3, 0.4, 0.05
    a, adam, steps = np.array([0.3] * K), Adam(K, rate), []
    first = None
    for epoch, is_first in [(0, True), (0, False), (0, False), (1, True), (1, False), (1, False)]:
        losses = draw(K, low=0.1)
        first = losses if is_first else first
        s = 1 / (1 + np.exp(-np.maximum(a, 0)))
        u = np.log(losses / first)
        signs = np.sign(s[:-1] * u[:-1] - s[1:] * u[1:])
        c = 1 / s.sum() + lam * (np.append(signs, 0) - np.append(0, signs))
        weights = s * c / losses
        a = adam.step(a, np.where(a > 0, c * u * s * (1 - s), 0))
        steps.append({"epoch": epoch, "losses": losses, "weights": weights, "a": a})
    return {"learningRate": rate, "initial": 0.3, "lambda": lam, "steps": steps}


def cons():
    """Losses 1/2 (h_k . z - y_k)^2 of shared parameters z and heads h_k: gradients of the heads with the term of agreement."""
    K, P, lam, limit = 3, 4, 0.8, 0.5
    z, heads, y = draw(P), draw(K, P), draw(K)
    error = heads @ z - y
    delta = error[:, None] * heads
    w = fair_grad(delta @ delta.T)
    D = w @ delta
    own = error[:, None] * z
    extra = -lam * (np.outer(heads @ D, z) + error[:, None] * D)
    ratio = limit * np.linalg.norm(own, axis=1) / (np.linalg.norm(extra, axis=1) + 1e-6)
    gradients = own + np.minimum(1, ratio)[:, None] * extra
    return {"z": z, "heads": heads, "y": y, "lambda": lam, "headLimit": limit, "weights": w, "gradients": gradients}


def min_norm(rows):
    K = len(rows)
    return quadratic_program(rows @ rows.T, np.zeros(K), np.eye(K), np.zeros(K), np.ones((1, K)), np.ones(1))


def moml():
    K, rate = 3, 0.05
    a, adam, steps = np.full(K, 1 / K), Adam(K, rate), []
    for _ in range(3):
        ahead = draw(K, K)
        w = softmax(a)
        rows = ahead.T @ (np.diag(w) - np.outer(w, w))
        rows /= np.linalg.norm(rows, axis=1)[:, None]
        a = adam.step(a, min_norm(rows) @ rows)
        steps.append({"ahead": ahead, "weights": softmax(a)})
    return {"learningRate": rate, "steps": steps}


def forum():
    cases = []
    for phi, scale in [(0.1, 1.0), (2.0, 0.2), (0.1, 5.0), (0.8, 0.9), (0.5, 2.0)]:
        K, P, rate = 3, 6, 0.05
        a, lam, adam, steps = np.full(K, 1 / K), np.zeros(K), Adam(K, rate), []
        for epoch in [0, 0, 1]:
            inner, outer = np.round(scale * draw(K, P) + 0.3, 3), draw(K, P) + 0.3
            losses, descended = draw(K, low=0.5), draw(K, low=0.1)
            w = softmax(a)
            qa = (np.diag(w) - np.outer(w, w)) @ (losses - descended)
            q = np.concatenate([qa, w @ inner])
            F = np.hstack([np.zeros((K, K)), outer / np.linalg.norm(outer, axis=1)[:, None]])
            square = q @ q
            pi = phi - F @ q / (square + 1e-8)
            rows = np.vstack([F, q])
            g = np.append(np.zeros(K), phi * (square + 1e-8))
            # Without the constant 2: LibMTL minimizes x'Hx - g'x.
            C = np.vstack([np.eye(K + 1), np.append(-pi, 1)])
            x = quadratic_program(2 * rows @ rows.T, g, C, np.zeros(K + 2), np.append(np.ones(K), 0)[None], np.ones(1))
            lam = lam + (x[:K] - lam) / (epoch + 1) ** 0.75
            nu = max(0, lam @ pi)
            direction = lam @ F + nu * q
            a = adam.step(a, direction[:K])
            steps.append(
                {
                    "epoch": epoch,
                    "inner": inner,
                    "outer": outer,
                    "losses": losses,
                    "descended": descended,
                    "direction": direction[K:],
                    "lambda": lam,
                    "a": a,
                }
            )
        cases.append({"phi": phi, "learningRate": rate, "steps": steps})
    return cases


def pcd():
    cases = []
    for K, P, tau in [(3, 5, 0.02), (4, 6, 0.4), (4, 3, 0.1), (2, 3, 0.9), (5, 4, 0.05)]:
        tau = np.full(K - 1, tau) if K != 4 else np.array([tau, 0.0, tau / 2])
        m, beta, eps, steps = np.zeros(K), 0.9, 1e-8, []
        for t in range(3):
            J = draw(K, P)
            m = beta * m + (1 - beta) * (J * J).sum(1)
            scale = 1 / np.sqrt(m / (1 - beta ** (t + 1)) + eps)
            u = scale[:, None] * J
            d = quadratic_program(np.eye(P), u[0], u[1:], tau * (u[1:] ** 2).sum(1))
            feasible = d is not None
            d = u[0] if d is None else d
            length = np.linalg.norm(d)
            steps.append(
                {
                    "jacobian": J,
                    "feasible": feasible,
                    "direction": d * np.linalg.norm(J[0]) / length,
                }
            )
        cases.append({"tau": tau, "beta": beta, "steps": steps})
    return cases


def projected(G, U):
    K = len(G)
    return sum(quadratic_program(G, np.zeros(K), np.eye(K), u) for u in U)


def projectors():
    cases = []
    for K, P, scale in [(3, 4, [1, 1, 1]), (3, 5, [100, 1, 0.01]), (4, 6, [1, 3, 0.2, 5])]:
        J = np.round(np.array(scale)[:, None] * draw(K, P), 4)
        G, p = J @ J.T, np.full(K, 1 / K)
        regular = G / np.trace(G) + 1e-4 * np.eye(K)
        cases.append(
            {
                "jacobian": J,
                "upGrad": {"regularized": projected(regular, np.diag(p)) @ J, "exact": projected(G, np.diag(p)) @ J},
                "dualProj": {"regularized": projected(regular, [p]) @ J, "exact": projected(G, [p]) @ J},
            }
        )
    return cases


def cr_mogm():
    alpha, smooth = 0.75, np.array([0.2, 0.3, 0.5])
    steps = []
    for _ in range(3):
        J = draw(3, 5)
        smooth = alpha * smooth + (1 - alpha) * min_norm(J)
        steps.append({"jacobian": J, "weights": smooth})
    return {"alpha": alpha, "initialWeights": [0.2, 0.3, 0.5], "steps": steps}


def auto_lambda():
    """The derivative of the primary losses after the virtual step in the weights, a themselves or softmax(a)."""
    cases = []
    for weights in ["free", "softmax"]:
        K, rate, primary = 3, 0.05, [0, 2]
        a, adam, steps = np.full(K, 0.1), Adam(K, rate), []
        for _ in range(3):
            ahead = draw(K, K)
            w = softmax(a)
            slope = ahead[:, primary].sum(1)
            a = adam.step(a, slope if weights == "free" else (np.diag(w) - np.outer(w, w)) @ slope)
            steps.append({"ahead": ahead, "weights": a if weights == "free" else softmax(a)})
        cases.append({"form": weights, "learningRate": rate, "initial": 0.1, "primary": primary, "steps": steps})
    return cases


def dwa():
    """The form with windows of steps: equal weights until two windows are full."""
    K, window, temperature, losses, steps = 3, 3, 2.0, [], []
    for _ in range(8):
        losses.append(draw(K, low=0.1))
        weights = np.full(K, 1 / K)
        if len(losses) >= 2 * window:
            last = np.array(losses[-2 * window :])
            weights = softmax(last[window:].mean(0) / last[:window].mean(0) / temperature)
        steps.append({"losses": losses[-1], "weights": weights})
    return {"window": window, "temperature": temperature, "steps": steps}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.floating, np.bool_)) else value


SECTIONS = [dibs, ldc, cons, moml, forum, pcd, projectors, cr_mogm, auto_lambda, dwa]
content = {section.__name__: plain(section()) for section in SECTIONS}
origin = f"made by bench/torch/golden_mtl_methods.py with NumPy {np.__version__}"
lines = [f'  "{name}": {json.dumps(value, allow_nan=False)}' for name, value in content.items()]
PATH.write_text("{\n" + ",\n".join([f'  "origin": {json.dumps(origin)}', *lines]) + "\n}\n")
print(PATH, PATH.stat().st_size, [[s["feasible"] for s in c["steps"]] for c in content["pcd"]])

// The first step of methods that train, draw or keep something, on nine Jacobians. Expected numbers: golden/mtl-stateful.json.

import { readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import type { HostAdamState } from "../../../src/mtl/kernels/adam-on-host.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { geometricLoss } from "../../../src/mtl/methods/geometric-loss.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { type GradVacState, gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { imtlHybrid } from "../../../src/mtl/methods/imtl-hybrid.js";
import { moco } from "../../../src/mtl/methods/moco.js";
import { uncertaintyWeighting } from "../../../src/mtl/methods/uncertainty-weighting.js";
import { goldenLedger } from "./golden-ledger.js";
import {
  directionOf,
  expectNumbers,
  fakeRng,
  firstGradient,
  type Golden,
  inputOf,
  type Rows,
} from "./stateful-support.js";

interface FirstStep {
  error?: string;
  losses?: number[];
  direction: Golden;
  returned_weights: Golden;
  loss_scale_grad: number[];
  rho_after: Rows;
  U: number[];
}

const { matrices } = readGolden<{ matrices: Record<string, Rows> }>("mtl-stateful.json");
const { golden, unread } = goldenLedger<Record<string, Record<string, FirstStep>>>(
  "mtl-stateful.json",
  "firstStep",
);

type Trained = "loss_scale_grad" | "rho_after";

interface Row {
  readonly method: MultiTaskMethod<unknown>;
  readonly tolerance: number;
  /** Whether the reference returns the weights of the gradients: GLS leaves its mean out of them, others return ones. */
  readonly weights?: false;
  /** What the file has of the state after the step. */
  readonly trained?: readonly [Trained, (state: never) => ArrayLike<number>];
}

const row = <S>(
  method: MultiTaskMethod<S>,
  tolerance: number,
  more: Omit<Row, "method" | "tolerance"> = {},
) => ({ method, tolerance, ...more }) as Row;

const ofAdam = ({ adam }: { readonly adam: HostAdamState }) => firstGradient(adam);

const table: Record<string, Row> = {
  "LibMTL GLS": row(geometricLoss(), 1e-12, { weights: false }),
  "LibMTL UW(s=-0.5)": row(uncertaintyWeighting({ initial: -0.5 }), 1e-12, {
    trained: ["loss_scale_grad", ofAdam],
  }),
  "LibMTL IMTL(hybrid, s=0)": row(imtlHybrid(), 1e-8, { trained: ["loss_scale_grad", ofAdam] }),
  "LibMTL DB_MTL(step1,beta=0.9,sigma=0)": row(dbMtl(), 1e-7, { weights: false }),
  "LibMTL GradVac(step1,beta=0.5,rho0=0,order=identity)": row(gradVac(), 1e-7, {
    weights: false,
    trained: ["rho_after", ({ rho }: GradVacState) => rho],
  }),
  "LibMTL ExcessMTL(step1)": row(excessMtl(), 1e-7),
  "LibMTL MoCo(step1)": row(moco(), 1e-7),
  "GradDrop(U given)": row(gradDrop(), 1e-12),
};

it("has a row for every golden first step", () => {
  expect(Object.keys(table).sort()).toEqual(Object.keys(golden).sort());
});

describe.each(Object.entries(table))("%s", (key, { method, tolerance, weights, trained }) => {
  it.each(Object.keys(golden[key]))("is reproduced on %s", (name) => {
    const expected = golden[key][name];
    const rows = matrices[name];
    const losses = expected.losses ?? rows.map(() => 1);
    const input = inputOf(losses, rows, { rng: fakeRng({ next: expected.U ?? [] }) });
    const combination = method.combine(input, method.init(rows.length));
    const d = directionOf(rows, combination);
    if (expected.error !== undefined || expected.direction.includes(null)) {
      // Where the reference fails, a finite direction is all there is to ask for.
      expect(d.every(Number.isFinite)).toBe(true);
    } else {
      expectNumbers(d, expected.direction, tolerance);
    }
    if (expected.error !== undefined) return;
    if (trained) expectNumbers(trained[1](combination.state as never), expected[trained[0]].flat(), 1e-6);
    if (!expected.returned_weights || weights === false || expected.returned_weights.includes(null)) return;
    const { lambda } = combination.state as { lambda?: Float64Array };
    expectNumbers(combination.weights ?? lambda, expected.returned_weights, tolerance);
  });
});

it("leaves no number of the golden first steps aside but those that are no weights", () => {
  const aside = Object.keys(table).filter((key) => table[key].weights === false);
  expect(unread()).toEqual(
    aside.flatMap((key) => Object.keys(matrices).map((name) => `${key}/${name}/returned_weights/*`)),
  );
});

import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { dibsMtl } from "../../../src/mtl/methods/dibs-mtl.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { gradNorm } from "../../../src/mtl/methods/grad-norm.js";
import { gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { imtlHybrid } from "../../../src/mtl/methods/imtl-hybrid.js";
import { imtlL } from "../../../src/mtl/methods/imtl-l.js";
import { moco } from "../../../src/mtl/methods/moco.js";
import { randomLossWeighting } from "../../../src/mtl/methods/random-loss-weighting.js";
import { stch } from "../../../src/mtl/methods/stch.js";
import { uncertaintyWeighting } from "../../../src/mtl/methods/uncertainty-weighting.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";

describe("options", () => {
  it.each([
    ["learningRate", () => famo({ learningRate: 0 })],
    ["gamma", () => famo({ gamma: -1 })],
    ["minLosses", () => famo({ minLosses: [NaN] })],
    ["temperature", () => dwa({ temperature: 0 })],
    ["window", () => dwa({ window: 0 })],
    ["distribution", () => randomLossWeighting({ distribution: "uniform" as never })],
    ["initial", () => uncertaintyWeighting({ initial: Infinity })],
    ["learningRate", () => imtlL({ learningRate: -1 })],
    ["initial", () => imtlHybrid({ initial: NaN })],
    ["mu", () => stch({ mu: 0 })],
    ["warmupEpoch", () => stch({ warmupEpoch: -1 })],
    ["alpha", () => gradNorm({ alpha: -1 })],
    ["initialLosses", () => gradNorm({ initialLosses: "never" as never })],
    ["beta", () => dbMtl({ beta: 1 })],
    ["stepSize", () => excessMtl({ stepSize: NaN })],
    ["leak", () => gradDrop({ leak: 2 })],
    ["clipNorm", () => gradDrop({ clipNorm: -1 })],
    ["blocks", () => gradVac({ blocks: [0] })],
    ["rho", () => moco({ rho: -1 })],
    ["has no option", () => moco({ lambda: 1 } as never)],
  ])("that make no sense are rejected: %s", (name, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(name);
  });

  it.each([
    [
      'stch: warmupEpoch is for variant "nadir"; this is "published".',
      () => stch({ variant: "published", warmupEpoch: 1 }),
    ],
    ['stch: preference is for variant "published"; this is "nadir".', () => stch({ preference: [1, 2] })],
    [
      'stch: reference is for variant "published"; this is "nadir".',
      () => stch({ variant: "nadir", reference: 0 }),
    ],
    ["dibsMtl: radius is for several steps; this is one.", () => dibsMtl({ radius: 0.1 })],
    ["dibsMtl: length is for one step; these are 5.", () => dibsMtl({ steps: 5, length: 2 })],
    [
      'upGrad: regEpsilon is for projector "regularized"; this is "exact".',
      () => upGrad({ projector: "exact", regEpsilon: 0 }),
    ],
  ])("that have no effect in a method's form are rejected: %s", (message, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});

import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { log } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { improveBySharpnessOptions } from "../../../src/mtl/cost/adapter/improve.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import { costPresets } from "../../../src/mtl/cost/presets.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { adam } from "../../../src/optim/adam.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { attempt, expectNoConflicts, numbersOf, type Options, taskCounts } from "./cost-support.js";
import { netLosses, type SmallNet, smallNet } from "./support.js";

describe("a COST teleport", () => {
  expectNoConflicts(taskCounts.slice(0, 1));

  describe("by differences of gradients", () => {
    expectNoConflicts(taskCounts.slice(0, 1), { improve: { kind: "cosine", derivatives: "differences" } });
  });

  it("keeps the optimizer's moments by default, and counts an attempt", async () => {
    const { change } = await attempt({ guard: { drift: 0.5 } });
    expect(Object.keys(change ?? {}).sort()).toEqual(["event", "memory", "params"]);
    expect(change?.memory).toEqual({ step: 0, epoch: 1, inEpoch: 1 });
  });

  it("halves a displacement that moves the losses too far", async () => {
    const inner = { learningRate: 0.05, steps: 20 };
    const free = await attempt({ inner, guard: { drift: 10, samples: 64 } });
    const moved = free.report.drift?.worstRelative ?? 0;
    const { report } = await attempt({ inner, guard: { drift: moved / 3, samples: 64 } });
    expect(report.outcome).toBe("accepted");
    expect(report.halvings).toBeGreaterThan(0);
    expect(report.fraction).toBe(0.5 ** report.halvings);
    expect(report.displacement).toBeCloseTo(free.report.displacement * report.fraction, 10);
    expect(report.drift?.worstRelative).toBeLessThanOrEqual(moved / 3);
  });

  it("gives up when halving does not help, and then changes nothing", async () => {
    const { change, report } = await attempt({ guard: { drift: 0 } });
    expect(change).not.toHaveProperty("params");
    expect(change).not.toHaveProperty("optimizer");
    expect(change).not.toHaveProperty("reuse");
    expect(report).toMatchObject({ outcome: "rejected", halvings: 3, fraction: 0, displacement: 0 });
    expect(report.reason).toMatch(/the loss of task \d moves most, by .* of its size, more than 0/);
    expect(report.after).toBeUndefined();
  });

  it("says when a displacement is too small to matter", async () => {
    const { report } = await attempt({ inner: { learningRate: 1e-5, steps: 3 } });
    expect(report.outcome).toBe("negligible");
    expect(report.reason).toContain("too little to matter");
    expect(report.displacement).toBeLessThan(0.01);
  });

  it("moves nothing in the control without L_g", async () => {
    const { change, report } = await attempt({ improve: { kind: "none" } });
    expect(report).toMatchObject({ outcome: "negligible", reason: "D is zero: nothing was moved" });
    expect(change).not.toHaveProperty("params");
  });

  it("moves at random, as far as the trust region goes, under the same guard", async () => {
    const { report } = await attempt({ move: "random", guard: { drift: 10 } });
    expect(report).toMatchObject({ outcome: "accepted", move: "random" });
    for (const ratio of Object.values(report.displacements)) expect(ratio).toBeCloseTo(0.1, 12);
    expect((await attempt({ move: "random", guard: { drift: 0 } })).report.outcome).toBe("rejected");
  });

  it("refuses losses that are not finite", async () => {
    // log of a negative number for the second task.
    const broken: TaskLosses<SmallNet> = (params, batch, context) => {
      const [first, second] = netLosses(2)(params, batch, context);
      return [first, log(mul(second, constant(-1, "float64")))];
    };
    const { change, report } = await attempt({}, { taskLosses: broken });
    expect(report).toMatchObject({ outcome: "rejected", reason: "the loss of task 1 is NaN" });
    expect(change).not.toHaveProperty("params");
  });

  it("refuses a point whose losses are not finite, even without a guard", async () => {
    const { report, change } = await attempt({ guard: false, trust: false, inner: { learningRate: 1e300 } });
    expect(report.outcome).toBe("rejected");
    expect(report.reason).toContain("finite");
    expect(change).not.toHaveProperty("params");
  });

  it("does nothing without a conflict of the kind, or when it is not due", async () => {
    for (const trigger of ["dominated", "weak", "many", "released"] as const) {
      const options = { trigger, move: "random", guard: false } as const;
      expect((await attempt(options)).report.trigger).toBe(trigger);
      // Another network, without any.
      expect((await attempt(options, { netSeed: 2 })).change).toBeUndefined();
    }
    expect((await attempt({ schedule: { start: { epoch: 2 } } })).change).toBeUndefined();
    const memory = { step: 0, epoch: 1, inEpoch: 1 };
    expect((await attempt({ schedule: { perEpoch: 1 } }, { step: 4, memory })).change).toBeUndefined();
  });

  it("hands out a fresh state, or sigma for the step", async () => {
    const reset = await attempt({
      guard: false,
      state: { policy: "reset" },
      optimizer: adam(),
    });
    expect(reset.change?.params).toBeDefined();
    expect(reset.change?.optimizer).toEqual(adam().init(reset.params));
    const P = numbersOf(reset.params.shared).flat().length;
    const direction = async () => new Float64Array(P).fill(1);
    const reuse = { guard: false, state: { policy: "reuse" } } as const;
    const { change, report } = await attempt(reuse, { direction });
    expect(change?.reuse).toBe(report.sigma);
    expect(Math.abs(report.sigma ?? 0)).toBeGreaterThan(0);
    const opposite = await attempt({ ...reuse, state: { policy: "reuse", sign: "descent" } }, { direction });
    expect(opposite.report.sigma).toBe(-(report.sigma ?? 0));
    const without = await attempt({ ...reuse, state: { policy: "reuse", effective: false } }, { direction });
    expect(without.change).not.toHaveProperty("reuse");
    expect(without.report.sigma).toBe(report.sigma);
  });

  it("keeps the moments, and says so, where the direction before the move is not finite", async () => {
    const P = numbersOf(smallNet(2).shared).flat().length;
    const direction = async () => new Float64Array(P).fill(Number.NaN);
    const { change, report } = await attempt({ guard: false, state: { policy: "reuse" } }, { direction });
    expect(change?.params).toBeDefined();
    expect(change).not.toHaveProperty("reuse");
    expect(report.note).toBe("kept: the gradient before the teleport is not finite");
  });

  it.each(["default", "paper", "released"] as const)("runs with the preset %s", async (preset) => {
    const P = numbersOf(smallNet(2).shared).flat().length;
    const { report, change } = await attempt(
      { preset },
      { direction: async () => new Float64Array(P).fill(1), stepsPerEpoch: 3, epoch: 50, dtype: "float32" },
    );
    expect(["accepted", "negligible"]).toContain(report.outcome);
    expect(change?.params).toBeDefined();
    expect(change?.reuse === undefined).toBe(preset !== "paper");
    expect(report.sigma === undefined).toBe(preset === "default");
  });

  describe("as in the authors' program", () => {
    const P = numbersOf(smallNet(2).shared).flat().length;
    const place = { stepsPerEpoch: 3, epoch: 50, dtype: "float32" } as const;
    const released = (options: Options, more: Parameters<typeof attempt>[1] = {}) =>
      attempt(
        { preset: "released", ...options },
        { direction: async () => new Float64Array(P), ...place, ...more },
      );
    const moveOf = ({ params, change }: Awaited<ReturnType<typeof attempt>>) => {
      const [from, to] = [params.shared, change?.params?.shared].map((tree) => numbersOf(tree).flat());
      return (to ?? []).map((v, i) => v - (from?.[i] ?? 0));
    };

    // github.com/zzpustc/COST, commit 28172e7, methods/teleportation.py, line 158: the rate of the command line, which no
    // scheduler lowers.
    it("trains the adapter at the first learning rate of the run", async () => {
      const rates = { learningRate: 1e-4, learningRateAt: (step: number) => (step === 0 ? 1e-3 : 1e-4) };
      const [own, first, now] = [
        await released({}, rates),
        await released({ inner: { learningRate: 1e-3 } }, rates),
        await released({ inner: { learningRate: "training" } }, rates),
      ].map(moveOf);
      expect(own).toEqual(first);
      expect(own).not.toEqual(now);
    });

    // experiments/nyuv2/trainer.py, lines 137-151: the batch of a teleport is skipped; methods/weight_methods.py,
    // FairGrad.get_weighted_loss: a new Adam, which the scheduler does not know, replaces the old one where sigma <= 0.
    it("skips the batch on NYUv2, and where sigma <= 0 begins with a new optimizer at the first rate", async () => {
      const step = 7;
      const rates = { learningRate: 1e-3, learningRateAt: () => 0.02, step };
      const move = moveOf(await released({}, rates));
      const options = { after: "skip", optimizer: adam(), schedule: { perEpoch: 1 } } as const;
      const past = { ...adam().init(smallNet(2, "float32")), step: array(99, "float64") };
      /** The sign of sigma is that of the direction along the move. */
      const at = (sign: number, more = {}) => {
        const direction = async () => Float64Array.from(move, (v) => sign * v);
        return released(options, { ...rates, optimizer: past, direction, ...more });
      };
      const kept = await at(1);
      expect(kept.report.sigma).toBeGreaterThan(0);
      expect(kept.change).toMatchObject({ skip: true });
      for (const name of ["optimizer", "learningRate", "reuse"]) expect(kept.change).not.toHaveProperty(name);
      const begun = await at(-1);
      expect(begun.report.sigma).toBeLessThanOrEqual(0);
      expect(begun.report.note).toContain("the optimizer begins again, at the learning rate 0.02");
      expect(begun.change).toMatchObject({ skip: true, optimizer: adam().init(begun.params) });
      // All later steps have that rate, whether a teleport is due or not.
      const memory = begun.change?.memory;
      expect(memory).toEqual({ step, epoch: 50, inEpoch: 1, rate: 0.02 });
      const later = await at(1, { step: step + 1, memory });
      expect(later.change).toEqual({ learningRate: 0.02 });
      const again = await at(1, { step: step + 3, epoch: 51, memory });
      expect(again.change).toMatchObject({ learningRate: 0.02, memory: { epoch: 51, rate: 0.02 } });
      expect(() => cost({ preset: "released", after: "skip" })).toThrow("after: skip creates a new state");
    });
  });

  it("tells its time in ordinary steps", async () => {
    const history = { seconds: [0.5, 0.6, 0.7, 9, 9.1] };
    const { report } = await attempt({}, { history: history as never });
    expect(report.ordinarySteps).toBeCloseTo(report.seconds / 0.1, 6);
  });

  it("takes what is undefined for left out, in options of options, too", async () => {
    const options = { inner: { steps: 2 }, guard: false } as const;
    const { report: plain } = await attempt(options);
    const { report } = await attempt({
      inner: { steps: 2, learningRate: undefined },
      guard: false,
      adapter: { rank: undefined },
      preserve: { batches: undefined },
      state: { policy: undefined },
    });
    expect(report.displacement).toBe(plain.displacement);
  });

  it("takes from the preset what an L_g of its kind leaves out", async () => {
    const own = { learningRate: 0.01, steps: 2 };
    const options = { preset: "released", inner: own, state: { policy: "keep" } } as const;
    const [whole, part] = [
      await attempt(options),
      await attempt({ ...options, improve: { kind: "sharpness" } }),
    ];
    expect(part.report.inner).toEqual(whole.report.inner);
    expect(costPresets.released.improve).not.toMatchObject(
      improveBySharpnessOptions.read({ kind: "sharpness" }),
    );
  });

  it("moves only the layers it is told to", async () => {
    const { report } = await attempt({ adapter: { layers: ["fc.weight"] }, guard: false });
    expect(Object.keys(report.displacements)).toEqual(["fc.weight"]);
  });

  it("rejects options that do not fit", async () => {
    expect(() => cost({ trigger: "strong" as never })).toThrow("trigger must be one of dominated, weak");
    expect(() => cost({ move: "oft" as never })).toThrow("move must be one of adapter, random");
    expect(() => cost({ state: { policy: "reset" } })).toThrow("give the training's optimizer");
    expect(() => cost({ move: "random", trust: false })).toThrow("trust region's length");
    const reused = { state: { policy: "reuse" }, after: "skip", optimizer: adam() } as const;
    for (const options of [reused, { preset: "paper", after: "skip", optimizer: adam() }] as const) {
      expect(() => cost(options)).toThrow("cost: after: skip takes no step, so that `reuse` has no effect");
    }
    expect(() => cost({ ...reused, state: { ...reused.state, effective: false } })).not.toThrow();
    expect(() => cost({ after: "skip", optimizer: adam() })).not.toThrow();
    const bounded = { trust: { kind: "relative", value: 0.1 }, move: { search: levelSet() } } as const;
    expect(() => cost(bounded)).toThrow("`trust` bounds adapters and random moves");
    expect(() => cost({ preserve: { batches: 0 } })).toThrow("batches must be");
    expect(() => cost({ inner: { steps: { passes: 0 } } })).toThrow("steps must be");
    expect(() => cost({ guard: { tolerance: 1 } as never })).toThrow('no option "tolerance"');
    expect(() => cost({ trust: { kind: "relative", value: 0 } })).toThrow(OptionError);
    await expect(attempt({}, { params: { heads: {} } as never })).rejects.toThrow(ShapeError);
  });
});

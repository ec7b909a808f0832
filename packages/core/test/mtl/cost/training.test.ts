import { describe, expect, it } from "vitest";
import { shuffled } from "../../../src/data/streams/shuffled.js";
import { streamOf } from "../../../src/data/streams/stream-of.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { adam } from "../../../src/optim/adam.js";
import { withGroups } from "../../../src/optim/with-groups.js";
import { netData, netLosses, type SmallNet, smallNet } from "./support.js";
import { always, expectWrapped, farApart, methods, train } from "./training-support.js";

describe("COST in a training", () => {
  it("leaves parameters and optimizer bit-identical where every teleport is rejected", async () => {
    const plain = await train(undefined);
    const rejected = await train({ ...always, guard: { drift: 0, samples: 32 } });
    expect(rejected.reports.length).toBeGreaterThan(0);
    for (const { outcome } of rejected.reports) expect(outcome).toBe("rejected");
    expect(rejected.numbers).toEqual(plain.numbers);
    expect(rejected.losses).toEqual(plain.losses);
  });

  it("teleports within the guard's bound, at most once an epoch, from the start on", async () => {
    const { reports, numbers } = await train({
      ...always,
      schedule: { start: { epoch: 1 }, perEpoch: 1 },
      guard: { drift: 0.05, samples: 32 },
    });
    expect(reports.length).toBeGreaterThan(0);
    expect(new Set(reports.map(({ epoch }) => epoch)).size).toBe(reports.length);
    for (const { epoch, outcome, drift } of reports) {
      expect(epoch).toBeGreaterThanOrEqual(1);
      if (outcome === "accepted") expect(drift?.worstRelative).toBeLessThanOrEqual(0.05);
    }
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
    expect(numbers).not.toEqual((await train(undefined)).numbers);
  });

  describe("beside an optimizer that holds parameters still", () => {
    const optimizer = withGroups(adam(), [{ match: ["shared.conv.*"], frozen: true }]);

    it("measures conflicts as the trainer does, and raises their cosine, without these parameters", async () => {
      const rejecting = {
        ...always,
        improve: { kind: "cosine", cap: 1 },
        guard: { drift: 0, samples: 32 },
      } as const;
      const { reports, norms } = await train(rejecting, { optimizer, method: fairGrad() as never });
      expect(reports.length).toBeGreaterThan(0);
      for (const { step, before, inner } of reports) {
        before?.norms.forEach((norm, k) => {
          expect(norm / norms[k][step]).toBeCloseTo(1, 9);
        });
        expect(inner?.first.improve).toBeCloseTo(before?.cosines[0] ?? Number.NaN, 9);
      }
    });

    it.each(["adapter", "random"] as const)("moves only the others: %s", async (move) => {
      const { reports, params } = await train(
        { ...always, move, guard: { drift: 0.5, samples: 32 } },
        { optimizer },
      );
      const accepted = reports.filter(({ outcome }) => outcome === "accepted");
      expect(accepted.length).toBeGreaterThan(0);
      for (const { displacements } of accepted) expect(Object.keys(displacements)).toEqual(["fc.weight"]);
      expect(params.shared.conv).toEqual(smallNet(2).shared.conv);
    });

    it("refuses to move one of them that is asked for", async () => {
      const options = { ...always, adapter: { layers: ["conv.weight", "fc.weight"] } };
      await expect(train(options, { optimizer })).rejects.toThrow(
        'shared parameters that are trained, one or more of fc.weight, fc.bias; got "conv.weight"',
      );
    });
  });

  it("sees the losses of each run that has the hook", async () => {
    const teleports = cost<SmallNet>(always);
    const before = async (losses: TaskLosses<SmallNet>) => {
      const { reports } = await train(always, {
        losses,
        steps: 4,
        teleports: { ...teleports, dispose: async () => {} },
      });
      return reports[0].before?.losses ?? [];
    };
    const [own, large] = [await before(netLosses(2)), await before(farApart)];
    expect(large[0]).toBeCloseTo(600 * own[0], 2);
    await teleports.dispose();
  });

  it("teleports on a stream as on arrays, with examples of its own", async () => {
    const data = shuffled(streamOf(netData(64, 2), { size: 10 }), { buffer: 64 });
    const options = { ...always, preserve: { batches: "loader" } } as const;
    const { reports, losses } = await train(options, { data, steps: 8 });
    const accepted = reports.filter(({ outcome }) => outcome === "accepted");
    expect(accepted.length).toBeGreaterThan(0);
    for (const { drift } of accepted) expect(drift?.worstRelative).toBeLessThanOrEqual(0.05);
    const again = await train(options, { data, steps: 8 });
    expect(again.losses).toEqual(losses);
    // The same batches as of arrays, until the first teleport.
    const { losses: plain } = await train(undefined, { steps: 8 });
    const first = accepted[0]?.step ?? 0;
    expect(losses.map((own) => own.slice(0, first))).toEqual(plain.map((own) => own.slice(0, first)));
  });

  it("says where gradients conflict only with the statistics of batches or dropout, which a teleport does without", async () => {
    // In training the second loss is the first one's negative, otherwise the same.
    const losses: TaskLosses<SmallNet> = (params, batch, context) => {
      const [first] = netLosses(2)(params, batch, context);
      return [first, mul(context.training ? -1 : 1, first)];
    };
    const { reports } = await train(always, { losses, steps: 1 });
    expect(reports.map(({ outcome }) => outcome)).toEqual(["negligible"]);
    expect(reports[0]?.reason).toContain("conflict only with dropout and batch statistics");
  });

  it("takes the step at the new point, on the same batch", async () => {
    const { reports, losses } = await train({ ...always, guard: { drift: 0.5, samples: 32 } });
    const moved = reports.filter(({ outcome }) => outcome === "accepted");
    expect(moved.length).toBeGreaterThan(0);
    for (const { step, after } of moved) {
      losses.forEach((list, k) => {
        expect(list[step]).toBeCloseTo(after?.losses[k] ?? Number.NaN, 12);
      });
    }
  });

  expectWrapped(methods.slice(0, 1));

  it("is without consequence for the moments when trajectory reuse is without effect", async () => {
    const keep = await train({ ...always, guard: { drift: 0.2, samples: 32 } });
    const state = { policy: "reuse", effective: false } as const;
    const ineffective = await train({ ...always, guard: { drift: 0.2, samples: 32 }, state });
    expect(ineffective.numbers).toEqual(keep.numbers);
    const reuse = await train({ ...always, guard: { drift: 0.2, samples: 32 }, state: { policy: "reuse" } });
    expect(reuse.numbers).not.toEqual(keep.numbers);
  });
});

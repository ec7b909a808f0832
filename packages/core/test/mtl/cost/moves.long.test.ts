import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import type { SharedProblem } from "../../../src/mtl/cost/move.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { nullSpace } from "../../../src/teleport/search/null-space/null-space.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { attempt, type Options } from "./cost-support.js";
import type { SmallNet } from "./support.js";

describe("moves in the place of the adapter", () => {
  const symmetry = (shared: SmallNet["shared"], { loss, batch }: SharedProblem<SmallNet["shared"]>) => {
    const { scaling } = symmetriesOf(loss, shared, batch);
    if (scaling === undefined) throw new Error("There is no scaling of the shared layers.");
    return scaling;
  };

  it.each<[string, Options["move"], number]>([
    ["positive scaling of the shared layers", { symmetry }, 1e-9],
    ["a level set of the mean loss", { search: levelSet({ steps: 10 }) }, 1],
    ["the null space of the inputs", { search: nullSpace({ steps: 5 }), guard: { drift: 1e-6 } }, 10],
  ])("raise the same L_g: %s", async (_, move, drift) => {
    const { report, change, params } = await attempt({ move, guard: { drift: 10 }, negligible: 1e-4 });
    expect(report.reason).toBeDefined();
    expect(report.outcome).toBe("accepted");
    expect(report.inner?.last.improve).toBeGreaterThan(report.inner?.first.improve ?? 0);
    expect(report.after?.cosines[0]).toBeGreaterThan(report.before?.cosines[0] ?? 0);
    expect(report.drift?.meanRelative).toBeLessThan(drift);
    expect(change?.params?.heads).toEqual(params.heads);
  });

  it("are refused for a symmetry that does not keep the mean loss, unless allowInexact", async () => {
    const wrong = (shared: SmallNet["shared"], problem: SharedProblem<SmallNet["shared"]>) => {
      const { generators, ...group } = symmetry(shared, problem);
      return {
        ...group,
        act: async (p: SmallNet["shared"], T: readonly NdArray[]) => group.act(await twice(p), T, {}),
      };
    };
    const twice = async (p: SmallNet["shared"]): Promise<SmallNet["shared"]> => {
      const { leaves, def } = flatten<NdArray>(p, isNdArray);
      return unflatten(
        def,
        leaves.map(({ shape, data }) => ({
          shape,
          data: Float64Array.from(data as Float64Array, (v) => 2 * v),
        })),
      ) as SmallNet["shared"];
    };
    await expect(attempt({ move: { symmetry: wrong } })).rejects.toThrow(/does not keep this loss/);
    await attempt({ move: { symmetry: wrong, allowInexact: true } });
  });

  it("raise the balanced sharpness, too, and are refused by the same guard", async () => {
    const improve = { kind: "sharpness", direction: "ascent", radius: 0.05, scale: "global" } as const;
    const { report } = await attempt({ move: { symmetry }, improve, negligible: 1e-4 });
    expect(report.outcome).toBe("accepted");
    expect(report.inner?.last.improve).toBeGreaterThan(report.inner?.first.improve ?? 0);
    const refused = await attempt({ move: { search: levelSet({ steps: 10 }) }, guard: { drift: 1e-9 } });
    expect(refused.report).toMatchObject({ outcome: "rejected", halvings: 0 });
    expect(refused.change).not.toHaveProperty("params");
  });
});

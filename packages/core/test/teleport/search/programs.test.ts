// Which searches are one program, as docs/runtimes.md says.
import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { booth } from "../../../src/problems/booth.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import type { RuntimeName } from "../../../src/runtime/compile.js";
import { signFlips } from "../../../src/symmetry/discrete/sign-flips.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { balance } from "../../../src/teleport/search/balance.js";
import { bestAngle } from "../../../src/teleport/search/best-angle.js";
import { discreteSearch } from "../../../src/teleport/search/discrete.js";
import { gradientAscent } from "../../../src/teleport/search/gradient-ascent.js";
import { ownMove } from "../../../src/teleport/search/jump.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { lineSearch } from "../../../src/teleport/search/line-search.js";
import { nullSpace } from "../../../src/teleport/search/null-space/null-space.js";
import { quadraticOptimum } from "../../../src/teleport/search/quadratic-optimum.js";
import { randomSearch } from "../../../src/teleport/search/random.js";
import { orbitSearches, searches } from "../../../src/teleport/search/registry.js";
import { scalingCorner } from "../../../src/teleport/search/scaling-corner.js";
import type { SearchFactory, SearchProblem } from "../../../src/teleport/search/search.js";
import { hiddenUnits } from "../../symmetry/units.js";
import { network } from "./networks.js";
import { problemOf } from "./support.js";

const net = network([4, 6, 3], 2);
const scaling = () => positiveScaling(net.params, { activation: "leakyRelu" });
const hessian = array(
  [
    [10, 8],
    [8, 10],
  ],
  "float64",
);

/** Makes a search for a problem, and says which programs it has. */
const programsOf =
  <P>(
    factory: SearchFactory<P>,
    { loss, params, batch }: Pick<SearchProblem<P>, "loss" | "params" | "batch">,
  ) =>
  async (runtime: RuntimeName) => {
    const { races, tracedWalk, dispose } = await factory({
      ...problemOf(loss, params, batch),
      compileOptions: { runtime },
    });
    await dispose();
    return { isRaced: races === true, isInLoop: tracedWalk !== undefined };
  };
const inPlane = <P>({ loss, start }: { readonly loss: SearchProblem<P>["loss"]; readonly start: P }) => ({
  loss,
  params: start,
  batch: {},
});

const rows = {
  gradientAscent: programsOf(gradientAscent(scaling()), net),
  lineSearch: programsOf(lineSearch(scaling()), net),
  randomSearch: programsOf(randomSearch(scaling(), { samples: 3 }), net),
  scalingCorner: programsOf(scalingCorner(scaling()), net),
  levelSet: programsOf(levelSet(), net),
  bestAngle: programsOf(bestAngle(rosenbrock().symmetry()), inPlane(rosenbrock())),
  quadraticOptimum: programsOf(quadraticOptimum(hessian, { center: [1, 3] }), inPlane(booth())),
  nullSpace: programsOf(nullSpace(), net),
  balance: programsOf(balance(scaling()), net),
  discreteSearch: programsOf(discreteSearch(signFlips(net.params, hiddenUnits(net.params))), net),
  ownMove: programsOf(
    ownMove("none", (p) => p),
    inPlane(booth()),
  ),
};

describe("every search", () => {
  it("is here, but the released ones", () => {
    const all = Object.keys({ ...orbitSearches, ...searches }).filter(
      (name) => !name.startsWith("reference"),
    );
    expect(Object.keys(rows).sort()).toEqual([...all, "ownMove"].sort());
  });

  it.each(Object.entries(rows))("is one program with the race in it: %s", async (name, programs) => {
    expect(await programs("javascript")).toEqual({ isRaced: true, isInLoop: name !== "ownMove" });
    expect(await programs("onnx")).toEqual({ isRaced: true, isInLoop: false });
  });
});

// Which searches are one program, and whose decisions count: docs/runtimes.md against the searches themselves.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { booth } from "../../../src/problems/booth.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import type { RuntimeName } from "../../../src/runtime/compile.js";
import { signFlips } from "../../../src/symmetry/discrete/sign-flips.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { gradientAscent } from "../../../src/teleport/search/ascent/gradient-ascent.js";
import { balance } from "../../../src/teleport/search/balance.js";
import { bestAngle } from "../../../src/teleport/search/best-angle.js";
import { discreteSearch } from "../../../src/teleport/search/discrete.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { lineSearch } from "../../../src/teleport/search/line-search.js";
import { nullSpace } from "../../../src/teleport/search/null-space/null-space.js";
import { ownMove } from "../../../src/teleport/search/own-move.js";
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
    const { run, compiledWalk, races, tracedWalk, dispose } = await factory({
      ...problemOf(loss, params, batch),
      compileOptions: { runtime },
    });
    await dispose();
    const isWhole = (run ?? compiledWalk) !== undefined;
    return {
      isWhole,
      isRaced: races === true,
      isInLoop: tracedWalk !== undefined,
      isFinal: run !== undefined,
    };
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

const page = readFileSync(new URL("../../../../../docs/runtimes.md", import.meta.url), "utf8");
/** The searches that a line of the page lists. */
const listedAfter = (begin: string) => {
  const [line] = page.split(`\n- ${begin}`)[1].split("\n");
  return [...line.matchAll(/`(\w+)`/g)].map(([, name]) => name);
};
const final = listedAfter("The decisions of");
const judgedAgain = listedAfter("The host judges again");

describe("docs/runtimes.md", () => {
  it("says of all searches, but the released ones, who decides", () => {
    const all = Object.keys({ ...orbitSearches, ...searches }).filter(
      (name) => !name.startsWith("reference"),
    );
    expect([...final, ...judgedAgain].sort()).toEqual([...all, "ownMove"].sort());
    expect(Object.keys(rows).sort()).toEqual([...all, "ownMove"].sort());
  });

  it.each(Object.entries(rows))("says what %s has of a program", async (name, programs) => {
    const whole = { isWhole: true, isRaced: true, isFinal: final.includes(name) };
    expect(await programs("javascript")).toEqual({ ...whole, isInLoop: name !== "ownMove" });
    expect(await programs("onnx")).toEqual({ ...whole, isInLoop: false });
  });
});

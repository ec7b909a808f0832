import { sampledRows } from "isoloss-test-support/random-cases";
import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../../src/batch.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import type { Optimizer } from "../../../src/optim/optimizer.js";
import { gd, sgd } from "../../../src/optim/sgd.js";
import { booth } from "../../../src/problems/booth.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import { quadratic } from "../../../src/problems/quadratic.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import { rosenbrock2n } from "../../../src/problems/rosenbrock-2n.js";
import { permutations } from "../../../src/symmetry/discrete/permutations.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { product } from "../../../src/symmetry/product.js";
import { scaling } from "../../../src/symmetry/scaling.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { decrease } from "../../../src/teleport/objective/decrease.js";
import type { ObjectiveFor } from "../../../src/teleport/objective/objective.js";
import { balance } from "../../../src/teleport/search/balance.js";
import { bestAngle } from "../../../src/teleport/search/best-angle.js";
import { discreteSearch } from "../../../src/teleport/search/discrete.js";
import { gradientAscent } from "../../../src/teleport/search/gradient-ascent.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { lineSearch } from "../../../src/teleport/search/line-search.js";
import { nullSpace } from "../../../src/teleport/search/null-space/null-space.js";
import { quadraticOptimum } from "../../../src/teleport/search/quadratic-optimum.js";
import { randomSearch } from "../../../src/teleport/search/random.js";
import { scalingCorner } from "../../../src/teleport/search/scaling-corner.js";
import type { SearchFactory } from "../../../src/teleport/search/search.js";
import { atSteps, every, type When } from "../../../src/teleport/when.js";
import { minimize } from "../../../src/train/minimize/minimize.js";
import type {
  Minimization,
  MinimizationProblem,
  MinimizeOptions,
} from "../../../src/train/minimize/minimize-options.js";
import type { TeleportPlan } from "../../../src/train/teleports.js";
import { type SymmetryRow, symmetryRows } from "../../symmetry/symmetries.js";
import { network } from "../../teleport/search/networks.js";
import { withoutUnit } from "../../teleport/search/null-space/walks.js";
import { stepByStep } from "../../teleport/toy.js";

const optimizers: Readonly<Record<string, Optimizer>> = {
  "gradient descent": gd(),
  "heavy ball": sgd({ momentum: 0.9 }),
  AdaGrad: adagrad(),
  Adam: adam(),
};
/** The same schedule, but one that is asked when its step has come: the host then teleports. */
const asked = (when: When): When => ({ ...when, isPlanned: false });
const untimed = ({ teleports }: Minimization<unknown>) => teleports.map(({ seconds: _, ...event }) => event);

const regression = mlpRegression();
const { scalings } = symmetriesOf(regression.loss, regression.start, regression.batch).found;
const leaky = { activation: "leakyRelu" } as const;
const hessian = { shape: [2, 2], data: Float64Array.of(10, 8, 8, 10) };

/** Runs in the loop of steps and on the host; throws if the host walks in the first, or does not in the second. */
async function both<P, B extends Batch>(
  problem: MinimizationProblem<P, B>,
  { teleport, ...settings }: MinimizeOptions<P, B> & { readonly teleport: TeleportPlan<P, B> },
): Promise<readonly [Minimization<P>, Minimization<P>]> {
  const runs: Minimization<P>[] = [];
  for (const when of [teleport.when, asked(teleport.when)]) {
    let walks = 0;
    const search: SearchFactory<P> = async (of) => {
      const made = await (teleport.search as SearchFactory<P>)(of);
      const counted = <A extends unknown[], R>(f: (...args: A) => R) => {
        return (...args: A) => {
          walks++;
          return f(...args);
        };
      };
      return {
        ...made,
        run: counted(made.run),
      };
    };
    runs.push(await minimize(problem, { ...settings, teleport: { ...teleport, search, when } }));
    expect(walks > 0).toBe(when.isPlanned === false);
  }
  return [runs[0], runs[1]];
}

describe("teleports in the loop of steps", () => {
  it.each(sampledRows(Object.keys(optimizers)))("decide as those on the host: %s", async (name) => {
    const optimizer = optimizers[name];
    const runs = [
      {
        problem: rosenbrock(),
        teleport: { search: bestAngle(rosenbrock().symmetry()), when: every(40, { from: 9 }) },
        learningRate: 1e-3,
      },
      {
        problem: booth(),
        teleport: { search: quadraticOptimum(hessian, { center: [1, 3] }), when: atSteps([0, 4, 5, 60]) },
        learningRate: 0.02,
      },
    ];
    for (const { problem, teleport, learningRate } of runs) {
      const settings = { optimizer, learningRate, steps: 100, trajectory: true, teleport };
      const [inLoop, onHost] = await both(problem, settings);
      expect(inLoop.teleports.some(({ accepted }) => accepted)).toBe(true);
      expect(untimed(inLoop)).toEqual(untimed(onHost));
      expect(inLoop.loss).toEqual(onHost.loss);
      expect(inLoop.trajectory).toEqual(onHost.trajectory);
      expect(inLoop.jumps).toEqual(onHost.jumps);
      expect(inLoop.params).toEqual(onHost.params);
    }
  });

  const searches = {
    "level set": levelSet<typeof regression.start>({ steps: 4 }),
    "eq. 8": gradientAscent(hiddenAction(regression.start, leaky), { steps: 4, stepSize: 0.02 }),
    scaling: gradientAscent(positiveScaling(regression.start, leaky), { steps: 4, bound: 0.3 }),
    "scaling by steps too long": gradientAscent(positiveScaling(regression.start, leaky), {
      steps: 4,
      stepSize: 1.5,
      bound: 3,
    }),
    "line search": lineSearch(positiveScaling(regression.start, leaky), { steps: 3 }),
    "random elements": randomSearch(positiveScaling(regression.start, leaky), { samples: 20 }),
    "best corner": scalingCorner(positiveScaling(regression.start, leaky)),
    "balanced norms": balance(positiveScaling(regression.start, leaky)),
    "balanced gradients": balance(positiveScaling(regression.start, leaky), { by: "gradient" }),
  };
  it.each(sampledRows(Object.keys(searches)))("take the same walks: %s", async (name) => {
    const search = searches[name as keyof typeof searches];
    const optimizer = optimizers[name === "level set" ? "Adam" : "heavy ball"];
    const teleport = { search, when: atSteps([0, 3, 9]), guard: { curvature: 2 } };
    const [inLoop, onHost] = await both(regression, {
      optimizer,
      learningRate: 1e-12,
      steps: 12,
      teleport,
    });
    expect(inLoop.teleports).toHaveLength(3);
    expect(inLoop.teleports.some(({ accepted, ratios }) => accepted && ratios)).toBe(true);
    expect(untimed(inLoop)).toEqual(untimed(onHost));
    expect(inLoop.loss).toEqual(onHost.loss);
    expect(inLoop.params).toEqual(onHost.params);
  });

  it("turn in many planes at once", async () => {
    const problem = rosenbrock2n({ pairs: 3 });
    const search = gradientAscent(problem.symmetry(), { steps: 3 });
    const teleport = { search, when: atSteps([5, 20]), objective: decrease({ optimizer: gd(), steps: 2 }) };
    const [inLoop, onHost] = await both(problem, {
      optimizer: sgd({ momentum: 0.5 }),
      learningRate: 2e-4,
      steps: 40,
      teleport,
    });
    expect(inLoop.teleports.map(({ steps }) => steps > 1)).toEqual([true, true]);
    expect(untimed(inLoop)).toEqual(untimed(onHost));
    expect(inLoop.loss).toEqual(onHost.loss);
  });

  const races = {
    "with the run's optimizer, state and rate": { search: "level set", race: { steps: 3 } },
    "with another optimizer": { search: "eq. 8", race: { steps: 3, optimizer: adam(), learningRate: 0.2 } },
    "at another rate": { search: "line search", race: { learningRate: 1e-5, steps: 4 } },
    "with random elements": { search: "random elements", race: { steps: 2 } },
  } as const;
  it.each(sampledRows(Object.keys(races)))("race: %s", async (name) => {
    const { search, race } = races[name as keyof typeof races];
    const teleport = { search: searches[search], when: atSteps([0, 3, 9]), guard: { race, curvature: 0 } };
    const settings = { optimizer: sgd({ momentum: 0.9 }), learningRate: 1e-7, steps: 12 };
    const [inLoop, onHost] = await both(regression, { ...settings, teleport });
    expect(inLoop.teleports.some(({ accepted }) => accepted)).toBe(true);
    expect(untimed(inLoop)).toEqual(untimed(onHost));
    expect(inLoop.loss).toEqual(onHost.loss);
    expect(inLoop.params).toEqual(onHost.params);
  });

  it.each([
    ["layers", network([3, 6, 8, 2], 4), {}],
    ["layers, one with a unit that is never active", withoutUnit(network([3, 6, 8, 2], 8)), {}],
    ["layers, raced", network([3, 6, 8, 2], 4), { race: { steps: 3 } }],
  ])("walk in the null spaces of %s", async (_, { loss, params, batch }, guard) => {
    const search = nullSpace<typeof params>({ steps: 3 });
    const teleport = { search, when: atSteps([0, 3, 9]), guard: { curvature: 0, ...guard } };
    const [inLoop, onHost] = await both(
      { loss, start: params, batch },
      { optimizer: sgd({ momentum: 0.9 }), learningRate: 1e-3, steps: 12, teleport },
    );
    expect(inLoop.teleports.some(({ accepted, steps }) => accepted && steps > 1)).toBe(true);
    expect(untimed(inLoop)).toEqual(untimed(onHost));
    expect(inLoop.loss).toEqual(onHost.loss);
    expect(inLoop.params).toEqual(onHost.params);
  });

  it("swap units until no swap helps what Adam gains", async () => {
    const { found } = symmetriesOf(regression.loss, regression.start, regression.batch);
    const search = discreteSearch(permutations(regression.start, found.permutations), { tries: 30 });
    const teleport = {
      search,
      when: atSteps([3, 9]),
      guard: { curvature: 0 },
      objective: decrease({ optimizer: adam(), steps: 2 }),
    };
    const [inLoop, onHost] = await both(regression, {
      optimizer: adam(),
      learningRate: 0.01,
      steps: 12,
      teleport,
    });
    expect(inLoop.teleports.some(({ accepted }) => accepted)).toBe(true);
    expect(untimed(inLoop)).toEqual(untimed(onHost));
    expect(inLoop.loss).toEqual(onHost.loss);
    expect(inLoop.params).toEqual(onHost.params);
  });

  it("race along a circle, too", async () => {
    const problem = rosenbrock();
    const search = bestAngle(problem.symmetry());
    const settings = { optimizer: sgd({ momentum: 0.5 }), learningRate: 1e-3, steps: 100 };
    // Descent from a steep point diverges at the larger rate.
    for (const [learningRate, isWon] of [
      [1e-4, true],
      [3e-3, false],
    ] as const) {
      const guard = { race: { learningRate, steps: 5 }, curvature: 0 };
      const teleport = { when: every(40, { from: 9 }), guard };
      const [inLoop, onHost] = await both(problem, { ...settings, teleport: { ...teleport, search } });
      expect(untimed(inLoop)).toEqual(untimed(onHost));
      expect(inLoop.params).toEqual(onHost.params);
      const stepped = await minimize(problem, {
        ...settings,
        teleport: { ...teleport, search: stepByStep(search) },
      });
      expect(inLoop.teleports.some(({ accepted }) => accepted)).toBe(isWon);
      expect(inLoop.teleports.map(({ accepted, halvings }) => [accepted, halvings])).toEqual(
        stepped.teleports.map(({ accepted, halvings }) => [accepted, halvings]),
      );
      expect(inLoop.loss.at(-1)).toBeCloseTo(stepped.loss.at(-1) as number, 10);
    }
  });

  it("race at the rate of the plan, if it has one", async () => {
    // At the rate of the run it would not diverge.
    const guard = { race: { learningRate: 1e9, steps: 10 }, curvature: 0, halvings: 0 };
    const teleport = { search: searches.scaling, when: asked(atSteps([3])), guard };
    const settings = { optimizer: gd(), learningRate: 1e-7, steps: 5 };
    const { teleports } = await minimize(regression, { ...settings, teleport });
    expect(teleports[0].reason).toContain("diverges");
  });

  it.each(["reset", "reuse", "push"] as const)("take Adam's state along: %s", async (state) => {
    const problem = quadratic();
    const settings = { optimizer: state === "push" ? gd() : adam(), learningRate: 0.01, steps: 40 };
    const search = bestAngle(problem.symmetry());
    const teleport = { search, when: every(10), state, guard: { curvature: 0 } };
    const [inLoop, onHost] = await both(problem, { ...settings, teleport });
    expect(inLoop.teleports.some(({ accepted }) => accepted)).toBe(true);
    expect(inLoop.loss).toEqual(onHost.loss);
  });

  const pushing = {
    "gradient ascent": searches.scaling,
    "line search": searches["line search"],
    "random elements": searches["random elements"],
    "best corner": searches["best corner"],
    "balanced gradients": searches["balanced gradients"],
    "a product": gradientAscent(
      product([positiveScaling(regression.start, leaky), scaling<typeof regression.start>(scalings)], {
        commuting: true,
      }),
      { steps: 2 },
    ),
  };
  it.each(sampledRows(Object.keys(pushing)))("push Adam's moments along: %s", async (name) => {
    const search = pushing[name as keyof typeof pushing];
    const teleport = { search, when: atSteps([3, 9]), state: "push" as const, guard: { curvature: 0 } };
    const settings = { optimizer: adam(), learningRate: 1e-3, steps: 12 };
    const [inLoop, onHost] = await both(regression, { ...settings, teleport });
    expect(inLoop.teleports.map(({ accepted, note }) => [accepted, note])).toEqual([
      ...[
        [true, undefined],
        [true, undefined],
      ],
    ]);
    inLoop.loss.forEach((loss, t) => {
      expect(loss / onHost.loss[t]).toBeCloseTo(1, 12);
    });
    const kept = await minimize(regression, { ...settings, teleport: { ...teleport, state: "keep" } });
    expect(Math.abs(kept.loss[12] / inLoop.loss[12] - 1)).toBeGreaterThan(1e-9);
  });

  const rowOf = (name: string) => symmetryRows.find((row) => row.name === name) as SymmetryRow;
  const along = <P, B extends Batch>(
    problem: MinimizationProblem<P, B>,
    search: SearchFactory<P>,
    learningRate: number,
    objective?: ObjectiveFor<P, B>,
  ) => ({
    run: async () => {
      const teleport = {
        search,
        when: atSteps([3, 9]),
        state: "push" as const,
        guard: { curvature: 0 },
        ...(objective ? { objective } : {}),
      };
      const settings = { optimizer: adam(), learningRate, steps: 12 };
      const [inLoop, onHost] = await both(problem, { ...settings, teleport });
      const kept = await minimize(problem, { ...settings, teleport: { ...teleport, state: "keep" } });
      return { inLoop, onHost, kept };
    },
  });
  const ofGroup = (name: string, starts = 1, objective?: ObjectiveFor<MlpParams>) => {
    const problem = randomProblem(1003, rowOf(name));
    const search = gradientAscent(rowOf(name).make(problem), { steps: 2, starts });
    return along({ ...problem, start: problem.params }, search, 1e-4, objective);
  };
  const plane = rosenbrock();
  const planes = rosenbrock2n({ pairs: 2 });
  const alongOthers = {
    "a rotation of residuals": along(plane, bestAngle(plane.symmetry()), 1e-3),
    "rotations of residuals in many planes": along(
      planes,
      gradientAscent(planes.symmetry(), { steps: 3 }),
      1e-3,
    ),
    "a rotation of a quadratic": along(quadratic(), bestAngle(quadratic().symmetry()), 1e-3),
    GL: ofGroup("GL of linear networks"),
    "GL, from several starts": ofGroup("GL of linear networks", 4),
    // Rotations keep the norm of the gradient, and not what a step of Adam gains.
    "rotations of spaces": ofGroup(
      "rotations of spaces read by their length",
      1,
      decrease({ optimizer: adam() }),
    ),
    "scaling and GL": ofGroup("product of scaling and GL"),
  };
  it.each(sampledRows(Object.keys(alongOthers)))(
    "push Adam's moments along %s, to rounding",
    async (name) => {
      const { inLoop, onHost, kept } = await alongOthers[name as keyof typeof alongOthers].run();
      expect(inLoop.teleports.map(({ note }) => note)).toEqual([undefined, undefined]);
      expect(inLoop.teleports[0].accepted).toBe(true);
      inLoop.loss.forEach((loss, t) => {
        expect(loss / onHost.loss[t]).toBeCloseTo(1, 9);
      });
      expect(Math.abs(kept.loss[12] / inLoop.loss[12] - 1)).toBeGreaterThan(1e-9);
    },
  );

  const severalStarts = {
    scaling: gradientAscent(positiveScaling(regression.start, leaky), {
      steps: 4,
      bound: 1,
      starts: 4,
      seed: 5,
    }),
    "eq. 8": gradientAscent(hiddenAction(regression.start, leaky), { steps: 3, starts: 3, bound: 0.1 }),
  };
  it.each(Object.keys(severalStarts))("keep the best of several starts, to rounding: %s", async (name) => {
    const search = severalStarts[name as keyof typeof severalStarts];
    const teleport = { search, when: atSteps([0, 3, 9]), state: "push" as const, guard: { curvature: 0 } };
    const settings = { optimizer: adam(), learningRate: 1e-6, steps: 12 };
    const [inLoop, onHost] = await both(regression, { ...settings, teleport });
    const told = ({ teleports }: Minimization<unknown>) =>
      teleports.map(({ accepted, reason, steps, halvings, note }) => ({
        accepted,
        reason,
        steps,
        halvings,
        note,
      }));
    expect(told(inLoop)).toEqual(told(onHost));
    expect(inLoop.teleports.some(({ accepted }) => accepted)).toBe(true);
    inLoop.teleports.forEach(({ objectiveAfter }, k) => {
      expect(objectiveAfter / onHost.teleports[k].objectiveAfter).toBeCloseTo(1, 9);
    });
    inLoop.loss.forEach((loss, t) => {
      expect(loss / onHost.loss[t]).toBeCloseTo(1, 9);
    });
    const first = gradientAscent(positiveScaling(regression.start, leaky), { steps: 4, bound: 1 });
    const single = await minimize(regression, { ...settings, teleport: { ...teleport, search: first } });
    if (name === "scaling") {
      expect(inLoop.teleports[0].objectiveAfter).toBeGreaterThan(single.teleports[0].objectiveAfter);
    }
  });

  it("say that what has no push-forward kept the moments", async () => {
    const teleport = { search: searches["level set"], when: atSteps([3]), state: "push" as const };
    const settings = { optimizer: adam(), learningRate: 1e-3, steps: 5 };
    const [inLoop, onHost] = await both(regression, { ...settings, teleport });
    expect(inLoop.teleports[0].note).toBe("kept: this move has no push-forward");
    expect(untimed(inLoop)).toEqual(untimed(onHost));
  });

  it("leave to the host what only it can decide, with the same numbers", async () => {
    const problem = rosenbrock();
    const inner = bestAngle(problem.symmetry());
    const settings = { optimizer: sgd({ momentum: 0.5 }), learningRate: 1e-3, steps: 100, trajectory: true };
    const when = every(20);
    const onHost = await minimize(problem, { ...settings, teleport: { search: inner, when: asked(when) } });
    // A program whose teleports cannot be read from the third one on.
    const { lossBefore } = onHost.teleports[2];
    const search: typeof inner = async (of) => {
      const made = await inner(of);
      const { tracedWalk } = made;
      if (tracedWalk === undefined) throw new Error("no program");
      const read: typeof tracedWalk.read = (...given) => {
        const known = tracedWalk.read(...given);
        return known && known.points[0].loss <= lossBefore ? undefined : known;
      };
      return { ...made, tracedWalk: { ...tracedWalk, read } };
    };
    const halfway = await minimize(problem, { ...settings, teleport: { search, when } });
    expect(untimed(halfway)).toEqual(untimed(onHost));
    expect([halfway.loss, halfway.jumps, halfway.trajectory]).toEqual([
      ...[onHost.loss, onHost.jumps, onHost.trajectory],
    ]);
  });

  it("count in the seconds of the run, each with its own", async () => {
    const problem = rosenbrock();
    const teleport = { search: bestAngle(problem.symmetry()), when: atSteps([20]) };
    const run = await minimize(problem, { optimizer: gd(), learningRate: 1e-3, steps: 60, teleport });
    const [{ seconds }] = run.teleports;
    expect(seconds).toBeGreaterThan(0);
    expect(run.seconds[20] - run.seconds[19]).toBeGreaterThan(seconds);
    expect(run.seconds[21] - run.seconds[20]).toBeLessThan(seconds);
    expect(run.seconds.every((at, t) => t === 0 || at >= run.seconds[t - 1])).toBe(true);
  });

  it("end with a run that diverges", async () => {
    const problem = booth();
    const teleport = { search: bestAngle(problem.symmetry()), when: every(5) };
    const settings = { optimizer: gd(), learningRate: 2, steps: 3000 };
    const inLoop = await minimize(problem, { ...settings, teleport });
    const onHost = await minimize(problem, {
      ...settings,
      teleport: { ...teleport, when: asked(teleport.when) },
    });
    expect(inLoop.status).toBe("diverged");
    expect(inLoop.loss).toEqual(onHost.loss);
  });
});

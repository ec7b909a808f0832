import fc from "fast-check";
import { createTrainer, mlp, NumericalError } from "isoloss";
import { digits, divide, moons } from "isoloss/data";
import { createOptimizer, optimizers } from "isoloss/optim";
import { transportPolicies } from "isoloss/teleport";
import { describe, expect, it, vi } from "vitest";
import { optimizerNames } from "../../src/app/choices.js";
import { curvesOf } from "../../src/screens/train/chart-data.js";
import { dataCsv, teleportsCsv } from "../../src/screens/train/export.js";
import { dataOf, movesOf, readPoints } from "../../src/screens/train/problem.js";
import { race } from "../../src/screens/train/race.js";
import {
  bestRates,
  factors,
  isAtEdge,
  type Raced,
  resultOf,
  type Swept,
  sweepCurves,
} from "../../src/screens/train/race-result.js";
import { createRegionReader, pointsOf } from "../../src/screens/train/regions.js";
import { createSession, type Session } from "../../src/screens/train/session.js";
import {
  activationNames,
  dataNames,
  defaultState,
  hard,
  moveNames,
  policyNames,
  presets,
  printTrain,
  readTrain,
  runNames,
  type TrainState,
} from "../../src/screens/train/state.js";
import { metersOf, summaryOf } from "../../src/screens/train/summary.js";

const within = ([min, max]: readonly [number, number]) =>
  fc.double({ min, max, noNaN: true }).map((v) => v + 0);
const whole = ([min, max]: readonly [number, number]) => fc.integer({ min, max });
const states: fc.Arbitrary<TrainState> = fc.record({
  data: fc.constantFrom(...dataNames),
  noise: within(hard.noise),
  net: fc.array(whole(hard.width), { minLength: 1, maxLength: 4 }),
  act: fc.constantFrom(...activationNames),
  opt: fc.constantFrom(...optimizerNames),
  lr: within(hard.lr),
  batch: whole(hard.batch),
  seed: whole(hard.seed),
  seeds: whole(hard.seeds),
  epochs: whole(hard.epochs),
  tp: fc.constantFrom(
    { kind: "off" } as const,
    { kind: "every", steps: 7 } as const,
    {
      kind: "at",
      steps: [3, 10],
    } as const,
  ),
  sym: fc.constantFrom(...moveNames),
  obj: fc.constantFrom("gradNormSq", "modelDecrease"),
  state: fc.constantFrom(...policyNames),
  with: fc.subarray([...runNames]),
  control: fc.constantFrom("0.5", "2", "4"),
  by: fc.constantFrom("steps", "seconds"),
  y: fc.constantFrom("loss", "heldOut", "accuracy", "grad"),
  logy: fc.boolean(),
});

describe("the address of the train screen", () => {
  it("holds every state exactly", () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(readTrain(printTrain(state))).toEqual({ state, notices: [] });
      }),
    );
    expect(printTrain(defaultState)).toBe("");
    for (const [name, { state }] of Object.entries(presets)) {
      expect(readTrain(`preset=${name}`)).toEqual({ state, notices: [] });
    }
  });

  it("says what it did not take as it is written", () => {
    expect(readTrain("net=1,2,3,4,5&batch=0&act=sine&net2=1").notices).toEqual([
      "net: at most 4 hidden layers, so 1, 2, 3, 4.",
      "batch=0 is beyond 1: taken as 1.",
      "act=sine is not one of relu, leakyRelu, tanh: not taken.",
      "net2 is no setting of this screen.",
    ]);
    expect(readTrain("net=big").state.net).toEqual([16, 16]);
  });
});

describe("points of a user's own", () => {
  it("are read with their labels, scaled to mean 0 and deviation 1", () => {
    const rows = Array.from({ length: 12 }, (_, k) => `${10 + k}, ${-3 * k};${k % 2 ? "red" : "blue"}`);
    const { images, labels, classes } = readPoints(`x,y,color\r\n${rows.join("\n")}\n\n`);
    expect([images.shape, classes]).toEqual([[12, 2], 2]);
    expect(Array.from(labels.data).map(Number)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    const x = Array.from({ length: 12 }, (_, k) => Number(images.data[2 * k]));
    expect(x.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
    expect(x.reduce((a, b) => a + b * b, 0) / 12).toBeCloseTo(1, 5);
  });

  it("stay 0 where they are all alike", () => {
    const lines = Array.from({ length: 30 }, (_, k) => `0.1,${k},${k % 2 ? "a" : "b"}`);
    const { images } = readPoints(lines.join("\n"));
    for (let k = 0; k < 30; k++) expect(Number(images.data[2 * k])).toBeCloseTo(0, 12);
  });

  it("keep the digits of what is far from 0, such as times", () => {
    const rows = Array.from({ length: 12 }, (_, k) => `${1_700_000_000 + k},${k % 3},${k % 2}`);
    const { images } = readPoints(rows.join("\n"));
    const x = Array.from({ length: 12 }, (_, k) => Number(images.data[2 * k]));
    // Of 0 to 11: mean 5.5, deviation sqrt(143 / 12).
    for (const [k, value] of x.entries()) expect(value).toBeCloseTo((k - 5.5) / Math.sqrt(143 / 12), 5);
  });

  it.each([
    ["1,2,a\n3,oops,b", 'Line 2, column 2: "oops" is no finite number.'],
    ["1,2,a\nInfinity,1,b", 'Line 2, column 1: "Infinity" is no finite number.'],
    ["1,2,a\n\n1,2", "Line 3 has 2 columns; expected three: two numbers and a label."],
    ["1,2,a\n3,4,a", "The points have one label only; at least two are needed."],
    ["", "The points have no label; at least two are needed."],
    ["1,2,a\n3,4,b", "The file has 2 points; at least 10 are needed."],
    ["1,2,a\n".repeat(5001), "The file has 5001 points; at most 5000 are taken."],
  ])("say where they are wrong: %#", (text, message) => {
    expect(() => readPoints(text)).toThrow(message);
  });
});

describe("the train screen's worker", () => {
  const short: TrainState = {
    ...defaultState,
    net: [8],
    epochs: 4,
    tp: { kind: "at", steps: [10, 30] },
    with: ["plain", "teleported", "rate"],
  };
  const finished = async (state: TrainState, by: TrainState["by"] = "steps"): Promise<Session> => {
    const session = await createSession({ state });
    while (!session.isDone) await session.advance(by);
    return session;
  };

  it("offers what the library has, by its names", () => {
    for (const name of optimizerNames) expect(Object.keys(optimizers)).toContain(name);
    expect([...transportPolicies]).toEqual([...policyNames]);
    const { train, heldOut } = dataOf({ state: { ...short, data: "digits" } });
    expect([train.inputs.shape, heldOut.inputs.shape]).toEqual([
      [1438, 64],
      [359, 64],
    ]);
    const { data } = divide(digits()).train.inputs;
    expect(Buffer.from(train.inputs.data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
  });

  it("trains what a trainer trains: plain and at another rate to the last bit, whatever the other runs do", async () => {
    const session = await finished(short);
    const [plain, teleported, rate] = session.runs.map((run) => run.shown());
    const { train, validation } = divide(moons({ noise: 0.15 }));
    for (const [run, learningRate] of [
      [plain, 0.1],
      [rate, 0.2],
    ] as const) {
      const trainer = await createTrainer({
        model: mlp({ sizes: [2, 8, 2], activation: "leakyRelu", slope: 0.1 }),
        data: train,
        optimizer: createOptimizer("gd"),
        learningRate,
        batchSize: 40,
        runtime: "javascript",
      });
      await trainer.run({ steps: 40 });
      expect(Array.from(run.loss)).toEqual(trainer.history.loss);
      const { loss, accuracy } = await trainer.evaluate(validation as typeof train);
      expect(run.evaluations.at(-1)).toMatchObject({ step: 40, loss, accuracy });
    }
    const { step, accepted, drift, gradNormSqBefore, gradNormSqAfter } = teleported.teleports;
    expect(Array.from(step)).toEqual([10, 30]);
    expect(Array.from(teleported.loss.slice(0, 10))).toEqual(Array.from(plain.loss.slice(0, 10)));
    expect(Array.from(accepted)).toEqual([1, 1]);
    for (const k of [0, 1]) {
      expect(drift[k]).toBeLessThan(1e-4);
      expect(gradNormSqAfter[k]).toBeGreaterThan(gradNormSqBefore[k]);
    }
    expect(metersOf(teleported).map(({ isKept }) => isKept)).toEqual([true, true]);
    expect(summaryOf(teleported).teleports).toBe("2 of 2");
    const curves = curvesOf({ runs: [plain, teleported], state: short, theme: "light" }, "steps");
    expect(curves.series[1].teleports).toEqual([10, 30]);
    // Axes of a shorter training begin anew, those of one that goes on stay.
    const axesOf = (state: TrainState) => curvesOf({ runs: [], state, theme: "light" }, "steps").of;
    expect(axesOf({ ...short, epochs: 2 })).not.toBe(curves.of);
    expect(axesOf({ ...short, with: ["plain"], by: "seconds" })).toBe(curves.of);
    expect([...dataCsv([plain, teleported])]).toHaveLength(81);
    expect([...teleportsCsv([plain, teleported])]).toHaveLength(3);
    await session.dispose();
  });

  it("teleports when it is asked to, before the next step", async () => {
    const session = await createSession({ state: { ...short, tp: { kind: "off" }, with: ["teleported"] } });
    while (session.runs[0].trainer.current.step < 5) await session.advance("steps");
    const { step } = session.runs[0].trainer.current;
    session.teleport();
    while (!session.isDone) await session.advance("steps");
    expect(Array.from(session.runs[0].shown().teleports.step)).toEqual([step]);
    await session.dispose();
  });

  it("goes on from what was kept with the same numbers, to the last bit", async () => {
    const expected = await finished(short);
    const first = await createSession({ state: short });
    while (first.runs.some(({ trainer }) => trainer.current.step < 15)) await first.advance("steps");
    const stored = structuredClone(first.runs.map((run) => run.stored()));
    await first.dispose();
    const second = await createSession({ state: short }, stored);
    expect(second.runs[0].shown().steps).toBeGreaterThanOrEqual(15);
    while (!second.isDone) await second.advance("steps");
    for (const [k, run] of second.runs.entries()) {
      const [a, b] = [run.shown(), expected.runs[k].shown()];
      expect([a.loss, a.teleports.step, a.heldOut?.loss]).toEqual([
        b.loss,
        b.teleports.step,
        b.heldOut?.loss,
      ]);
    }
    await second.dispose();
    await expected.dispose();
  });

  it("offers the moves that the library finds in the network", () => {
    const names = (act: TrainState["act"]) =>
      movesOf({ ...short, act }, dataOf({ state: short })).map(({ name }) => name);
    expect(names("relu")).toEqual(expect.arrayContaining(["scaling", "levelSet"]));
    expect(names("relu")).not.toContain("hidden");
    expect(names("leakyRelu")).toEqual(expect.arrayContaining(["scaling", "hidden", "levelSet"]));
    expect(names("tanh")).toContain("hidden");
    expect(names("tanh")).not.toContain("scaling");
  });

  it("says why there is no run, and of one that diverged why it ended", async () => {
    const none = await finished({ ...short, act: "tanh", epochs: 1 });
    expect(none.missing).toEqual([
      { name: "teleported", why: "This network has no such symmetry: choose another move." },
    ]);
    const wild = await finished({ ...short, lr: 1000, opt: "gd", epochs: 40, net: [8, 8], with: ["plain"] });
    const [run] = wild.runs.map((one) => one.shown());
    expect(["diverged", "done"]).toContain(run.status);
    await expect(createSession({ state: { ...short, data: "own" } })).rejects.toThrow("choose a file");
  });

  it("shows of several seeds the middle one between the least and the largest, at the same steps", async () => {
    const several = await finished({ ...short, seeds: 3, with: ["plain"] });
    const [{ spreads }] = several.runs.map((run) => run.shown());
    const alone: number[] = [];
    for (const seed of [0, 1, 2]) {
      const one = await finished({ ...short, seed, seeds: 1, with: ["plain"] });
      alone.push(one.runs[0].shown().smoothLoss.at(-1) as number);
      await one.dispose();
    }
    alone.sort((a, b) => a - b);
    const { smoothLoss, count } = spreads;
    expect([count, smoothLoss.low.at(-1), smoothLoss.median.at(-1), smoothLoss.high.at(-1)]).toEqual([
      3,
      ...alone,
    ]);
    expect(summaryOf(several.runs[0].shown()).loss).toMatch(/^\S+ \[\S+, \S+\]$/);
    const [head, ...rows] = dataCsv([several.runs[0].shown()]);
    const last = rows[rows.length - 1].split(",");
    const written = ["meanLossLeast", "meanLoss", "meanLossLargest"].map((name) =>
      Number(last[head.split(",").indexOf(name)]),
    );
    expect(written).toEqual(alone);
    await several.dispose();
  });

  it("goes on with the seeds that last where the first one diverged", async () => {
    const session = await createSession({ state: { ...short, seeds: 3, with: ["plain"] } });
    const [run] = session.runs;
    while (run.trainer.current.step < 5) await session.advance("steps");
    const first = run.trainer;
    const diverge = vi.spyOn(first, "run").mockRejectedValue(new NumericalError("Diverged."));
    while (!session.isDone) await session.advance("steps");
    expect(diverge).toHaveBeenCalled();
    const shown = run.shown();
    expect([shown.status, shown.steps, shown.spreads.diverged]).toEqual(["done", 40, 1]);
    expect(run.trainer).not.toBe(first);
    const { smoothLoss, evaluated } = shown.spreads;
    expect([smoothLoss.median.at(-1), smoothLoss.high.at(-1)]).toEqual([
      expect.toSatisfy(Number.isFinite),
      Infinity,
    ]);
    expect(evaluated.loss.high.at(-1)).toBe(Infinity);
    expect(curvesOf({ runs: [shown], state: { ...short, seeds: 3 }, theme: "light" }, "steps").notes).toEqual(
      ["plain: 1 of 3 seeds diverged: there its band has no end."],
    );
    expect((await run.look())?.step).toBe(40);
    const late = { ...shown, steps: 41 };
    expect(summaryOf(late).heldOut).toMatch(/Infinity\] at step 40$/);
    await session.dispose();
  });

  it("warms up also where it goes on, and takes those steps back", async () => {
    const first = await createSession({ state: { ...short, seeds: 1, with: ["plain"] } });
    while (first.runs[0].trainer.current.step < 5) await first.advance("steps");
    const second = await createSession(
      { state: { ...short, seeds: 1, with: ["plain"] } },
      first.runs.map((run) => run.stored()),
    );
    const { trainer } = second.runs[0];
    const before = trainer.history.loss.length;
    const ran = vi.spyOn(trainer, "run");
    await second.advance("steps");
    expect(ran.mock.calls.length).toBeGreaterThan(1);
    expect(trainer.history.loss.length - before).toBeLessThan(ran.mock.calls.length);
    for (const session of [first, second]) await session.dispose();
  });

  it("takes turns of equal seconds, too", async () => {
    const session = await createSession({ state: { ...short, epochs: 400, with: ["plain", "rate"] } });
    for (let k = 0; k < 12; k++) await session.advance("seconds");
    const [a, b] = session.runs.map((run) => run.shown().seconds.at(-1) ?? 0);
    expect(Math.min(a, b)).toBeGreaterThan(0);
    await session.dispose();
  });

  it("sees the class of each point of the plane as the trained network does", async () => {
    const state = { ...short, epochs: 60, with: ["plain"] } as const;
    const session = await finished(state);
    const [run] = session.runs;
    const reader = await createRegionReader(state, session.data, run.trainer.current.params);
    const { side, classes, surely } = await reader.read(run);
    const points = pointsOf(session.data);
    const cell = (v: number, [low, high]: readonly [number, number]) =>
      Math.floor((side * (v - low)) / (high - low));
    const held = Array.from(points.isTraining).flatMap((isTraining, k) => (isTraining ? [] : [k]));
    const right = held.filter((k) => {
      const at = cell(points.y[k], points.range.y) * side + cell(points.x[k], points.range.x);
      return classes[at] === points.label[k];
    });
    const accuracy = run.shown().evaluations.at(-1)?.accuracy ?? 0;
    expect(Math.abs(right.length / held.length - accuracy)).toBeLessThan(0.06);
    expect(surely.every((value) => value >= 0.5 && value <= 1)).toBe(true);
    await reader.dispose();
    await session.dispose();
  });

  it("races plain against teleported from fresh seeds, and says how sure the difference is", async () => {
    const pairs: Raced[] = [];
    let looks = 0;
    await race(
      { state: { ...short, epochs: 1 } },
      {
        isStopped: async () => pairs.length === 2 && ++looks > 0,
        async send(raced) {
          pairs.push(raced);
        },
      },
    );
    expect(pairs.map(({ seed }) => seed)).toEqual([2000, 2001]);
    // Logarithms of the ratios: log 2 and log 8, with mean log 4 and standard error log 2.
    const pair = (plain: number, teleported: number) => ({ ...pairs[0], plain, teleported });
    const result = resultOf([pair(1, 2), pair(1, 8)]);
    expect(result?.ratio).toBeCloseTo(4, 12);
    expect(result?.interval[1]).toBeCloseTo(4 * 2 ** 12.706204736, 1);
    expect(result?.sentence).toBe("The interval holds 1: these seeds show no difference.");
    expect(resultOf([pair(1, 2), pair(1, Number.NaN)])).toBeUndefined();
    // Both are best away from the middle: plain at 0.4, where one of three diverged, teleported at 0.05.
    const swept = factors.flatMap((factor) =>
      [0, 1, 2].map((k): Swept => {
        const isLost = factor === 4 && k === 0;
        return {
          rate: factor / 10,
          plain: isLost ? Number.NaN : 1 / factor,
          teleported: Math.abs(factor - 0.5) + 0.1,
        };
      }),
    );
    expect(bestRates(swept)).toEqual({ plain: 0.4, teleported: 0.05 });
    expect([
      isAtEdge({ plain: 0.4, teleported: 0.05 }, 0.1),
      isAtEdge({ plain: 0.1, teleported: 0.05 }, 0.1),
    ]).toEqual([true, false]);
    expect(sweepCurves(swept, short, "light").notes).toEqual([
      "plain: 1 of 15 runs diverged: there its band has no end.",
    ]);
    // Where all diverged there is neither a point nor a band.
    const lost = swept.map((one) => (one.rate === 0.4 ? { ...one, plain: Number.NaN } : one));
    expect(sweepCurves(lost, short, "light").notes).toEqual(["plain: 3 of 15 runs diverged."]);
    expect(bestRates(swept.slice(1))).toBeUndefined();
    expect(resultOf([pair(1, 0.5), pair(1, 0.51), pair(1, 0.49)])?.sentence).toContain(
      "smaller held-out loss",
    );
  });
});

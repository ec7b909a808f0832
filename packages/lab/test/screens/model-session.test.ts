import { DataError, sizeOf, spec, trace } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { analyze, describeDiscovery } from "isoloss/symmetry";
import { compareModels, fromOnnx, toHalf } from "isoloss-onnx";
import { transformer } from "isoloss-test-support/model-file/transformer";
import { sampledRows } from "isoloss-test-support/random-cases";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roundingOf } from "../../src/screens/model/figures.js";
import { type Act, matrixExponential } from "../../src/screens/model/groups.js";
import { halved } from "../../src/screens/model/half.js";
import { rangesOf } from "../../src/screens/model/half-ranges.js";
import { quantized } from "../../src/screens/model/quantize.js";
import { whyRefused } from "../../src/screens/model/refused.js";
import { type Change, type Found, Session } from "../../src/screens/model/session.js";
import { openSizes, shapeOf } from "../../src/screens/model/sizes.js";
import { lookOf, mostCells } from "../../src/screens/model/weight-looks.js";
import { fileOf, files, node, unknownOperator, withDataBeside } from "./model-files.js";

const seed = 3;

/** What `isoloss model symmetries` finds, in the graph of all outputs; here running statistics count as weights. */
function describedOutputs(bytes: Uint8Array) {
  const { params, state } = fromOnnx(bytes);
  const names = Object.keys({ ...params, ...state });
  const model = fromOnnx(bytes, { isParameter: (name) => names.includes(name.replaceAll(":", "_")) });
  const sizes = openSizes(model.inputs, {});
  const x = Object.fromEntries(
    model.inputs.map((input) => [input.name, spec(shapeOf(input, sizes), input.dtype)]),
  );
  const { graph } = trace((at) => model.apply(at.p, at.x), { p: model.params, x });
  const inputs = graph.inputs.map(({ name, tensor }) => ({ name: name.replace(/^p\./, ""), tensor }));
  const found = analyze({ inputs, outputs: graph.outputs }, Object.keys(model.params));
  return describeDiscovery(model.params, found);
}

const largestOf = ({ outputs, tenfold }: Awaited<ReturnType<Session["check"]>>): number =>
  Math.max(...[...outputs, ...tenfold].map(({ relative }) => relative));

describe.each(sampledRows(Object.entries(files)))("the model screen's session on %s", (_, make) => {
  const bytes = make();
  const session = new Session(bytes);
  let found: Found;
  beforeAll(async () => {
    found = await session.find();
  });
  afterAll(() => session.dispose());

  it("finds what the command line finds in the graph of the outputs", () => {
    const { groups, total } = found;
    const expected = describedOutputs(bytes);
    expect(groups).toEqual(expected.groups);
    expect(total).toBe(expected.total);
    expect(groups.length).toBeGreaterThan(0);
  });

  it("keeps the outputs with each move of each group, and undoes it", async () => {
    const acts: Readonly<Record<string, readonly Act[]>> = {
      slide: [
        { kind: "slide", t: 1 },
        { kind: "slide", t: -0.7 },
      ],
      order: [{ kind: "reverse" }, { kind: "shuffle", seed }, { kind: "swap", units: [0, 1] }],
      sign: [{ kind: "flipAll" }, { kind: "shuffle", seed }, { kind: "flip", unit: 0 }],
      none: [],
    };
    // One act of each group: all acts of all groups are tried over the files.
    for (const [group, kind] of found.moves.entries()) {
      const list = acts[kind];
      if (list.length === 0) continue;
      const change: Change = { kind: "group", group, act: list[group % list.length] };
      const { moved, canUndo } = await session.move(change, { seed });
      expect(moved.length + (kind === "sign" ? 1 : 0)).toBeGreaterThan(0);
      expect(canUndo).toBe(true);
      expect(await session.undo()).toMatchObject({ moved: [], canUndo: false });
    }
    await session.move({ kind: "random", seed }, { seed });
    expect(largestOf(await session.check(1))).toBeLessThan(1e-4);
  });

  it("notices a move with one weight left out", async () => {
    await session.reset();
    await session.move({ kind: "random", seed }, { seed, isBroken: true });
    expect(largestOf(await session.check(2))).toBeGreaterThan(1e-4);
  });

  it("saves the file with other numbers in moved tensors, and every other byte as it was", async () => {
    await session.reset();
    expect(session.file()).toEqual(bytes);
    const { moved } = await session.move({ kind: "random", seed }, { seed });
    const saved = session.file();
    expect(saved.length).toBe(bytes.length);
    const [before, after] = [decodeModel(bytes), decodeModel(saved)];
    const data = (model: typeof before) =>
      new Map(
        [
          ...model.graph.initializers,
          ...model.graph.nodes.flatMap(({ attributes, outputs: [name] }) =>
            attributes.value?.kind === "tensor" ? [{ ...attributes.value.value, name }] : [],
          ),
        ].map((tensor) => [tensor.name.replaceAll(":", "_"), tensor.data]),
      );
    const others = data(before);
    for (const [name, numbers] of data(after)) {
      if (moved.includes(name)) expect(numbers).not.toEqual(others.get(name));
      else expect(numbers).toEqual(others.get(name));
    }
    expect({ ...after, graph: undefined }).toEqual({ ...before, graph: undefined });
    const { sizes } = session.summary;
    expect((await compareModels(bytes, saved, { sizes })).largest).toBeLessThan(1e-4);
  });
});

describe("the model screen's session", () => {
  it("orders channels with their running statistics, and folds batch norms on request", async () => {
    const session = new Session(files.MobileNet());
    const { groups } = await session.find();
    const orders = groups.filter(({ kind }) => kind === "permutation");
    expect(orders).toHaveLength(5);
    for (const { axes } of orders) expect(axes.some(({ path }) => path.endsWith("running_var"))).toBe(true);
    expect(session.summary.batchNorms).toBe(8);
    const { bytes, count, left } = await session.folded();
    expect([count, left]).toEqual([8, []]);
    expect(new Session(bytes).summary.batchNorms).toBe(0);
    expect((await compareModels(files.MobileNet(), bytes)).largest).toBeLessThan(1e-4);
  });

  it("runs inputs of the user's own in the check, and says which files fit no input", async () => {
    const session = new Session(files.convnet());
    await session.find();
    const npy = (name: string, shape: readonly number[]) =>
      new File(
        [encodeNpy({ shape, data: new Float32Array(sizeOf(shape)).fill(0.5) }) as Uint8Array<ArrayBuffer>],
        name,
      );
    // The model takes four at once.
    expect(await session.takeInputs([npy("digits.npy", [10, 1, 8, 8])])).toBe(8);
    const check = await session.check(seed);
    expect(check.own.map(({ name, shape, relative }) => [name, shape[0], relative])).toEqual([
      [check.outputs[0].name, 4, 0],
    ]);
    await session.move({ kind: "random", seed }, { seed, isBroken: true });
    expect((await session.check(seed)).own[0].relative).toBeGreaterThan(1e-4);
    for (const [shape, reason] of [
      [[10, 1, 9, 8], /has the shape \[10, 1, 9, 8\], and x takes \[4, 1, 8, 8\]/],
      [[3, 1, 8, 8], /takes 4 examples at once, and there are 3/],
    ] as const) {
      await expect(session.takeInputs([npy("digits.npy", shape)])).rejects.toThrow(reason);
    }
    await session.dispose();
  });

  it("shows tensors as maps of their largest numbers, and ranges of their channels", async () => {
    const { low, high, map, lows, highs } = lookOf({
      shape: [2, 3],
      data: Float32Array.of(1, -2, 3, 0, 0.5, -4),
    });
    expect([low, high, map.rows, map.columns]).toEqual([-4, 3, 2, 3]);
    expect([...map.values]).toEqual([1, -2, 3, 0, 0.5, -4]);
    expect([[...lows], [...highs]]).toEqual([
      [-2, -4],
      [3, 0.5],
    ]);
    const data = Float32Array.from({ length: 1000 }, (_, i) => i);
    const large = lookOf({ shape: [100, 10], data });
    expect([large.map.rows, large.map.columns]).toEqual([mostCells, 10]);
    expect([large.lows[0], large.highs.at(-1)]).toEqual([0, 999]);
    const session = new Session(files.mlp());
    await session.find();
    await session.move({ kind: "balance", by: "norm" }, { seed });
    const [{ file, now, shape }] = session.looks(["layers.0.weight"]);
    expect(shape).toEqual([16, 8]);
    expect(now.map.values).not.toEqual(file.map.values);
  });

  it("names what no symmetry moves, with the operator that stops it", async () => {
    const session = new Session(
      fileOf([node("MatMul", ["x", "w"], "h"), node("Softmax", ["h"], "s"), node("MatMul", ["s", "w"], "y")]),
    );
    const { unmoved, stops } = await session.find();
    expect(unmoved).toEqual([{ names: ["w"], operator: "Softmax" }]);
    expect(stops).toEqual([{ operator: "Softmax", nodes: 1 }]);
    const layer = new Session(fileOf([node("MatMul", ["x", "w"], "y")]));
    expect((await layer.find()).unmoved).toEqual([{ names: ["w"], operator: undefined }]);
  });

  it("slides from where the slide began, and undoes it as a whole", async () => {
    const session = new Session(files.convnet());
    await session.find();
    const slide = (t: number): Change => ({ kind: "group", group: 0, act: { kind: "slide", t } });
    await session.move(slide(0.5), { seed });
    const there = session.figures().now;
    await session.move(slide(0.9), { seed, isContinued: true });
    const back = await session.move(slide(0.5), { seed, isContinued: true });
    expect(back.slides.slice(0, 2)).toEqual([0.5, 0]);
    expect(session.figures().now).toEqual(there);
    expect(there.norm).not.toBe(session.figures().file.norm);
    // Both slides act, from the same base.
    const both = await session.move({ kind: "group", group: 1, act: { kind: "slide", t: 1 } }, { seed });
    expect(both.slides.slice(0, 2)).toEqual([0.5, 1]);
    await session.undo();
    expect(session.figures().now).toEqual(there);
    expect(await session.undo()).toMatchObject({ moved: [], canUndo: false });
    expect((await session.move(slide(0), { seed })).moved).toEqual([]);
    await session.dispose();
  });

  it("balances scales that a move has spread", async () => {
    const session = new Session(files.mlp());
    await session.find();
    await session.move({ kind: "random", seed }, { seed });
    const { now: spread } = session.figures();
    await session.move({ kind: "balance", by: "norm" }, { seed });
    const { now: even } = session.figures();
    expect(spread.sigma).toBeGreaterThan(1.5);
    expect(even.sigma).toBeCloseTo(1, 2);
    expect(even.norm).toBeLessThan(spread.norm);
    expect(largestOf(await session.check(5))).toBeLessThan(1e-4);
    await session.move({ kind: "balance", by: "range" }, { seed });
    expect(session.figures().now.rounding).toBeLessThan(spread.rounding);
    await session.dispose();
  });

  it("shows the graph of a file with unknown operators, and says in the library's words what stops it", async () => {
    const session = new Session(unknownOperator());
    const { unknown, parameters, problem } = session.summary;
    expect(unknown).toEqual([{ name: "com.example.Swirl", count: 1 }]);
    expect(parameters).toBeUndefined();
    expect(() => fromOnnx(unknownOperator())).toThrow(new DataError(problem as string));
    expect(session.graph.nodes.map(({ op, isKnown }) => [op, isKnown])).toEqual([
      ["input", true],
      ["MatMul", true],
      ["com.example.Swirl", false],
      ["MatMul", true],
      ["output", true],
    ]);
    await expect(session.find()).rejects.toThrow(new DataError(problem as string));
    expect(() => new Session(new TextEncoder().encode("no model"))).toThrow(DataError);
  });

  it("says of a file that is not opened what it is, and what to do", () => {
    const why = (bytes: Uint8Array) => {
      try {
        new Session(bytes);
      } catch (error) {
        return whyRefused(bytes, error);
      }
      return "opened";
    };
    for (const text of ["", "Shopping: bread, milk", '{"a": 1}']) {
      expect(why(new TextEncoder().encode(text))).toMatch(/^This is no ONNX file\. Choose one /);
    }
    expect(why(withDataBeside("w.data"))).toMatch(
      /^Its weights are in another file, w\.data, and the lab reads single files\. .*save_as_external_data=False\)\.$/,
    );
    expect(why(files.mlp().slice(0, 400))).not.toMatch(/no ONNX file|another file/);
  });

  it("has sizes for axes that the file leaves open, and takes others", async () => {
    const bytes = files.mlp();
    expect(new Session(bytes).summary.sizes).toEqual({ batch: 4 });
    const session = new Session(bytes, { batch: 3 });
    await session.find();
    expect((await session.check(0)).outputs[0].shape).toEqual([3, 4]);
    await session.dispose();
  });

  it("measures quantized files on several batches, and recommends one of them", async () => {
    const bytes = fileOf([
      node("MatMul", ["x", "w"], "h"),
      node("Relu", ["h"], "r"),
      node("MatMul", ["r", "w"], "y"),
    ]);
    const steps: string[] = [];
    const { table, recommended, bytes: saved } = await quantized(bytes, {}, seed, (next) => steps.push(next));
    expect(steps.length).toBeGreaterThanOrEqual(table.length);
    const most = Math.max(...table.map(({ sqnr }) => sqnr));
    expect(table[recommended].sqnr).toBeGreaterThan(most - 3);
    expect(most).toBeGreaterThan(10);
    expect(saved.length).toBe(table[recommended].bytes);
    const { opsets } = decodeModel(saved);
    expect(opsets.length).toBeGreaterThan(0);
  });

  it("moves a stream that overflows into the range of float16, and draws its values before and after", async () => {
    const bytes = transformer({ outlier: 795, width: 16, layers: 1, length: 4 });
    const { table, values, bytes: saved } = await halved(bytes, {}, seed);
    expect(table.map(({ numbers }) => numbers)).toEqual(["moved", "as it is"]);
    const [moved, asIs] = table;
    expect(asIs.overflows).toBeGreaterThan(0);
    expect(moved.overflows).toBe(0);
    expect(moved.sqnr).toBeGreaterThan(Math.max(50, asIs.sqnr));
    expect(saved.length).toBe(moved.bytes);
    const { series, yDomain = [0, 0], more } = rangesOf(values, "light");
    expect(series.map(({ name }) => name)).toEqual([
      "largest before",
      "typical before",
      "largest after",
      "typical after",
    ]);
    const [before, , after] = series.map(({ y }) => Math.max(...Array.from(y)));
    expect([before, after]).toEqual([asIs.range.size, moved.range.size]);
    expect(after).toBeLessThan(65504);
    expect(yDomain[1]).toBeGreaterThan(before);
    expect(more?.(values.length)).toBe("logits (MatMul)");
  });
});

describe("the numbers of the model screen", () => {
  it("rounds to 255 steps between the largest magnitudes", () => {
    // 127 is a step of 1: 0.5 is rounded to 1 and 2.25 to 2.
    expect(roundingOf([127, 0.5, 2.25])).toBeCloseTo(Math.hypot(0.5, 0.25) / Math.hypot(127, 0.5, 2.25), 14);
    expect(roundingOf([0, 0])).toBeUndefined();
  });

  it("has the exponential of a matrix", () => {
    const a = 2.5;
    const turn = matrixExponential(Float64Array.of(0, -a, a, 0), 2);
    [Math.cos(a), -Math.sin(a), Math.sin(a), Math.cos(a)].forEach((value, i) => {
      expect(turn[i]).toBeCloseTo(value, 13);
    });
    expect(Array.from(matrixExponential(Float64Array.of(0, 3, 0, 0), 2))).toEqual([1, 3, 0, 1]);
    expect(matrixExponential(Float64Array.of(7), 1)[0] / Math.exp(7)).toBeCloseTo(1, 13);
    expect(Array.from(matrixExponential(new Float64Array(4), 2))).toEqual([1, 0, 0, 1]);
  });
});

it("checks a file of float16 as it will be saved: with weights that are rounded", async () => {
  const { bytes } = await toHalf(files.convnet());
  const session = new Session(bytes);
  await session.find();
  await session.move({ kind: "random", seed }, { seed });
  const check = await session.check(1);
  expect(check.weights).toMatchObject({ type: "float16", tolerance: 10 * 2 ** -11 });
  // What rounding to float32 does is smaller.
  expect(largestOf(check)).toBeGreaterThan(1e-5);
  expect(largestOf(check)).toBeLessThan(10 * 2 ** -11);
  const { largest } = await compareModels(bytes, session.file(), { sizes: session.summary.sizes });
  expect(largest).toBeGreaterThan(1e-5);
  await session.dispose();
});

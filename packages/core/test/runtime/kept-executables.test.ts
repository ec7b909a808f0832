import { afterEach, describe, expect, it, vi } from "vitest";
import { array } from "../../src/array.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compile } from "../../src/runtime/compile.js";
import { compiledAnew, keepExecutables, usedExecutables } from "../../src/runtime/kept-executables.js";
import { setDefaultThreads } from "../../src/runtime/onnx/threads.js";

const ort = (await import("onnxruntime-node")).InferenceSession;
const created = vi.spyOn(ort, "create");

/** Opens sessions for the graph x -> factor x, of 12 bytes of results, and counts those that are new. */
const opened = async (factor: number, threads?: number) => {
  const { graph } = trace(({ x }) => ({ y: mul(factor, x) }), { x: spec([3]) });
  const before = created.mock.calls.length;
  const executable = await compile(graph, { runtime: "onnx", threads });
  return { executable, isNew: created.mock.calls.length > before };
};
/** The same, disposed at once. */
const isNew = async (factor: number, threads?: number) => {
  const { executable, isNew: is } = await opened(factor, threads);
  await executable.dispose();
  return is;
};
const x = array([1, 2, 3]);
const resultOf = async ({ executable }: Awaited<ReturnType<typeof opened>>) =>
  Array.from((await executable.run({ x })).y.data, Number);

afterEach(async () => {
  await keepExecutables(0);
  setDefaultThreads(undefined);
});

describe("executables of ONNX Runtime", () => {
  it("are opened anew for each user unless a program keeps them", async () => {
    expect([await isNew(2), await isNew(2)]).toEqual([true, true]);
  });

  it("are kept for the same graph, and each user disposes its own alone", async () => {
    await keepExecutables(1000);
    const [one, two] = [await opened(2), await opened(2)];
    expect([one.isNew, two.isNew]).toEqual([true, false]);
    await one.executable.dispose();
    await expect(resultOf(one)).rejects.toThrow("disposed");
    expect(await resultOf(two)).toEqual([2, 4, 6]);
    await two.executable.dispose();
    const three = await opened(2);
    expect(three.isNew).toBe(false);
    expect(await resultOf(three)).toEqual([2, 4, 6]);
    await three.executable.dispose();
  });

  it("are others for other numbers and threads", async () => {
    await keepExecutables(1000);
    expect([await isNew(2), await isNew(3), await isNew(2, 2), await isNew(2)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    setDefaultThreads(3);
    expect([await isNew(2), await isNew(2, 3), await isNew(2)]).toEqual([true, true, false]);
  });

  it("leave, the least recently used first, where all have too many results, and large ones are not kept", async () => {
    await keepExecutables(50);
    for (const factor of [2, 3, 4, 5, 2, 6]) await isNew(factor);
    expect([await isNew(2), await isNew(3)]).toEqual([false, true]);
    await keepExecutables(40);
    expect([await isNew(7), await isNew(7)]).toEqual([true, true]);
  });

  it("leave where they are many, and are not kept with several threads", async () => {
    await keepExecutables(2 ** 20);
    for (let factor = 2; factor < 35; factor++) await isNew(factor);
    expect([await isNew(3), await isNew(2)]).toEqual([false, true]);
    expect([await isNew(2, 2), await isNew(2, 2)]).toEqual([true, true]);
  });

  it("stay open for their users however many others come", async () => {
    await keepExecutables(50);
    // Other tests of this process leave some open.
    const others = usedExecutables();
    const held = await opened(2);
    for (const factor of [3, 4, 5, 6, 7]) await isNew(factor);
    expect(usedExecutables()).toBe(others + 1);
    expect(await resultOf(held)).toEqual([2, 4, 6]);
    await held.executable.dispose();
    expect(usedExecutables()).toBe(others);
  });

  it("are opened anew where a time includes compilation", async () => {
    await keepExecutables(1000);
    await isNew(2);
    expect([await compiledAnew(() => isNew(2)), await isNew(2)]).toEqual([true, false]);
  });
});

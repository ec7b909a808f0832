import { describe, expect, it, vi } from "vitest";
import { openInModel } from "../../src/app/open-in-model.js";
import { Landscape } from "../../src/screens/landscape/controller.svelte.js";
import type { LandscapeState } from "../../src/screens/landscape/state.js";
import { Model } from "../../src/screens/model/controller.svelte.js";
import { printModel } from "../../src/screens/model/state.js";
import { Tasks } from "../../src/screens/tasks/controller.svelte.js";
import { type TasksState, presets as tasksPresets } from "../../src/screens/tasks/state.js";
import { Train } from "../../src/screens/train/controller.svelte.js";
import { HeldWorker } from "../controllers.js";

describe("the controller of the landscape screen", () => {
  const opened = (query: string) => {
    const worker = new HeldWorker();
    const landscape = new Landscape(query, () => worker);
    landscape.compute();
    return { worker, landscape };
  };

  it("runs again what was stopped for a method more, also where one more is added", async () => {
    const { worker, landscape } = opened("n=100000");
    const stop = async (methods: readonly string[]) => {
      for (const method of methods) {
        const empty = new Float64Array(0);
        await worker.part("run", { method, status: "stopped", loss: empty, x: empty, y: empty });
      }
      await worker.value("run", undefined);
    };
    const asked = () => worker.calls("run").map(({ args }) => (args as { state: LandscapeState }).state.with);
    landscape.set({ with: ["plain", "teleported", "lbfgs"] });
    await stop(["plain", "teleported"]);
    landscape.set({ with: ["plain", "teleported", "lbfgs", "cg"] });
    await stop(["plain", "teleported", "lbfgs"]);
    expect(asked()).toEqual([
      ["plain", "teleported"],
      ["plain", "teleported", "lbfgs"],
      ["plain", "teleported", "lbfgs", "cg"],
    ]);
  });

  it("says which settings the runs are of that charts have axes for, until others have come", async () => {
    const { worker, landscape } = opened("with=plain");
    const list = new Float64Array(1);
    const run = { method: "plain", status: "done", loss: list, x: list, y: list, times: { runs: 1 } };
    await worker.part("run", run);
    const before = landscape.runsOf;
    landscape.set({ x: [0, 0] });
    expect(landscape.runsOf).toBe(before);
    await worker.value("run", undefined);
    await worker.part("run", run);
    expect(landscape.runsOf).not.toBe(before);
  });

  it("times again what a change or Stop left untimed", async () => {
    const { worker, landscape } = opened("");
    const list = new Float64Array(1);
    const cold = (method: string, runs = 0) => ({
      method,
      status: "done",
      loss: list,
      x: list,
      y: list,
      times: { runs },
    });
    for (const method of ["plain", "teleported"]) await worker.part("run", cold(method));
    await worker.part("run", cold("plain", 3));
    landscape.set({ with: ["plain", "teleported", "cg"] });
    await worker.value("run", undefined);
    const [, again] = worker.calls("run").map(({ args }) => (args as { state: LandscapeState }).state.with);
    expect(again).toEqual(["teleported", "cg"]);
  });

  it("shows no levels of the function before where there are none", async () => {
    const { worker, landscape } = opened("f=own");
    landscape.show({ width: 100, height: 100 }, "light");
    await worker.value("levels", { bitmap: { close: () => {} } });
    expect(landscape.picture).toBeDefined();
    landscape.set({ r1: "log(-1 - x^2)" });
    await worker.fail("levels", "No levels: r₁ is nowhere finite.");
    expect([landscape.picture, landscape.unpainted]).toEqual([undefined, "No levels: r₁ is nowhere finite."]);
    // The runs go on, and end as others do.
    expect(landscape.isBusy).toBe(true);
    for (let run = 0; run < 2; run++) await worker.value("run", undefined);
    expect([landscape.isBusy, landscape.message]).toEqual([false, expect.stringMatching(/^Done/)]);
    expect(landscape.unpainted).not.toBe("");
    landscape.set({ r1: "x" });
    await worker.value("levels", { bitmap: { close: () => {} } });
    expect(landscape.unpainted).toBe("");
  });

  it("drops the levels whose worker had to be ended, not those that wait for newer ones, and paints them on return", async () => {
    const { worker, landscape } = opened("f=own");
    const size = { width: 100, height: 100 };
    landscape.show(size, "light");
    await worker.value("levels", { bitmap: { close: () => {} } });
    for (const r1 of ["x", "x - 1", "x - 2"]) landscape.set({ r1 });
    await worker.idle();
    expect(landscape.picture).toBeDefined();
    landscape.stop();
    await expect.poll(() => landscape.picture).toBeUndefined();
    const before = worker.calls("levels").length;
    landscape.show(undefined, "light");
    landscape.show(size, "light");
    expect(worker.calls("levels")).toHaveLength(before + 1);
    await worker.value("levels", { bitmap: { close: () => {} } });
    expect(landscape.picture).toBeDefined();
  });

  it("says why the start stays where the point is on another level", async () => {
    const { worker, landscape } = opened("f=booth&orbit=here&on=90");
    const list = Float64Array.of(0, 1);
    await worker.value("orbit", { isGroup: true, t: list, x: list, y: list, gradNormSq: list, loss: list });
    landscape.teleport();
    expect([landscape.state.x, landscape.message]).toEqual([
      [5, -5],
      expect.stringMatching(/^The point is not/),
    ]);
  });

  it("is busy until also the run from the point is done, and says nothing of it once that was stopped", async () => {
    const { worker, landscape } = opened("f=booth&with=plain,hand");
    const list = Float64Array.of(0, 1);
    const orbit = { isGroup: true, t: list, x: list, y: list, gradNormSq: list, loss: list };
    await worker.value("orbit", orbit);
    const [run, hand] = worker.calls("run");
    await worker.answer(run, undefined);
    expect(landscape.isBusy).toBe(true);
    await worker.answer(hand, undefined);
    expect([landscape.isBusy, landscape.message]).toEqual([false, expect.stringMatching(/^Done/)]);
    landscape.moveHand(1);
    expect(landscape.isBusy).toBe(true);
    landscape.stop();
    await worker.value("run", undefined);
    expect([landscape.isBusy, landscape.message]).toEqual([false, expect.stringMatching(/^Stopped/)]);
  });

  it("follows the level set anew where another part of the plane is shown", () => {
    const { worker, landscape } = opened("f=own");
    landscape.set({ view: 3 });
    expect(worker.isStopped(worker.calls("orbit")[0])).toBe(true);
  });
});

describe("the controller of the tasks screen", () => {
  const opened = (query: string) => {
    const worker = new HeldWorker();
    const tasks = new Tasks(query, () => worker);
    tasks.reload();
    return { worker, tasks };
  };

  it.each(["y=first", "shows=second"])("runs a preset from its start, also after %s", async (seen) => {
    const { worker, tasks } = opened(seen);
    await worker.value("run", undefined);
    tasks.set(tasksPresets.tenth.state);
    const starts = worker.calls("run").map(({ args }) => (args as TasksState).x);
    expect(starts).toEqual([
      [-8.5, 7.5],
      [9, 9],
    ]);
  });

  it("runs nothing where only what is shown changes", async () => {
    const { worker, tasks } = opened("");
    await worker.value("run", undefined);
    tasks.set({ y: "second", shows: "first" });
    expect(worker.calls("run")).toHaveLength(1);
  });

  it("shows no levels of the loss before where there are none", async () => {
    const { worker, tasks } = opened("");
    tasks.show({ width: 100, height: 100 }, "light");
    await worker.value("levels", { bitmap: { close: () => {} } });
    expect(tasks.picture).toBeDefined();
    tasks.set({ shows: "second" });
    await worker.fail("levels", "no memory");
    expect([tasks.picture, tasks.unpainted]).toEqual([undefined, "no memory"]);
  });

  it("runs from all five starts again where that did not end, and not where it did", async () => {
    const { worker, tasks } = opened("");
    await worker.value("run", undefined);
    tasks.tryStarts();
    expect(tasks.state.from).toBe("five");
    const arrival = { method: "mgda", variant: "alone", start: 0 };
    await worker.part("arrivals", arrival);
    tasks.set({ x: [1, 2] });
    await worker.value("arrivals", undefined);
    expect([tasks.arrivals, tasks.isTrying]).toEqual([[], false]);
    await worker.value("run", undefined);
    expect(worker.calls("arrivals")).toHaveLength(2);
    await worker.part("arrivals", arrival);
    tasks.set({ y: "first" });
    await worker.value("arrivals", undefined);
    await worker.value("run", undefined);
    tasks.set({ x: [3, 4] });
    await worker.value("run", undefined);
    expect([worker.calls("arrivals").length, tasks.arrivals.length, tasks.isBusy]).toEqual([2, 1, false]);
    tasks.set({ from: "one" });
    expect(tasks.arrivals).toEqual([]);
  });

  it("tries the starts no more after an error", async () => {
    const worker = new HeldWorker();
    const tasks = new Tasks("", () => worker);
    tasks.tryStarts();
    await worker.fail("arrivals", "no memory");
    expect([tasks.isTrying, tasks.message]).toEqual([false, "no memory"]);
  });
});

describe("the controller of the train screen", () => {
  const opened = () => {
    const worker = new HeldWorker();
    return { worker, train: new Train("", () => worker) };
  };

  it("neither trains nor shows the data before, where a file is refused", async () => {
    const { worker, train } = opened();
    train.reload();
    await worker.value("begin", { moves: [], points: undefined, examples: [160, 40] });
    await train.choose(new File(["1,2"], "points.csv"));
    await worker.value("train", false);
    for (const call of ["begin", "train"]) await worker.fail(call, "Line 1 has 2 columns.");
    expect(train.message).toBe("Line 1 has 2 columns.");
    expect([train.isTraining, train.isBusy, train.begun]).toEqual([false, false, undefined]);
  });

  it("races no more after an error, and once it trains", async () => {
    const { worker, train } = opened();
    train.race();
    await worker.fail("race", "This network has no such symmetry.");
    expect([train.isRacing, train.message]).toEqual([false, "This network has no such symmetry."]);
    train.race();
    train.train();
    await worker.value("race", undefined);
    expect([train.isRacing, train.isTraining]).toEqual([false, true]);
  });

  it("forgets the race of other points with the same settings", async () => {
    const { worker, train } = opened();
    const choose = () => train.choose(new File(["1,2,a"], "points.csv"));
    await choose();
    train.race();
    await worker.value("train", false);
    await worker.part("race", { seed: 2000, plain: 1, teleported: 1 });
    train.reload();
    expect(train.raced).toHaveLength(1);
    await choose();
    expect(train.raced).toEqual([]);
  });

  it("names the runs of which some seeds diverged", async () => {
    const { worker, train } = opened();
    train.reload();
    const run = { name: "plain", status: "done", spreads: { count: 3, diverged: 1 } };
    await worker.part("train", { runs: [run], missing: [], regions: [] });
    await worker.value("train", true);
    expect(train.message).toBe("Done. Diverged: plain (1 of 3 seeds).");
  });

  it("goes on with what is newer than an error", async () => {
    const { worker, train } = opened();
    train.reload();
    train.set({ lr: 0.2 });
    await worker.fail("train", "Out of memory.");
    expect([train.isTraining, train.isBusy, train.message]).toEqual([true, true, ""]);
  });
});

describe("the controller of the model screen", () => {
  const opened = async () => {
    const worker = new HeldWorker();
    const model = new Model("", () => worker);
    model.openSample();
    await worker.value("open", { summary: {}, graph: { nodes: [], edges: [] } });
    await worker.value("draw", { layout: {} });
    return { worker, model };
  };
  const fileOf = (byte: number, isRead: Promise<unknown> = Promise.resolve()): File => {
    const file = new File([Uint8Array.of(byte)], `${byte}.onnx`);
    const { buffer } = Uint8Array.of(byte);
    return Object.assign(file, { arrayBuffer: () => isRead.then(() => buffer) });
  };
  const sources = (worker: HeldWorker) =>
    worker.calls("open").map(({ args }) => (args as { readonly source: unknown }).source);

  it("opens of two files the one that was chosen last, however long the first takes to be read", async () => {
    const { worker, model } = await opened();
    let read: (value?: unknown) => void = () => {};
    void model.openFile(fileOf(1, new Promise((resolve) => (read = resolve))));
    void model.openFile(fileOf(2));
    await worker.idle();
    await worker.value("open", { summary: { problem: "none" }, graph: { nodes: [], edges: [] } });
    read();
    await worker.idle();
    expect(sources(worker)).toEqual(["mlp", Uint8Array.of(2)]);
  });

  it("names a file that is not opened, and the model that it still shows", async () => {
    const { worker, model } = await opened();
    void model.openFile(fileOf(1));
    await worker.idle();
    await worker.fail("open", "This is no ONNX file.");
    expect([model.problem, model.message]).toEqual([
      "1.onnx is not opened: This is no ONNX file. The screen still shows perceptron 8-16-4, leaky ReLU.",
      "Done, but the file was not opened.",
    ]);
    const large = Object.defineProperty(fileOf(2), "size", { value: 65e6 });
    await model.openFile(large);
    expect(model.problem).toMatch(
      /^2\.onnx has 65\.0 MB; files of up to 64 MB .* The screen still shows perceptron /,
    );
  });

  it("keeps a size that was asked for while the model is traced with it", async () => {
    const { worker, model } = await opened();
    model.resize({ batch: 7 });
    model.resize({ width: 9 });
    await worker.value("open", { summary: { problem: "none" }, graph: { nodes: [], edges: [] } });
    expect(worker.calls("open").map(({ args }) => (args as { readonly sizes: unknown }).sizes)).toEqual([
      {},
      { batch: 7 },
      { batch: 7, width: 9 },
    ]);
  });

  /** A model with a tensor that was moved, and compared. */
  const moved = async () => {
    const { worker, model } = await opened();
    const position = { slides: [0], moved: ["w"], canUndo: true };
    await worker.value("find", { found: { groups: [], moves: [] }, position });
    await worker.value("check", { outputs: [], tenfold: [], weights: { tolerance: 1 } });
    return { worker, model };
  };

  it("asks before the sample of another address takes the place of moves, also where the screen is entered", async () => {
    const { worker, model } = await moved();
    await worker.value("figures", {});
    model.enter("", printModel);
    model.leave();
    model.enter("sample=convnet", printModel);
    expect([sources(worker), model.question?.text]).toEqual([["mlp"], expect.stringContaining("not saved")]);
    model.question?.cancel();
    expect(model.state.sample).toBe("mlp");
    model.enter("sample=convnet", printModel);
    model.question?.proceed();
    expect(sources(worker)).toEqual(["mlp", "convnet"]);
    model.leave();
  });

  it("asks of the last address alone, and not of one that names the model that is shown", async () => {
    const { worker, model } = await moved();
    model.follow("sample=convnet");
    model.follow("sample=attention");
    model.leave();
    expect([model.state.sample, model.question]).toEqual(["mlp", undefined]);
    model.follow("sample=convnet");
    model.follow("");
    expect([model.state.sample, model.question]).toEqual(["mlp", undefined]);
    model.follow("sample=convnet");
    await model.openFile(new File([Uint8Array.of(8)], "other.onnx"));
    expect([model.state.sample, model.question?.text]).toEqual(["mlp", expect.stringContaining("not saved")]);
    model.question?.proceed();
    expect(sources(worker)).toEqual(["mlp", Uint8Array.of(8)]);
    model.leave();
  });

  it("opens a file that another screen gives, after asking about moves that were not saved", async () => {
    const worker = new HeldWorker();
    const model = new Model("", () => worker);
    model.enter("", printModel);
    const shown = { summary: {}, graph: { nodes: [], edges: [] } };
    await worker.value("reopen", { shown, opened: { source: "mlp", sample: "mlp" } });
    await worker.value("draw", { layout: {} });
    await worker.value("find", { found: {}, position: { slides: [0], moved: ["w"], canUndo: true } });
    await worker.value("check", { outputs: [], tenfold: [], weights: { tolerance: 1 } });
    await worker.value("figures", {});
    model.leave();
    vi.stubGlobal("location", { hash: "#/train?net=8&theme=dark" });
    openInModel(Uint8Array.of(8), "trained.onnx");
    expect(location.hash).toBe("#/model?theme=dark");
    model.enter("sample=attention", printModel);
    await worker.idle();
    expect([sources(worker), model.question?.text]).toEqual([[], expect.stringContaining("not saved")]);
    model.question?.proceed();
    expect(sources(worker)).toEqual([Uint8Array.of(8)]);
    model.leave();
    vi.unstubAllGlobals();
  });

  it("says that it computes figures, and can be stopped at that", async () => {
    const { worker, model } = await moved();
    expect([model.isBusy, model.doing]).toEqual([true, "Computing the figures of the weights…"]);
    model.stop();
    await worker.value("figures", {});
    expect([model.isBusy, model.message]).toEqual([false, expect.stringMatching(/^Stopped/)]);
    void model.weigh();
    expect(model.isBusy).toBe(true);
    await worker.value("figures", {});
    expect(model.isBusy).toBe(false);
  });

  it("draws the graph anew where an address has another direction, and opens nothing", async () => {
    const { worker, model } = await opened();
    model.follow("dir=lr");
    const directions = worker.calls("draw").map(({ args }) => (args as { direction: string }).direction);
    expect(directions).toEqual(["tb", "lr"]);
    model.follow("dir=lr&sample=convnet");
    expect(sources(worker)).toEqual(["mlp", "convnet"]);
  });
});

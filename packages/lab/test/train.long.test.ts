import { readFileSync } from "node:fs";
import { array, compile, createTrainer, decodeCheckpoint, mlp, namedArrays, spec, trace } from "isoloss";
import { decodeSafetensors, digits, divide, moons } from "isoloss/data";
import { createOptimizer } from "isoloss/optim";
import { runningMean } from "isoloss-figures/base";
import { fromOnnx } from "isoloss-onnx";
import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Raced } from "../src/screens/train/race-result.js";
import type { TrainRun } from "../src/screens/train/run.js";
import type { TrainState } from "../src/screens/train/state.js";
import { hashOf, inspected, settled, titled, useLab } from "./support.js";

interface Inspected {
  readonly state: TrainState;
  readonly runs: readonly TrainRun[];
  readonly raced: readonly Raced[];
}

describe.skipIf(!executablePath)(titled("the train screen"), () => {
  const { open } = useLab();
  const shown = (page: Page) => inspected<Inspected>(page);
  const runs = async (page: Page) =>
    Object.fromEntries((await shown(page)).runs.map((run) => [run.name, run] as const));
  const paused = (page: Page) => settled(page, /^\s*Paused/);

  it.each([
    ["digits", "#/train?data=digits&net=16&batch=20&epochs=2&tp=at:9&with=plain", [64, 16, 10], 20, digits],
    ["moons", "#/train?net=8&epochs=10&with=plain", [2, 8, 2], 40, () => moons({ noise: 0.15 })],
  ] as const)("shows the numbers of a trainer: %s", async (_, address, sizes, batchSize, data) => {
    const page = await open(address.replace("tp=at:9", "tp=9"));
    const { plain } = await runs(page);
    const trainer = await createTrainer({
      model: mlp({ sizes: [...sizes], activation: "leakyRelu", slope: 0.1 }),
      data: divide(data()).train,
      optimizer: createOptimizer("gd"),
      learningRate: 0.1,
      batchSize,
      gradNorm: true,
      runtime: "javascript",
    });
    await trainer.run({ steps: 100 });
    expect(plain.loss.length).toBeGreaterThanOrEqual(100);
    // float32, with the browser's own exp and log.
    trainer.history.loss.forEach((loss, t) => {
      expect(Math.abs(plain.loss[t] - loss)).toBeLessThan(1e-5 * Math.max(1, loss));
    });
    await trainer.run({ steps: plain.last - 100 });
    const { loss, accuracy = Number.NaN } = await trainer.evaluate(divide(data()).validation as never);
    expect((plain.heldOut?.loss as number) / loss).toBeCloseTo(1, 4);
    expect(plain.heldOut?.accuracy).toBeCloseTo(accuracy, 10);
    const smooth = runningMean(trainer.history.gradNormSq, Math.round(plain.last / 50)).at(-1) as number;
    expect((plain.smoothGradNormSq.at(-1) as number) / smooth).toBeCloseTo(1, 3);
  });

  it("says that a step takes all examples where a batch is larger than the data", async () => {
    const page = await open("#/train?batch=1000&epochs=2&tp=off&with=plain");
    const note = page.getByText("A step takes all 400 examples");
    expect(await note.count()).toBe(1);
    expect((await runs(page)).plain.last).toBe(2);
    await page.getByLabel("Batch").fill("400");
    await page.keyboard.press("Enter");
    await expect.poll(() => note.count()).toBe(0);
  });

  it("teleports without moving the loss, and leaves the plain run as it is", async () => {
    const page = await open("#/train?epochs=20&tp=50,100&with=plain,teleported");
    const { plain, teleported } = await runs(page);
    const alone = await runs(await open("#/train?epochs=20&with=plain"));
    expect(plain.loss).toEqual(alone.plain.loss);
    const { step, drift, accepted } = teleported.teleports;
    expect(Array.from(step)).toEqual([50, 100]);
    drift.forEach((value, k) => {
      if (accepted[k]) expect(value).toBeLessThan(1e-4);
    });
    const card = page.locator("section.card").filter({ hasText: "The last teleport" });
    expect(await card.textContent()).toMatch(/Before step 100: (accepted|refused)/);
    const table = await page.locator(".results tbody tr").allTextContents();
    expect(table[1]).toContain("of 2");
  });

  it("pauses, teleports now by key, goes on, and starts again with the same numbers", async () => {
    const page = await open("#/train?epochs=20&tp=off&with=plain,teleported");
    const before = await runs(page);
    await page.getByRole("button", { name: "Train again" }).click();
    await settled(page);
    expect((await runs(page)).teleported.loss).toEqual(before.teleported.loss);
    // Who asked for less motion finds it paused at its first steps; a new tab has kept no training.
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await paused(page);
    await page.keyboard.press("t");
    await settled(page);
    const after = await runs(page);
    expect(after.plain.loss).toEqual(before.plain.loss);
    const { step, drift, accepted } = after.teleported.teleports;
    expect(step).toHaveLength(1);
    expect(step[0]).toBeLessThan(200);
    if (accepted[0]) expect(drift[0]).toBeLessThan(1e-4);
  });

  it("pauses while its tab is hidden, and goes on after", async () => {
    const page = await open("#/train?epochs=1&with=plain");
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    });
    await page.getByLabel("Epochs").fill("4000");
    await page.keyboard.press("Enter");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await paused(page);
    const { plain } = await runs(page);
    await page.waitForTimeout(400);
    expect((await runs(page)).plain?.steps).toBe(plain?.steps);
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => false });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.waitForFunction((from) => {
      const lab = (globalThis as unknown as { isolossLab: { inspect(): { runs: { steps: number }[] } } })
        .isolossLab;
      return (lab.inspect().runs[0]?.steps ?? 0) > from;
    }, plain?.steps ?? 0);
    await page.getByRole("button", { name: "Pause" }).click();
    await paused(page);
  });

  it("takes points of a user's own, and says where they are wrong", async () => {
    const page = await open("#/train?epochs=2&with=plain");
    const file = (text: string) => ({ name: "points.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    const input = page.locator("input[type=file]");
    await input.setInputFiles(file("1,2,a\n3,four,b\n"));
    await page.waitForFunction(() =>
      document
        .querySelector(".status")
        ?.textContent?.includes('Line 2, column 2: "four" is no finite number.'),
    );
    const rows = Array.from(
      { length: 60 },
      (_, k) => `${Math.cos(k) + (k % 3) * 4},${Math.sin(k)},class ${k % 3}`,
    );
    await input.setInputFiles(file(rows.join("\n")));
    await page.waitForFunction(() => location.hash.includes("data=own"));
    await settled(page);
    const { plain } = await runs(page);
    expect(plain.status).toBe("done");
    expect(await page.getByRole("img", { name: /^What plain sees/ }).count()).toBe(1);
    const linked = await open(await hashOf(page));
    expect((await shown(linked)).state.data).toBe("moons");
    expect(await linked.locator(".status").textContent()).toContain("points of your own are in no link");
  });

  it("races eight seeds to an interval and its sentence", async () => {
    const page = await open("#/train?net=4&epochs=1&with=plain,teleported&tp=5");
    await page.getByRole("button", { name: "Run 8 seeds" }).click();
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("Done: a race of 8 seeds."),
    );
    expect((await shown(page)).raced).toHaveLength(8);
    const card = page.locator("section.card").filter({ hasText: "Each at its best rate" });
    expect(await card.locator(".result").textContent()).toMatch(
      /teleported \/ plain:\s+[\d.]+\s+\[[\d.]+, [\d.]+\]\. (On these seeds|The interval holds 1)/,
    );
  });

  it("saves weights, curves and tables, and its link restores the settings", async () => {
    const page = await open("#/train?net=5&epochs=2&act=tanh&sym=hidden&with=plain,teleported&y=heldOut");
    const [weights] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save weights" }).click(),
    ]);
    expect(weights.suggestedFilename()).toBe("teleported.safetensors");
    const { tensors } = decodeSafetensors(readFileSync(await weights.path()));
    expect(tensors["layers.0.weight"].shape).toEqual([5, 2]);
    const network = async (name: string, file: string) => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(file);
      return readFileSync(await download.path());
    };
    const checkpoint = decodeCheckpoint(
      await network("Save checkpoint", "teleported-checkpoint.safetensors"),
    );
    const { teleported } = await runs(page);
    expect(checkpoint.rest.step).toBe(teleported.steps);
    expect(checkpoint.tensors["params.layers.0.weight"]).toEqual(tensors["layers.0.weight"]);
    // The file computes what the weights say, and opens in the Model screen.
    const onnx = await network("Save as ONNX", "teleported.onnx");
    const { apply, params } = fromOnnx(onnx);
    expect(params).toMatchObject({ "layers.0.weight": { shape: [5, 2] } });
    const x = spec([3, 2]);
    const { graph } = trace(({ p, x: at }) => apply(p, { x: at }).logits, { p: params, x });
    const executable = await compile(graph, { runtime: "javascript" });
    const points = array(
      [
        [0.5, -1],
        [2, 0],
        [-0.3, 0.7],
      ],
      "float32",
    );
    const { result } = await executable.run({ ...namedArrays({ p: params }), x: points });
    const w = (name: string, i: number) => Number(tensors[name].data[i]);
    const hidden = (k: number, j: number) =>
      Math.tanh(
        w("layers.0.weight", 2 * j) * Number(points.data[2 * k]) +
          w("layers.0.weight", 2 * j + 1) * Number(points.data[2 * k + 1]) +
          w("layers.0.bias", j),
      );
    for (let k = 0; k < 3; k++) {
      for (const c of [0, 1]) {
        const sum = [0, 1, 2, 3, 4].reduce((s, j) => s + w("layers.1.weight", 5 * c + j) * hidden(k, j), 0);
        expect(result.data[2 * k + c]).toBeCloseTo(sum + w("layers.1.bias", c), 5);
      }
    }
    const model = await open("#/model");
    await model.locator("input[type=file]").first().setInputFiles({
      name: "teleported.onnx",
      mimeType: "application/octet-stream",
      buffer: onnx,
    });
    await model.waitForFunction(
      () =>
        document.querySelector("main")?.textContent?.includes("teleported.onnx") &&
        /Done: outputs kept/.test(document.querySelector(".status")?.textContent ?? ""),
    );
    // The same file can be chosen again.
    expect(await model.locator("input[type=file]").first().inputValue()).toBe("");
    // tanh keeps the signs of its five units.
    expect(await model.locator("main").textContent()).toContain("5 units");
    await model.close();
    const [curves] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save curves as SVG" }).click(),
    ]);
    expect(readFileSync(await curves.path(), "utf8")).toMatch(/^<svg.*teleported.*<\/svg>\n$/s);
    const again = await open(await hashOf(page));
    expect((await shown(again)).state).toEqual((await shown(page)).state);
    expect((await runs(again)).plain.loss).toEqual((await runs(page)).plain.loss);
  });
});

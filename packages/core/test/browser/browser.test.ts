import { describe, expect, it } from "vitest";
import { rosenbrock } from "./page/cases.js";
import { distance, expectDerivatives, javascript, servedPages, title, wasm } from "./pages.js";
import { call, executablePath } from "./site.js";

describe.skipIf(!executablePath)(title, () => {
  const pages = servedPages();

  it("is bundled without a warning: nothing in it is for Node alone", () => {
    expect(pages.warnings).toEqual([]);
  });

  it("runs a loop of generated JavaScript: gradient descent on Rosenbrock's function", async () => {
    const page = await pages.open(pages.plain);
    const results = await call(page, "rosenbrock", { steps: 1000, ...javascript });
    let [x, y] = [-1, -1];
    for (let step = 0; step < 1000; step++) {
      // d/dx = -2 (1 - x) - 400 x (y - x^2), d/dy = 200 (y - x^2).
      const rise = y - x * x;
      expect(results.value[step]).toBeCloseTo((1 - x) ** 2 + 100 * rise ** 2, 10);
      [x, y] = [x + 1e-3 * (2 * (1 - x) + 400 * x * rise), y - 1e-3 * 200 * rise];
    }
    expect(results.x[0]).toBeCloseTo(x, 12);
    expect(results.y[0]).toBeCloseTo(y, 12);
    expect(distance(await rosenbrock({ steps: 1000, ...javascript }), results)).toBeLessThan(1e-12);
  });

  it("gives first and second derivatives of the mlp in JavaScript, and in WebAssembly up to rounding", () =>
    expectDerivatives(pages, "mlp"));

  it("names the providers there are when it is asked for one that there is not", async () => {
    const page = await pages.open(pages.plain);
    await expect(call(page, "derivatives", "mlp", { provider: "cuda" })).rejects.toThrow(
      /ONNX Runtime has no provider "cuda" here; it has wasm(, webgpu)?\. Leave the provider out/,
    );
  });

  it.each([
    ["javascript", "javascript"],
    ["onnx", "onnx (wasm)"],
  ] as const)(
    "trains on the digits with runtime: %s, and teleports with the loss unchanged",
    async (runtime, ranOn) => {
      const page = await pages.open(pages.plain);
      const result = await call(page, "trainAndTeleport", { runtime });
      expect(result.ranOn).toBe(ranOn);
      expect(result.losses).toHaveLength(100);
      // By chance: log 10 = 2.3.
      expect(result.losses[0]).toBeGreaterThan(2);
      expect(Math.max(...result.losses.slice(-10))).toBeLessThan(0.7);
      expect(result.accuracy).toBeGreaterThan(0.85);
      expect(result.report.accepted).toBe(true);
      expect(result.report.drift).toBeLessThan(1e-5);
      expect(result.report.gradNormSqAfter).toBeGreaterThan(1.01 * result.report.gradNormSqBefore);
    },
  );

  it("trains on a module's stream that a Web Worker reads, with the bits of one that the page reads", async () => {
    const page = await pages.open(pages.plain);
    const { worker, page: own } = await call(page, "streamInWorker");
    expect(worker).toHaveLength(36);
    expect(worker).toEqual(own);
    expect(worker[35]).toBeLessThan(worker[0]);
    // 1: there was no document where it was read.
    expect(await call(page, "failingInWorker", "where")).toEqual({
      parts: [1],
      error: expect.stringMatching(
        /DataError: The stream "where" of .*waves\.js failed: the connection is gone\./,
      ),
    });
    const none = await call(page, "failingInWorker", "other");
    expect(none.error).toMatch(/it is no stream/);
  });

  it("says what is missing where the WebAssembly cannot be loaded", async () => {
    const page = await pages.open(pages.plain);
    await page.route("**/*.wasm", (route) => route.fulfill({ status: 404 }));
    await expect(call(page, "derivatives", "mlp", wasm)).rejects.toThrow(
      /ONNX Runtime \(wasm\) could not start; serve its \.wasm and \.mjs files .*env\.wasm\.wasmPaths/,
    );
    expect(pages.complaints.splice(0).length).toBeGreaterThan(0);
  });
});

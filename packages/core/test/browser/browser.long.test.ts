import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { modelError, type QuantizeModelOptions } from "isoloss-onnx";
import {
  buildSite,
  executablePath,
  isolationHeaders,
  launch,
  serveBuilt,
  serveSources,
} from "isoloss-test-support/browser/site";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import {
  compensatedQdq,
  compensatedSettings,
  exactResult,
  showingIntegers,
} from "isoloss-test-support/compress/quantize/support";
import { fixtures } from "isoloss-test-support/model-file/float16-fixtures";
import { transformer, transformerInputs } from "isoloss-test-support/model-file/transformer";
import { runOrt } from "isoloss-test-support/nn/onnx/support";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { derivatives, rosenbrock } from "./page/cases.js";
import { bytesOf, examples, textOf } from "./page/quantized.js";
import { call, distance, expectDerivatives, javascript, servedPages, title, wasm } from "./pages.js";

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

  it("is below 200 kB (gzip) in a page that computes in JavaScript, where ONNX Runtime need not be installed", async () => {
    cpSync(fileURLToPath(new URL("javascript-page", import.meta.url)), pages.withoutOnnx, {
      recursive: true,
    });
    const found = await buildSite(pages.withoutOnnx);
    // The files that its threads would need.
    expect(found.filter((text) => !/new URL\("onnxruntime-web\/[^"]*"/.test(text))).toEqual([]);
    const assets = join(pages.withoutOnnx, "dist/assets");
    const bytes = readdirSync(assets).map((name) => gzipSync(readFileSync(join(assets, name))).length);
    expect(bytes.reduce((a, b) => a + b)).toBeLessThan(200_000);

    const site = await serveBuilt(pages.withoutOnnx);
    try {
      const page = await pages.open(site);
      const { accuracy, runtime, teleports } = await call(page, "train");
      expect(runtime).toBe("javascript");
      expect(accuracy).toBeGreaterThan(0.85);
      expect(teleports).toBe(1);
      const { ranOn, advice } = await call(page, "large", "auto");
      expect(ranOn).toBe("javascript");
      expect(advice).toMatch(/ONNX Runtime is expected to be .* times as fast.* npm install onnxruntime-web/);
      await expect(call(page, "large", "onnx")).rejects.toThrow(/Type: npm install onnxruntime-web/);
      await page.close();
    } finally {
      await site.close();
    }
  });

  it("shows the page of examples/browser: a training with teleports", async () => {
    const example = join(pages.folder, "example");
    cpSync(fileURLToPath(new URL("../../../../examples/browser", import.meta.url)), example, {
      recursive: true,
    });
    expect(await buildSite(example)).toEqual([]);
    const site = await serveBuilt(example);
    try {
      const page = await pages.context.newPage();
      page.on("pageerror", (error) => pages.complaints.push(String(error)));
      await page.goto(site.url);
      await page.waitForFunction(() =>
        document.querySelector("#status")?.textContent?.includes("test accuracy"),
      );
      expect(await page.textContent("#status")).toMatch(
        /^\d of 2 teleports accepted; test accuracy [89]\d\.\d %\.$/,
      );
      expect(await page.locator("svg line").count()).toBe(2);
    } finally {
      await site.close();
    }
  });

  it("gives first and second derivatives of the convnet in JavaScript, and in WebAssembly up to rounding", () =>
    expectDerivatives(pages, "convnet"));

  it("computes in float64 in WebAssembly as in JavaScript", async () => {
    const page = await pages.open(pages.plain);
    const both = [wasm, javascript] as const;
    const loops = both.map((runtime) => call(page, "rosenbrock", { steps: 500, ...runtime }));
    expect(distance(await loops[0], await loops[1])).toBeLessThan(1e-12);
    const networks = both.map((runtime) =>
      call(page, "derivatives", "mlp", { ...runtime, dtype: "float64" }),
    );
    expect(distance(await networks[0], await networks[1])).toBeLessThan(1e-12);
  });

  it.each(["mlp", "convnet"] as const)(
    "computes the %s with two threads on a page that is isolated from other origins",
    async (name) => {
      const page = await pages.open(pages.isolated);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      const threaded = await call(page, "derivatives", name, { ...wasm, threads: 2 });
      expect(page.workers().length).toBeGreaterThan(0);
      expect(distance(await derivatives(name, javascript), threaded)).toBeLessThan(1e-5);
    },
  );

  it("keeps one number of threads for a page, and says so where another one is asked for", async () => {
    const page = await pages.open(pages.isolated);
    await call(page, "derivatives", "mlp", wasm);
    expect(page.workers()).toEqual([]);
    await expect(call(page, "derivatives", "mlp", { ...wasm, threads: 2 })).rejects.toThrow(
      /has 1 thread in this page.* got threads: 2/,
    );
    await call(page, "derivatives", "mlp", { ...wasm, threads: 1 });
  });

  it("names the headers that a page without them needs for threads, and goes on with one", async () => {
    const page = await pages.open(pages.plain);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await expect(call(page, "derivatives", "mlp", { ...wasm, threads: 2 })).rejects.toThrow(
      /threads: 2 needs .*Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/,
    );
    await call(page, "derivatives", "mlp", wasm);
  });

  it.each([1, 2])("computes in a worker of the page with threads: %i", async (threads) => {
    const page = await pages.open(pages.isolated);
    const results = await call(page, "inWorker", "convnet", { ...wasm, threads });
    expect(distance(await derivatives("convnet", javascript), results)).toBeLessThan(1e-5);
  });

  it.each([1, 2])("takes the WebAssembly from where the page says, with threads: %i", async (threads) => {
    const page = await pages.open(pages.isolated);
    const asked: string[] = [];
    page.on("request", (request) => request.url().endsWith(".wasm") && asked.push(request.url()));
    const path = join(pages.folder, "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
    await page.route("**/elsewhere/ort.wasm", (route) => route.fulfill({ path }));
    const results = await call(page, "withFilesFrom", { wasm: "/elsewhere/ort.wasm" }, "mlp", {
      ...wasm,
      threads,
    });
    expect(asked).toEqual([new URL("/elsewhere/ort.wasm", pages.isolated.url).href]);
    expect(distance(await derivatives("mlp", javascript), results)).toBeLessThan(1e-5);
  });

  it.each(Object.entries(networks))(
    "quantizes a %s network in the page, to integers that ONNX Runtime in Node computes, too",
    async (_, { bytes, shape }) => {
      const page = await pages.open(pages.plain);
      const model = textOf(bytes({ seed: 1 }));
      const settings = {
        granularity: "channel",
        activations: "uint8",
        equalize: false,
        biasCorrection: false,
      } as const;
      const exact = [
        { ...settings, weights: "uint8", biasCorrection: true },
        { ...settings, reduceRange: true },
        { ...settings, reduceRange: true, granularity: "tensor" },
      ] as const;
      for (const own of exact) {
        expect(await stepsApart(page, model, shape, own)).toBe(0);
      }
      // Some processors round sums of two products to 16 bits.
      for (const own of [settings, { ...settings, activations: "int8" }] as const) {
        expect(await stepsApart(page, model, shape, own)).toBeLessThanOrEqual(1);
      }
    },
  );

  it.each(["plain", "perceptron"])(
    "stores the weights of a %s network as integers in the page",
    async (name) => {
      const { bytes, shape } = networks[name];
      const page = await pages.open(pages.plain);
      for (const bits of [8, 4] as const) {
        const { file, outputs } = await call(page, "weightsAlone", textOf(bytes({ seed: 1 })), shape, bits);
        const expected = {
          y: [...(await exactResult(bytesOf(file), { x: examples(3, [8, ...shape]) }))],
        };
        expect(distance(expected, outputs)).toBeLessThan(1e-5);
      }
    },
  );

  it.each(["plain", "perceptron"])(
    "computes a %s network that was rounded by GPTQ as ONNX Runtime in Node does",
    async (name) => {
      const { bytes, shape } = networks[name];
      const page = await pages.open(pages.plain);
      for (const settings of Object.values(compensatedSettings)) {
        const batch = { x: examples(2, [64, ...shape]) };
        const file = await compensatedQdq(bytes({ seed: 1 }), new Map(), settings, batch);
        const expected = { y: [...(await exactResult(file, { x: examples(3, [8, ...shape]) }))] };
        expect(distance(expected, await call(page, "outputsOf", textOf(file), shape))).toBeLessThan(1e-5);
      }
    },
  );

  it.each(fixtures.filter((_, i) => i % 4 === 0).map(({ name, options }) => [name, options] as const))(
    "makes and runs a file of float16 of %s in the page, with numbers that ONNX Runtime in Node gives, too",
    async (_, options) => {
      const page = await pages.open(pages.plain);
      const bytes = transformer(options);
      const inputs = transformerInputs(options);
      const given = Object.entries(inputs).map(([name, { shape, data }]) => [
        name,
        { shape, data: Array.from(data, Number), isInteger: data instanceof BigInt64Array },
      ]);
      const { file, outputs } = await call(page, "halved", textOf(bytes), Object.fromEntries(given));
      const { logits } = await runOrt(bytes, inputs);
      const expected = Array.from(logits.data, Number);
      const error = expected.reduce((sum, y, i) => sum + (y - outputs.logits[i]) ** 2, 0);
      const sqnr = 10 * Math.log10(expected.reduce((sum, y) => sum + y * y, 0) / error);
      expect(sqnr).toBeGreaterThan(50);
      const inNode = await modelError(bytes, bytesOf(file), {
        inputs: [inputs as Record<string, never>],
      });
      expect(Math.abs(inNode.sqnr - sqnr)).toBeLessThan(3);
    },
  );

  it("runs from Vite's development server, too", async () => {
    const site = await serveSources(pages.folder, isolationHeaders);
    try {
      const page = await pages.open(site);
      const results = await call(page, "derivatives", "mlp", { ...wasm, threads: 2 });
      expect(distance(await derivatives("mlp", javascript), results)).toBeLessThan(1e-5);
      await page.close();
    } finally {
      await site.close();
    }
  });

  it("computes on WebGPU where the browser offers an adapter", async ({ skip }) => {
    // Software will do as an adapter: it is the same path.
    const browser = await launch(["--enable-unsafe-webgpu"]);
    try {
      const page = await pages.open(pages.plain, browser.context);
      const hasAdapter = await page.evaluate(async () => {
        const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
        return Boolean(await gpu?.requestAdapter());
      });
      if (!hasAdapter) skip("this Chromium offers no WebGPU adapter");
      const webgpu = { provider: "webgpu" };
      const loop = { steps: 20, dtype: "float32" } as const;
      // Two at a time, of which ONNX Runtime itself can do only one.
      const [network, descent] = await Promise.all([
        call(page, "derivatives", "convnet", webgpu),
        call(page, "rosenbrock", { ...loop, ...webgpu }),
      ]);
      expect(distance(await derivatives("convnet", javascript), network)).toBeLessThan(1e-5);
      expect(distance(await rosenbrock({ ...loop, ...javascript }), descent)).toBeLessThan(1e-5);
      await expect(call(page, "derivatives", "mlp", { ...webgpu, dtype: "float64" })).rejects.toThrow(
        'The provider "webgpu" computes in float32 here, and the graph has float64.',
      );
      // Software adapters list themselves like any other.
      await expect(call(page, "derivatives", "mlp", { provider: "cuda" })).rejects.toThrow(
        "it has wasm, webgpu.",
      );
    } finally {
      await browser.close();
    }
  });
});

/** How far the integers of a model that a page quantizes are from those of ONNX Runtime in Node, for the same file and input. */
async function stepsApart(
  page: Page,
  model: string,
  shape: readonly number[],
  settings: Omit<QuantizeModelOptions, "calibration">,
): Promise<number> {
  const bytes = bytesOf(await call(page, "quantized", model, shape, settings));
  const { bytes: file } = showingIntegers(bytes, settings.activations === "int8" ? "int8" : "uint8");
  const outputs = await call(page, "outputsOf", textOf(file), shape);
  const { y: _, ...expected } = await runOrt(file, { x: examples(3, [8, ...shape]) });
  expect(Object.keys(expected).length).toBeGreaterThan(2);
  const steps = Object.entries(expected).flatMap(([name, { data }]) =>
    Array.from<number | bigint, number>(data, (q, i) => Math.abs(Number(q) - outputs[name][i])),
  );
  return Math.max(...steps);
}

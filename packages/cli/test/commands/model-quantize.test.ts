import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { createRng, encodeNpy } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { beforeAll, describe, expect, it } from "vitest";
import { type Quantized, whyText } from "../../src/commands/model/quantize.js";
import { cautions, type MeasuredChange } from "../../src/model/measured-change.js";
import { bare, normalized, perceptron } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const operators = (name: string) => {
  const { graph } = decodeModel(new Uint8Array(readFileSync(at(name))));
  return graph.nodes.map(({ opType }) => opType);
};
const quantize = ["model", "quantize", "model.onnx", "--force", "--out", "int8.onnx"];

beforeAll(() => {
  writeFileSync(at("model.onnx"), normalized());
  const rng = createRng(3);
  const numbers = (count: number) => Float32Array.from({ length: count }, () => rng.normal());
  writeFileSync(at("images.npy"), encodeNpy({ shape: [32, 3, 8, 8], data: numbers(6144) }));
  writeFileSync(at("others.npy"), encodeNpy({ shape: [8, 3, 8, 8], data: numbers(1536) }));
  writeFileSync(
    at("endless.npy"),
    encodeNpy({ shape: [8, 3, 8, 8], data: numbers(1536).fill(Infinity, 0, 1) }),
  );
  mkdirSync(at("photos"));
  for (let i = 0; i < 8; i++) {
    const data = Uint8Array.from({ length: 12 * 10 * 3 }, () => rng.int(256));
    writeFileSync(at(`photos/${i}.png`), encode({ width: 12, height: 10, channels: 3, data }));
  }
});

describe("isoloss model quantize", () => {
  it("writes a file of integers, and a table of what was measured", async () => {
    const { status, stdout, stderr } = await bench.run(...quantize, "--calibration", "images.npy");
    expect([status, withoutProgress(stderr)]).toEqual([
      0,
      expect.stringMatching(
        /^isoloss: int8\.onnx is larger than model\.onnx: 2\.\d+ kB instead of 1\.\d+ kB\.\n$/,
      ),
    ]);
    expect(stdout).toMatch(/^choice +SQNR +/);
    expect(stdout).toMatch(/^as it is, per channel, biases corrected +\d+\.\d dB +\S+.* +\d+\.\d % /m);
    expect(stdout.match(/ dB +written +\d/g)).toHaveLength(1);
    const args = [...quantize, "--calibration", "images.npy", "--json"];
    const document = await bench.json<Quantized>(...args);
    // The sentence asks whether two rows are one, which they no longer are in JSON.
    const { table } = document;
    const inTable = (row: object) =>
      table.find((own) => JSON.stringify(own) === JSON.stringify(row)) as (typeof table)[number];
    const [recommended, simplest] = [document.recommended, document.simplest].map(inTable);
    const why = whyText({ ...document, recommended, simplest });
    expect(why).toMatch(
      /The table is of 8 of the 32 examples, held out to choose\. Differences are .*\. Written is the simplest choice than which no other is surely more than 0\.1 dB better, and which is better than the simpler ones that are beaten\./,
    );
    expect(stdout).toContain(`\n${why}\n`);
    expect(cautions(document.judged as MeasuredChange, false)).toEqual([
      expect.stringContaining("interval of the SQNR is too narrow"),
    ]);
    expect(stdout).toMatch(
      /^Wrote int8\.onnx: .*, per \w+.* kB instead of the .* kB of model\.onnx\. It has \d+\.\d dB \[.*\] on the 8 examples that did not choose it\. /m,
    );
    expect(stdout).toContain(
      ` that did not choose it. ${cautions(document.judged as MeasuredChange, false).join(" ")}`,
    );
    expect(operators("int8.onnx")).toContain("QuantizeLinear");
  });

  it("gives a document, with the examples that judged", async () => {
    const data = ["--calibration", "images.npy", "--held-out", "others.npy"];
    const document = await bench.json<Quantized>(
      ...quantize,
      ...data,
      "--per",
      "channel",
      "--no-equalize",
      "--json",
    );
    expect(document).toMatchObject({
      file: at("model.onnx"),
      out: at("int8.onnx"),
      examples: { calibration: 32, heldOut: 8, choosing: 4, split: false, random: false },
      recommended: { per: "channel", left: [] },
      floatOperandsSqnr: null,
    });
    expect(document.bytes.after).toBe(readFileSync(at("int8.onnx")).length);
    expect(document.table.map(({ per, compensated, corrected }) => [per, compensated, corrected])).toEqual([
      ["channel", false, true],
      ["channel", false, false],
      ["channel", true, false],
      ["channel", true, true],
    ]);
    expect(new Set(document.table.map(({ candidate }) => candidate))).toEqual(new Set(["as it is"]));
    expect(document.table).toContainEqual(document.recommended);
    for (const { difference, differenceInterval, ...row } of document.table) {
      expect(difference).toBeCloseTo((row.sqnr ?? 0) - (document.recommended.sqnr ?? 0), 9);
      expect(differenceInterval?.[0]).toBeLessThanOrEqual(difference ?? Number.NaN);
      expect(differenceInterval?.[1]).toBeGreaterThanOrEqual(difference ?? Number.NaN);
    }
    expect(document.simplest).toMatchObject({ candidate: "as it is", compensated: false, corrected: false });
    expect(document.judged?.sqnr).toBeGreaterThan(10);
    expect(document.judged?.sqnr).not.toBe(document.recommended.sqnr);
    expect(document.kernels?.map(({ kernel }) => kernel)).toContain("QLinearConv");
  });

  it("takes a folder of images, and weights alone", async () => {
    const { status, stdout } = await bench.run(...quantize, "--calibration", "photos", "--weights-only");
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(
        /The table is of 2 of the 8 examples[\s\S]* dB.* on the 2 examples that did not choose it/,
      ),
    ]);
    expect(operators("int8.onnx")).not.toContain("QuantizeLinear");
    expect(operators("int8.onnx")).toContain("DequantizeLinear");
    // The last layer is a product, which ONNX Runtime computes on rounded operands.
    expect(stdout).toMatch(
      /qdq_matmulnbits_accuracy_level at 1 it reads floats, and the written file has \d+\.\d dB on the examples that did not choose it\.$/m,
    );
  });

  it("needs no examples for weights alone, and names the random inputs that it measures on", async () => {
    const { status, stdout } = await bench.run(...quantize, "--weights-only");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^as it is, per channel +\d+\.\d dB/m)]);
    expect(stdout).toMatch(
      /^ +biases corrected +there is no calibration\n +GPTQ +there is no calibration\n +other weights +there is no cal/m,
    );
    expect(stdout).toMatch(
      /The table is of 16 random inputs\. [\s\S]* It has .* dB.* on the 16 examples that did not choose it\..* Random inputs say little of real ones: give some by --held-out\.$/m,
    );
    const four = [...quantize, "--weights-only", "--bits", "4"];
    const { examples } = await bench.json<Quantized>(...four, "--held-out", "others.npy", "--json");
    expect(examples).toEqual({ calibration: 0, heldOut: 8, choosing: 4, split: false, random: false });
  });

  it("says which examples are not used, and where they can say nothing", async () => {
    const save = (name: string, count: number, number: (i: number) => number) =>
      writeFileSync(
        at(name),
        encodeNpy({
          shape: [count, 3, 8, 8],
          data: Float32Array.from({ length: count * 192 }, (_, i) => number(i)),
        }),
      );
    save("33.npy", 33, Math.sin);
    save("zeros.npy", 8, () => 0);
    save("flat.npy", 8, (i) => Math.floor(i / 192));
    const told = async (name: string) =>
      (await bench.run(...quantize, "--calibration", name, "--no-equalize", "--per", "tensor")).stderr;
    for (const name of ["zeros.npy", "flat.npy"]) {
      expect(await told(name)).toContain(`isoloss: ${name}: in every example all numbers are the same.`);
    }
    for (const name of ["33.npy", "images.npy"]) expect(await told(name)).not.toMatch(/left out|the same/);
  });

  it("says which layers have 8 bits where 4 are asked for, and how many examples are read", async () => {
    writeFileSync(
      at("many.npy"),
      encodeNpy({ shape: [272, 3, 8, 8], data: new Float32Array(52224).map((_, i) => Math.sin(i)) }),
    );
    const four = [
      "--calibration",
      "many.npy",
      "--weights-only",
      "--bits",
      "4",
      "--per",
      "block",
      "--no-equalize",
    ];
    const { stdout, stderr } = await bench.run(...quantize, ...four);
    expect(stderr).toContain("isoloss: many.npy: 256 of its 272 examples are read: --limit reads more.\n");
    expect(stdout).toMatch(/^as it is, per block, (biases corrected, )?\d layers? of 8 bits /m);
    expect(stdout).toMatch(/^weights of 8 bits\n.*8 bits: a block has 32 inputs, this layer \d+$/m);
    const { recommended, nodes } = await bench.json<Quantized>(...quantize, ...four, "--json");
    const hasNarrow = nodes.some(({ bits }) => bits === 4);
    expect(stdout.includes("No weight has 4 bits, for the reasons above. It has")).toBe(!hasNarrow);
    expect(recommended.widened).toBe(nodes.filter(({ bits, note }) => bits === 8 && note !== null).length);
    expect(recommended.widened).toBeGreaterThan(0);
    writeFileSync(at("wide.npy"), encodeNpy({ shape: [80, 4], data: new Float32Array(320) }));
    const { stderr: refused } = await bench.run(...quantize, "--calibration", "wide.npy");
    expect(refused).toContain("wide.npy has the shape [80, 4];");
  });

  it("says that no weight has the 4 bits asked for, and which row has some", async () => {
    writeFileSync(at("small.onnx"), perceptron("relu"));
    const { stdout } = await bench.run(
      ...["model", "quantize", "small.onnx", "--weights-only", "--bits", "4", "--out", "small-4.onnx"],
    );
    const [, written = ""] = stdout.split("\nWrote ");
    expect(written).toContain("per block");
    expect(written).toContain(
      'No weight has 4 bits, for the reasons above; "as it is, per channel" has some, which --per channel writes.',
    );
  });

  it("says first that examples decide nothing, unless a choice is surely worse", () => {
    const row = { candidate: "as it is", per: "tensor", activations: "static", left: [], widened: 0 };
    const written = { ...row, difference: 0, differenceInterval: null };
    const text = (
      ends: readonly [number, number] | null,
      simplest: object = written,
      error: object = { difference: -1, sqnr: 40, broken: false },
    ) => {
      const other = { ...row, per: "channel", differenceInterval: ends, ...error };
      const examples = { calibration: 6, heldOut: 3, choosing: 3, split: true, random: false };
      return whyText({
        table: [written, other],
        recommended: written,
        simplest,
        held: null,
        examples,
      } as unknown as Quantized);
    };
    expect(text([-7, 5])).toMatch(
      /^3 examples decide nothing between these choices: give more by --held-out/,
    );
    expect(text(null)).toMatch(/^3 examples decide nothing/);
    for (const ends of [
      [-7, -1],
      [0, 0],
      [-0.03, 0.05],
    ] as const) {
      expect(text(ends)).toMatch(/^The table is of 3 of the 6 examples/);
    }
    // An infinite difference: to a written file without an error, or of one that is broken; or ahead, on one example.
    for (const [sqnr, broken, start] of [
      [40, false, /^The table/],
      [null, true, /^The table/],
      [null, false, /^3 examples decide nothing/],
    ] as const) {
      expect(text(null, written, { difference: null, sqnr, broken })).toMatch(start);
    }
    expect(text([-7, 5], row)).toMatch(/^The table is of .* is surely worse than another one\./);
  });

  it("says where there was no layer to quantize", async () => {
    writeFileSync(at("relu.onnx"), bare());
    const { status, stdout } = await bench.run(
      ...["model", "quantize", "relu.onnx", "-o", "same.onnx", "--calibration", "images.npy"],
    );
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^No layer was quantized: in the new file/m)]);
    expect(stdout).toMatch(
      / Its outputs are identical(, same largest .*)? on the 8 examples that did not choose it\./,
    );
  });

  it("leaves layers in float to keep a limit, and says which", async () => {
    const data = ["--calibration", "images.npy", "--limit-error", "56"];
    const document = await bench.json<Quantized>(...quantize, ...data, "--json");
    const { recommended, sensitivities } = document;
    expect(recommended.sqnr === null || recommended.sqnr >= 56).toBe(true);
    expect(recommended.left).toEqual(
      sensitivities.slice(0, recommended.left.length).map(({ layer }) => layer),
    );
    expect(recommended.left.length).toBeGreaterThan(0);
    expect(document.held).toBe(true);
    const { stdout } = await bench.run(...quantize, ...data);
    expect(stdout).toMatch(/^in float\n.*it is to stay float$/m);
    expect(stdout).toMatch(/layers? in float, .* kB instead/);
    expect(stdout).not.toContain("limit is not held");
  });

  it("says where a limit is not held by the examples that did not choose the file", async () => {
    const free = await bench.json<Quantized>(...quantize, "--calibration", "images.npy", "--json");
    const [chosen, judged] = [free.recommended, free.judged].map((own) => own?.sqnr ?? 0);
    const limits = [Math.min(chosen, judged) - 1, (chosen + judged) / 2].filter((own) => own < chosen);
    for (const limit of limits) {
      const run = [...quantize, "--calibration", "images.npy", "--limit-error", `${limit}`];
      const { status, stdout } = await bench.run(...run, "--json");
      const document = JSON.parse(stdout) as Quantized;
      const isHeld = judged >= limit;
      expect([document.out, document.held, status]).toEqual([at("int8.onnx"), isHeld, isHeld ? 0 : 1]);
      if (isHeld) continue;
      expect((await bench.run(...run)).stdout).toMatch(
        /The limit is not held on the 8 examples that did not choose it: give a larger/,
      );
    }
    expect(limits.map((limit) => judged >= limit)).toEqual([true, false]);
  });

  it("writes nothing where only a file without a quantized layer keeps a limit", async () => {
    const args = ["quantize", "model.onnx", "-o", "none.onnx", "--calibration", "images.npy", "--json"];
    const { status, stdout, stderr } = await bench.run("model", ...args, "--limit-error", "200");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/Give a lower limit\. Nothing was written\./),
    ]);
    const { out, recommended } = JSON.parse(stdout) as Quantized;
    expect([out, recommended.left]).toEqual([null, []]);
    expect(readdirSync(bench.folder)).not.toContain("none.onnx");
  });

  it("writes nothing where a limit is not kept in time, or over its input", async () => {
    const limited = ["--limit-error", "90", "--budget", "0.000001"];
    const missed = await bench.run(
      ...["model", "quantize", "model.onnx", "-o", "none.onnx", "--calibration", "images.npy", ...limited],
    );
    expect([missed.status, missed.stderr]).toEqual([
      1,
      expect.stringMatching(
        /no file that was tried keeps --limit-error 90 .* an SQNR of .* dB\. Give a lower limit or a larger --budget\./,
      ),
    ]);
    expect(readdirSync(bench.folder)).not.toContain("none.onnx");
    const over = await bench.run(
      ...["model", "quantize", "model.onnx", "-o", "./model.onnx", "--calibration", "images.npy"],
    );
    expect([over.status, over.stderr]).toEqual([2, expect.stringMatching(/is the model that is read/)]);
  });

  it.each<readonly [string, readonly string[], RegExp, number]>([
    ["activations without examples", [], /--calibration PATH is missing: the ranges of activations/, 2],
    [
      "a limit on random inputs",
      ["--weights-only", "--limit-error", "30"],
      /--limit-error needs examples, as random inputs say nothing/,
      2,
    ],
    ["biases absorbed without examples", ["--weights-only", "--absorb-biases"], /needs examples: add/, 2],
    ["no examples", ["--calibration", "none.npy"], /none\.npy/, 1],
    ["numbers that are not finite", ["--calibration", "endless.npy"], /has numbers that are not finite/, 1],
    [
      "a limit that is no number",
      ["--calibration", "images.npy", "--limit-error", "x"],
      /must be a number/,
      2,
    ],
    [
      "a budget of nothing",
      ["--calibration", "images.npy", "--budget", "0"],
      /must be a number greater than 0/,
      2,
    ],
    ["another granularity", ["--calibration", "images.npy", "--per", "row"], /tensor, channel, block/, 2],
    [
      "4 bits with activations",
      ["--calibration", "images.npy", "--bits", "4"],
      /--bits 4 is for weights alone: add --weights-only/,
      2,
    ],
    [
      "blocks with activations",
      ["--calibration", "images.npy", "--per", "block"],
      /--per block is for weights alone: add --weights-only/,
      2,
    ],
    [
      "a type of activations that stay float",
      ["--calibration", "images.npy", "--weights-only", "--activations", "int8"],
      /cannot be used with/,
      2,
    ],
    [
      "a method for ranges of activations that stay float",
      ["--calibration", "images.npy", "--weights-only", "--method", "mse"],
      /cannot be used with/,
      2,
    ],
    [
      "one example",
      ["--calibration", "images.npy", "--limit", "1"],
      /give two examples or more, or other data by --held-out/,
      2,
    ],
  ])("refuses %s", async (_, options, message, code) => {
    const { status, stderr } = await bench.run(...quantize, ...options);
    expect([status, stderr]).toEqual([code, expect.stringMatching(message)]);
  });
});

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { createRng, encodeNpy, split } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { fromOnnx, modelError } from "isoloss-onnx";
import { transformer } from "isoloss-test-support/model-file/transformer";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Half, tieText } from "../../src/commands/model/half.js";
import { type PrunedModel, sameText, speedText } from "../../src/commands/model/prune.js";
import { changed, convolutions, normalized, perceptron, withShape } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

// Measured times differ from run to run, and which sentence is printed with them.
vi.mock(import("isoloss-onnx"), async (original) => {
  const actual = await original();
  const compareTimes: typeof actual.compareTimes = async (...given) => {
    const { ratio } = await actual.compareTimes(...given);
    expect(ratio).toBeGreaterThan(0);
    return { before: 9.4, after: 5.3, ratio: 0.56, quartiles: [0.5, 0.6] };
  };
  return { ...actual, compareTimes };
});

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));

const rng = createRng(3);
const images = Float32Array.from({ length: 16 * 192 }, () => rng.normal());
/** The half of the 16 images that does not choose. */
const [, others] = split(16, [0.5, 0.5], 0);
const reported = Float32Array.from([...others].flatMap((k) => [...images.slice(192 * k, 192 * (k + 1))]));

beforeAll(async () => {
  writeFileSync(at("model.onnx"), normalized());
  writeFileSync(at("images.npy"), encodeNpy({ shape: [16, 3, 8, 8], data: images }));
  await bench.run("model", "fold", "model.onnx", "-o", "folded.onnx");
  for (const activation of ["Clip", "Relu", "Sigmoid"] as const)
    writeFileSync(at(`${activation}.onnx`), convolutions(activation, { wide: 8 }));
});

const prune = ["model", "prune", "folded.onnx", "--force", "--out", "pruned.onnx", "--fraction"];

describe("isoloss model prune", () => {
  it("writes the better ranking, chosen by other examples than those of the table", async () => {
    const { status, stdout, stderr } = await bench.run(...prune, "0.5");
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^ranked +chosen by +SQNR \[95 % interval\] +same largest \[95 % interval\] +numbers +zeros +size/,
    );
    expect(stdout).toMatch(/^balanced +-?\d+\.\d dB +-?\d+\.\d dB +/m);
    expect(stdout).toMatch(/^as they are +-?\d+\.\d dB +-?\d+\.\d dB +/m);
    expect(stdout).toMatch(
      /^Wrote pruned\.onnx: pruned by magnitude, ranked by weights (after balance|as they are), the better ranking on other examples, .* of folded\.onnx\. It computes something else: the table says how far outputs moved on random inputs\.$/m,
    );
  });

  it.each([
    ["Relu.onnx", ["--fraction", "0.5"]],
    ["Clip.onnx", ["--fraction", "0.5"]],
    ["folded.onnx", ["--fraction", "0.5"]],
    ["folded.onnx", ["--fraction", "0.2"]],
    ["Relu.onnx", ["--fraction", "0.5", "--units"]],
    ["Relu.onnx", ["--fraction", "0.5", "--units", "--multiple", "1"]],
  ])("never writes a ranking that lost by more than the margin: %s %s", async (name, args) => {
    const document = await bench.json<PrunedModel>(
      ...[
        "model",
        "prune",
        name,
        "--force",
        "-o",
        "pruned.onnx",
        ...args,
        "--held-out",
        "images.npy",
        "--json",
      ],
    );
    const [balanced, asItIs] = document.table.map(({ chosenBy }) => chosenBy?.sqnr ?? Number.NaN);
    expect(document).toMatchObject({ apart: true, measured: "8 examples of images.npy" });
    expect(document.balanced).toBe(balanced > asItIs + 0.1);
    const [written, other] = document.balanced ? document.table : [...document.table].reverse();
    const { ranked, sqnr } = written;
    const again = await modelError(read(name), read("pruned.onnx"), {
      inputs: [{ x: { shape: [8, 3, 8, 8], data: reported } }],
    });
    expect(again.sqnr, `${ranked}, not ${other.ranked}`).toBeCloseTo(sqnr ?? Number.NaN, 3);
  });

  it("chooses and reports by examples of both classes where these take turns", async () => {
    // Every other example is a hundred times larger, and so are its outputs.
    const turns = images.map((value, e) => (Math.floor(e / 192) % 2 === 0 ? value : 100 * value));
    writeFileSync(at("turns.npy"), encodeNpy({ shape: [16, 3, 8, 8], data: turns }));
    const args = [
      "model",
      "prune",
      "Relu.onnx",
      "--force",
      "-o",
      "pruned.onnx",
      "--fraction",
      "0.5",
      "--json",
    ];
    const { table } = await bench.json<PrunedModel>(...args, "--held-out", "turns.npy");
    const [small, large] = [0, 1].map((part) => {
      const data = turns.filter((_, e) => Math.floor(e / 192) % 2 === part);
      return { x: { shape: [8, 3, 8, 8], data } };
    });
    for (const batch of [small, large]) {
      const { sqnr } = await modelError(read("Relu.onnx"), read("pruned.onnx"), { inputs: [batch] });
      for (const row of table) expect(row.sqnr).not.toBeCloseTo(sqnr, 3);
    }
  });

  it("counts the examples of the table, without those that chose", async () => {
    const { stdout } = await bench.run(...prune, "0.5", "--held-out", "images.npy");
    expect(stdout).toContain("the better ranking on other examples, ");
    expect(stdout).toContain("the table says how far outputs moved on 8 examples of images.npy.");
  });

  it("says that a fraction of 0 removed nothing", async () => {
    const { stdout } = await bench.run(...prune, "0");
    expect(stdout).toContain("Wrote pruned.onnx: no weights removed, as the fraction is 0: ");
    expect(stdout).not.toContain("something else");
  });

  it("says of a network that became constant that it is of no use, on given examples alone", async () => {
    const given = ["1", "--held-out", "images.npy"];
    const no =
      "It is of no use as it is: its outputs, which varied, are now the same for all of these examples.";
    const { stdout } = await bench.run(...prune, ...given, "--report", "constant.html");
    expect(stdout).toContain(no);
    expect(stdout).not.toContain("the better ranking");
    expect(readFileSync(at("constant.html"), "utf8")).toContain(no);
    const { table } = await bench.json<PrunedModel>(...prune, ...given, "--json");
    expect(table.map(({ constant }) => constant)).toEqual(table.map(() => true));
    const random = await bench.run(...prune, "1");
    expect(random.stdout).toContain("On these random inputs every output that varied is now the same: ");
    expect(random.stdout).not.toContain("of no use");
    expect((await bench.run(...prune, "0.5", "--held-out", "images.npy")).stdout).not.toContain("of no use");
  });

  it("says that it could not tell the examples apart where there is one batch alone", async () => {
    const data = images.slice(0, 192);
    writeFileSync(at("one.npy"), encodeNpy({ shape: [1, 3, 8, 8], data }));
    const { stdout } = await bench.run(...prune, "0.5", "--held-out", "one.npy");
    expect(stdout).toContain("the better ranking on the same examples, as there is one batch alone");
  });

  it("prints one row where both rankings give the same file, and names the operator that ends scalings", async () => {
    const args = ["model", "prune", "Sigmoid.onnx", "--fraction", "0.5", "--force", "-o", "pruned.onnx"];
    const { stdout } = await bench.run(...args);
    expect(stdout.match(/^as they are .*dB/gm)).toHaveLength(1);
    expect(stdout).not.toMatch(/balanced|after balance/);
    expect(stdout).toContain("Both rankings give the same file. Scalings of units end at Sigmoid (2 nodes).");
    const document = await bench.json<PrunedModel>(...args, "--json");
    expect(document).toMatchObject({ balanced: false, stops: [{ operator: "Sigmoid", nodes: 2 }] });
    expect(document.table.map(({ ranked }) => ranked)).toEqual(["as they are"]);
  });

  it("says what to do where batch normalizations end the scalings", () => {
    const stops = [{ operator: "BatchNormalization", nodes: 35 }];
    expect(sameText({ stops, by: "magnitude", groups: [] })).toEqual([
      "Both rankings give the same file. Scalings of units end at BatchNormalization (35 nodes). isoloss model fold moves batch normalizations into the layers before them, where it can. The file may then rank weights otherwise.",
    ]);
  });

  it("ranks weights around a Clip as those around a Relu, and leaves the Clip", async () => {
    const zeros = async (name: string) => {
      await bench.run("model", "prune", name, "--fraction", "0.5", "--force", "-o", "pruned.onnx");
      return Object.values(fromOnnx(read("pruned.onnx")).params).map(({ data }) =>
        Array.from(data, Number).map((w) => w === 0),
      );
    };
    expect(await zeros("Clip.onnx")).toEqual(await zeros("Relu.onnx"));
    await zeros("Clip.onnx");
    expect(decodeModel(read("pruned.onnx")).graph.nodes.map(({ opType }) => opType)).toContain("Clip");
  });

  it("gives a document whose counts are those of the file", async () => {
    const document = await bench.json<PrunedModel>(
      ...prune,
      ...["0.7", "--by", "lamp", "--no-balance", "--held-out", "images.npy", "--json"],
    );
    expect(document).toMatchObject({
      file: at("folded.onnx"),
      out: at("pruned.onnx"),
      by: "lamp",
      fraction: 0.7,
      balanced: false,
      measured: "16 examples of images.npy",
      groups: [],
    });
    expect(document.table.map(({ ranked }) => ranked)).toEqual(["as they are"]);
    const numbers = Object.values(fromOnnx(read("pruned.onnx")).params).flatMap(({ data }) =>
      Array.from(data, Number),
    );
    expect(document.table[0].zeros).toBe(numbers.filter((w) => w === 0).length);
    expect(document.table[0].numbers).toBe(numbers.length);
    expect(document.bytes.after).toBe(read("pruned.onnx").length);
  });

  it("gives no share of the time that runs in turns leave open", () => {
    const time = { before: 9.4, after: 5.3 };
    expect(speedText({ ...time, ratio: 0.81, quartiles: [0.1, 6.31] })).toBe(
      "Its time is too noisy to compare here: half of the runs in turns took 0.10 to 6.31 of it.",
    );
    expect(speedText({ ...time, ratio: 1, quartiles: [0.99, 1.01] })).toBe(
      "It takes about the same time: half of the runs in turns took 0.99 to 1.01 of it.",
    );
    expect(speedText({ ...time, ratio: 0.56, quartiles: [0.5, 0.6] })).toBe(
      "It takes 0.56 [0.50, 0.60] of the time: 5.3 ms instead of 9.4, medians of runs in turns.",
    );
  });

  it("removes units, and says what each group keeps and what time the file takes", async () => {
    const units = ["model", "prune", "Relu.onnx", "--force", "-o", "pruned.onnx", "--units", "--fraction"];
    const document = await bench.json<PrunedModel>(...units, "0.4", "--json");
    expect(document).toMatchObject({ by: "units", multiple: 8 });
    // 10 of 16 and 12 of 20 are the shares.
    expect(document.groups.map(({ size, removed }) => size - removed)).toEqual([8, 16]);
    expect(document.bytes.after).toBeLessThan(document.bytes.before);
    for (const { time } of document.table) expect(time?.ratio).toBeGreaterThan(0);
    const text = await bench.run(...units, "0.4");
    expect(text.stdout).toMatch(/^w1 and 2 more +16 +8$/m);
    expect(text.stdout).toMatch(/^w2 and 2 more +20 +16$/m);
    expect(text.stdout).toMatch(/^as they are .* \d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]$/m);
    expect(text.stdout).toMatch(
      /^Wrote pruned\.onnx: 12 units of 2 groups removed, .* of Relu\.onnx\. It takes 0\.56 \[0\.50, 0\.60\] of the time: 5\.3 ms instead of 9\.4, medians of runs in turns\. /m,
    );
    const any = await bench.json<PrunedModel>(...units, "0.4", "--multiple", "1", "--json");
    expect(any.groups.map(({ size, removed }) => size - removed)).toEqual([10, 12]);
    const none = await bench.run(...prune, "0.5", "--units");
    expect(none.stdout).toMatch(
      /^Wrote pruned\.onnx: no units removed, as a fraction of 0\.5 in multiples of 8 channels takes none of the largest group, which has 4: it is folded\.onnx as it was\.$/m,
    );
    expect(none.stdout).toContain("\n\nBoth rankings give the same file.\n\n");
    expect(read("pruned.onnx")).toEqual(read("folded.onnx"));
  });

  it.each([
    ["a fraction above 1", ["1.5"], "It must be a number in [0, 1]"],
    ["a fraction that is no number", ["half"], "It must be a number"],
    ["a score and units", ["0.5", "--units", "--by", "lamp"], "cannot be used with"],
    ["a multiple of no units", ["0.5", "--multiple", "4"], "add --units, or leave it out"],
    ["an unknown score", ["0.5", "--by", "size"], "magnitude, lamp"],
    ["the model's own file", ["0.5", "-o", "./folded.onnx"], "is the model that is read"],
    ["data that are not there", ["0.5", "--held-out", "none.npy"], "none.npy"],
    ["an open size that is none", ["0.5", "--size", "depth=3"], "depth"],
  ])("is refused with %s", async (_, options, message) => {
    const before = read("folded.onnx");
    const { status, stderr } = await bench.run(...prune, ...options);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
    expect(read("folded.onnx")).toEqual(before);
  });

  it("is refused of a file that is no model", async () => {
    writeFileSync(at("text.onnx"), "no model");
    const { status, stderr } = await bench.run(
      ...["model", "prune", "text.onnx", "-o", "none.onnx", "--fraction", "0.5"],
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain("Cannot read text.onnx as an ONNX model");
  });
});

const half = ["model", "half", "folded.onnx", "--replace", "--out", "half.onnx"];

describe("isoloss model half", () => {
  it("writes a file of float16, with counts and errors moved and as it is", async () => {
    const { status, stdout, stderr } = await bench.run(...half);
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^numbers +largest value +stored over \/ below +activations over \/ below +SQNR, rounded/,
    );
    const counts = String.raw`0 \/ \d+ \(\d+\.\d %\) of \d+`;
    expect(stdout).toMatch(
      new RegExp(`^as they are +\\S+ \\(\\S+\\) +${counts} +${counts} +\\d+\\.\\d dB`, "m"),
    );
    expect(stdout).toMatch(
      /^Wrote half\.onnx: \d+ units scaled by powers of two, .* of folded\.onnx\. SQNR and same largest are of (ONNX Runtime|JavaScript, as ONNX Runtime is not installed), on random inputs\./m,
    );
    const { graph } = decodeModel(read("half.onnx"));
    const types = new Set(graph.initializers.map(({ dtype }) => dtype));
    expect(types.has("float16")).toBe(true);
    expect(types.has("float32")).toBe(false);
  });

  it("says that the numbers as they are do as well, unless they leave the range", () => {
    const counts = { numbers: 9, overflows: 0, subnormals: 1, zeros: 0 };
    const change = { sqnr: 72, sqnrInterval: null, broken: false, agreement: 1, agreementInterval: null };
    const row = { ...change, rounded: change, weights: counts, activations: null };
    const table = (other: object) =>
      [
        { ...row, numbers: "moved" },
        { ...row, numbers: "as they are", ...other },
      ] as unknown as Half["table"];
    expect(tieText({ moved: 3, table: table({}) })).toMatch(
      /The numbers as they are have the same errors, as printed: --no-move/,
    );
    expect(tieText({ moved: 3, table: table({ sqnr: 70 }) })).toBe("");
    expect(tieText({ moved: 3, table: table({ weights: { ...counts, overflows: 1 } }) })).toBe("");
  });

  it("gives a document, with activations where there are data", async () => {
    const document = await bench.json<Half>(
      ...half,
      "--calibration",
      "images.npy",
      "--io",
      "float16",
      "--json",
    );
    expect(document).toMatchObject({
      out: at("half.onnx"),
      io: "float16",
      measured: "16 examples of images.npy",
    });
    expect(document.table.map(({ numbers }) => numbers)).toEqual(["moved", "as they are"]);
    expect(document.table[0].activations?.numbers).toBeGreaterThan(1000);
    expect(document.table[0].sqnr).toBeGreaterThan(40);
    expect(document.bytes.after).toBeLessThan(document.bytes.before);
    const plain = await bench.json<Half>(...half, "--no-move", "--json");
    expect(plain).toMatchObject({ moved: 0, measured: "random inputs" });
    expect(plain.table.map(({ numbers }) => numbers)).toEqual(["as they are"]);
  });

  it.each([
    ["calibration alone", ["--calibration", "images.npy"], true],
    ["held-out data, too", ["--calibration", "images.npy", "--held-out", "images.npy"], false],
    ["calibration alone, but chooses nothing", ["--calibration", "images.npy", "--no-move"], false],
    ["random inputs, others than those that chose", [], false],
  ])("says whether the measured examples also chose the file: of %s", async (_, data, isSaid) => {
    const { stdout } = await bench.run(...half, ...data);
    const text =
      "These examples also chose the powers of two and what stays in float32: the row of the written file may look better there than it is. Give others by --held-out.\n";
    expect(stdout.endsWith(text)).toBe(isSaid);
  });

  it("says nothing of a choice where there was none", async () => {
    writeFileSync(at("x4.npy"), encodeNpy({ shape: [8, 4], data: images.slice(0, 32) }));
    writeFileSync(at("sigmoid.onnx"), withShape(perceptron("sigmoid"), ["batch", 4]));
    const line = ["model", "half", "sigmoid.onnx", "--out", "half.onnx", "--calibration", "x4.npy"];
    const { stdout } = await bench.run(...line, "--replace");
    expect(stdout).toMatch(/^as they are [^\n]*\n\n/m);
    expect(stdout).toMatch(
      /^Wrote half\.onnx: 0 units scaled by powers of two, \d+ B instead of the \d+ B of sigmoid\.onnx\. .*, on 8 examples of x4\.npy\.$/m,
    );
  });

  it("does not write a file whose outputs are not finite, unless it is forced to", async () => {
    // Outputs of about 1e7, which no scaling of hidden units brings below 65504.
    const large = changed(perceptron("relu"), ({ initializers }) => ({
      initializers: initializers.map((tensor) => ({
        ...tensor,
        data: (tensor.data as Float32Array).map((w) => (tensor.shape[0] === 2 ? 1e7 * w : w)),
      })),
    }));
    writeFileSync(at("large.onnx"), large);
    const line = ["model", "half", "large.onnx", "--out", "kept.onnx"];
    const { status, stdout, stderr } = await bench.run(...line);
    expect(status).toBe(1);
    const why =
      "with every result rounded to float16, its outputs are not finite, or one was 0 throughout, on random inputs";
    expect(stdout).toMatch(
      new RegExp(
        `^moved .* not finite, or 0 before .*\n(.*\n)*\nNot written to kept\\.onnx: ${why}\\. `,
        "m",
      ),
    );
    expect(withoutProgress(stderr)).toBe(
      `isoloss: kept.onnx was not written: ${why}. Those of large.onnx are above 65504 there. Ways out: keep the model in float32. To write it all the same, add --force.\n`,
    );
    expect(existsSync(at("kept.onnx"))).toBe(false);
    const document: Half = JSON.parse((await bench.run(...line, "--json")).stdout);
    expect(document).toMatchObject({
      out: null,
      table: [{ rounded: { broken: true } }, { rounded: { broken: true } }],
    });
    const forced = await bench.run(...line, "--force", "--report", "forced.html");
    expect(forced.status).toBe(0);
    expect(forced.stdout).toContain(`\nWrote kept.onnx: ${why}. `);
    expect(readFileSync(at("forced.html"), "utf8")).toContain(`Written to kept.onnx: numbers moved; ${why}.`);
    expect(decodeModel(read("kept.onnx")).graph.initializers[0].dtype).toBe("float16");
  });

  it("says how many stored numbers are cut to the range", async () => {
    const biased = changed(perceptron("relu"), ({ initializers }) => ({
      initializers: initializers.map((tensor) =>
        tensor.shape.length === 1 && tensor.shape[0] === 2
          ? { ...tensor, data: Float32Array.of(1e5, -1e5) }
          : tensor,
      ),
    }));
    writeFileSync(at("biased.onnx"), biased);
    const { stdout } = await bench.run(
      "model",
      "half",
      "biased.onnx",
      "--out",
      "cut.onnx",
      "--tolerance",
      "0",
    );
    expect(stdout).toMatch(/ 2 stored numbers are above 65504, and cut to that\./);
  });

  it("does not write a file below the tolerance, unless it is forced to", async () => {
    const line = ["model", "half", "folded.onnx", "--out", "near.onnx", "--tolerance", "90"];
    const { status, stderr } = await bench.run(...line);
    expect(status).toBe(1);
    expect(withoutProgress(stderr)).toMatch(
      /near\.onnx was not written: with every result rounded to float16, its SQNR is \d+\.\d dB .* on random inputs, below the tolerance of 90 dB\. Ways out: .*lower --tolerance/,
    );
    expect(existsSync(at("near.onnx"))).toBe(false);
    expect((await bench.run(...line, "--force")).status).toBe(0);
  });

  it("scales the residual stream of a transformer, and says by which power of two", async () => {
    writeFileSync(at("stream.onnx"), transformer({ fused: true, outlier: 9e4 }));
    const { status, stdout } = await bench.run("model", "half", "stream.onnx", "-o", "half-stream.onnx");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^as they are +90000 /m);
    expect(stdout).toMatch(
      /^Wrote half-stream\.onnx: \d+ units scaled by powers of two, the stream of 32 units by 2\^-\d, /m,
    );
  });

  it("makes one node of each norm where no power of two helps, beside operators in float32, each with its cost", async () => {
    writeFileSync(at("far.onnx"), transformer({ norm: "rms", outlier: 3e7, layers: 1, width: 16, heads: 2 }));
    const line = ["model", "half", "far.onnx", "-o", "half-far.onnx", "--report", "far.html"];
    const { status, stdout } = await bench.run(...line);
    expect(status).toBe(0);
    const rows = stdout.split("\n").slice(0, 5);
    expect(rows[0]).toMatch(/bytes +ms a run \(float32\)$/);
    expect(rows.slice(1).map((row) => row.replace(/ {2}.*/, "").replace(/\d+ op/, "N op"))).toEqual([
      "moved, 3 norms fused",
      "moved",
      "moved, N operators in float32",
      "as they are",
    ]);
    for (const row of rows.slice(1)) expect(row).toMatch(/ kB +\d\S* \(\d\S*\)$/);
    expect(stdout).toMatch(/, one node in the place of the norms that make \S+ and 2 more, /);
    expect(readFileSync(at("far.html"), "utf8")).toContain("largest float16");
    const again = await bench.run(...line, "--force");
    expect([again.status, again.stderr]).toEqual([
      expect.any(Number),
      expect.stringContaining("it is there already. Choose another name, or replace it with --replace."),
    ]);
    expect(again.status).not.toBe(0);
  });

  it("judges a file on the held-out data that it names, and the page says why it was refused", async () => {
    // Hidden values of 1e5 x, outputs of x: of inputs near 1 they overflow inside, of those near 1e-3 nowhere.
    const inside = changed(withShape(perceptron("relu"), ["batch", 4]), ({ initializers }) => ({
      initializers: initializers.map((tensor) => {
        const factor = tensor.shape[0] === 3 ? 1e5 : 1e-5;
        return { ...tensor, data: (tensor.data as Float32Array).map((w) => factor * w) };
      }),
    }));
    writeFileSync(at("inside.onnx"), inside);
    for (const [name, scale] of [
      ["small.npy", 1e-3],
      ["big.npy", 10],
    ] as const) {
      writeFileSync(at(name), encodeNpy({ shape: [8, 4], data: images.slice(0, 32).map((x) => scale * x) }));
    }
    const line = ["model", "half", "inside.onnx", "--out", "inside-half.onnx", "--no-move"];
    expect((await bench.run(...line, "--calibration", "small.npy")).status).toBe(0);
    rmSync(at("inside-half.onnx"));
    const data = ["--calibration", "small.npy", "--held-out", "big.npy"];
    const { status, stderr } = await bench.run(...line, ...data, "--report", "refused.html");
    const why =
      "with every result rounded to float16, its outputs are not finite, or one was 0 throughout, on 8 examples of big.npy";
    expect([status, withoutProgress(stderr)]).toEqual([
      1,
      expect.stringContaining(
        `was not written: ${why}. Ways out: let units be scaled: leave --no-move out; keep`,
      ),
    ]);
    expect(readFileSync(at("refused.html"), "utf8")).toContain(
      `Not written to inside-half.onnx: numbers as they are; ${why}.`,
    );
  });

  it("takes a file whose Reshape reads a shape that a Loop passes on, as balance and symmetries do", async () => {
    const looped = changed(withShape(perceptron("relu"), ["batch", 4]), ({ nodes, initializers }) => {
      const body = {
        name: "step",
        initializers: [],
        outputs: ["going", "shape2", "x2"].map((name) => ({ name })),
        inputs: [
          { name: "i", dtype: "int64", shape: [] },
          { name: "going", dtype: "bool", shape: [] },
          { name: "shape", dtype: "int64", shape: [2] },
          { name: "x", dtype: "float32", shape: ["batch", 3] },
        ] as const,
        nodes: [
          { opType: "Identity", inputs: ["shape"], outputs: ["shape2"], attributes: {} },
          { opType: "Identity", inputs: ["x"], outputs: ["x2"], attributes: {} },
        ],
      };
      const loop = {
        opType: "Loop",
        inputs: ["count", "", "rows", "relu"],
        outputs: ["same", "passed"],
        attributes: { body: { kind: "graph" as const, value: body } },
      };
      return {
        initializers: [
          ...initializers,
          { name: "count", dtype: "int64", shape: [], data: BigInt64Array.of(3n) },
          { name: "rows", dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 3n) },
        ],
        nodes: nodes.flatMap((node) => {
          if (node.opType !== "Relu") return [node];
          const reshape = { opType: "Reshape", inputs: ["passed", "same"], attributes: {} };
          return [{ ...node, outputs: ["relu"] }, loop, { ...reshape, outputs: node.outputs }];
        }),
      };
    });
    writeFileSync(at("looped.onnx"), looped);
    for (const line of [
      "symmetries looped.onnx",
      "balance looped.onnx -o o.onnx",
      "half looped.onnx -o h.onnx",
    ]) {
      const { status, stderr } = await bench.run("model", ...line.split(" "));
      expect([line, status, withoutProgress(stderr)]).toEqual([line, 0, ""]);
    }
    expect(decodeModel(read("h.onnx")).graph.nodes.map(({ opType }) => opType)).not.toContain("Loop");
  });

  it("is refused of a quantized file, and asks for the one before", async () => {
    await bench.run("model", "quantize", "folded.onnx", "--weights-only", "--out", "q8.onnx");
    const { status, stderr } = await bench.run("model", "half", "q8.onnx", "-o", "again.onnx");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/q8\.onnx: toHalf: the file is quantized already: .* Give the float file/);
  });

  it("is refused of a file of float16, which the message names", async () => {
    await bench.run(...half);
    const { status, stderr } = await bench.run("model", "half", "half.onnx", "-o", "again.onnx");
    expect(status).not.toBe(0);
    expect(stderr).toContain("half.onnx: toHalf takes a model of float32");
  });

  it.each([
    ["an unknown type", ["--io", "int8"], "float32, float16"],
    ["the model's own file", ["-o", "./folded.onnx"], "is the model that is read"],
    ["data that are not there", ["--calibration", "none.npy"], "none.npy"],
  ])("is refused with %s", async (_, options, message) => {
    const { status, stderr } = await bench.run(...half, ...options);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
  });
});

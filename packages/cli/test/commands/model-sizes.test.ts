// Sizes that a file leaves open are those of the data.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NdArray, sizeOf } from "isoloss";
import { createRng, encodeNpy } from "isoloss/data";
import { beforeAll, describe, expect, it } from "vitest";
import { changed, perceptron, wideWindow } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

beforeAll(() => {
  const rng = createRng(3);
  const save = (name: string, shape: readonly number[]) => {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => rng.normal());
    writeFileSync(join(bench.folder, name), encodeNpy({ shape, data } as NdArray));
  };
  // Its window is wider than 32, the size of an open axis without data.
  writeFileSync(join(bench.folder, "wide.onnx"), wideWindow());
  save("x.npy", [4, 1, 44, 40]);
  save("tall.npy", [4, 1, 50, 40]);
  save("y.npy", [4, 1, 5, 1]);
  // A Reshape to 4 x 49 fixes how many numbers there are.
  const flat = changed(perceptron("relu", { batch: 4 }), ({ inputs: [x], nodes, outputs }) => ({
    inputs: [{ ...x, shape: ["n", "h", "w"] }],
    outputs: outputs.map(({ name, dtype }) => ({ name, dtype })),
    initializers: [
      { name: "shape", dtype: "int64", shape: [2], data: BigInt64Array.of(4n, 49n) },
      { name: "w", dtype: "float32", shape: [49, 2], data: new Float32Array(98).fill(0.1) },
    ],
    nodes: [
      {
        ...nodes[0],
        name: "",
        opType: "Reshape",
        inputs: [x.name, "shape"],
        outputs: ["flat"],
        attributes: {},
      },
      {
        ...nodes[0],
        name: "",
        opType: "MatMul",
        inputs: ["flat", "w"],
        outputs: [outputs[0].name],
        attributes: {},
      },
    ],
  }));
  writeFileSync(join(bench.folder, "flat.onnx"), flat);
  save("square.npy", [4, 8, 8]);
});

const commands: readonly (readonly string[])[] = [
  ["quantize", "--calibration", "x.npy", "--held-out", "tall.npy", "--no-equalize", "--no-compensate"],
  ["prune", "--fraction", "0.5", "--held-out", "x.npy"],
  ["half", "--calibration", "x.npy"],
  ["half", "--held-out", "x.npy"],
  ["balance", "--held-out", "x.npy"],
];

/** Runs a command on the wide file, with more options. */
const runner = (line: string) => {
  const [command, ...args] = line.split(" ");
  const replace = command === "half" ? "--replace" : "--force";
  return (...more: string[]) =>
    bench.run("model", command, "wide.onnx", replace, "-o", "out.onnx", ...args, ...more);
};

describe("sizes that a file leaves open", () => {
  it.each(commands.map((args) => args.join(" ")))("are those of the data: %s", async (line) => {
    const run = runner(line);
    const { status, stderr } = await run("--report", "page.html");
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
  });

  it.each(commands.slice(1).map((args) => args.join(" ")))("may be given, too: %s", async (line) => {
    const run = runner(line);
    expect((await run("--size", "height=44")).status).toBe(0);
    const { status, stderr } = await run("--size", "height=48");
    expect([status, stderr]).toEqual([
      1,
      'isoloss: x.npy has the shape [4, 1, 44, 40]; the input "x" takes float32[1, 1, 48, 40] with --size. Sizes are those of the data: leave --size out.\n',
    ]);
  });

  it("are those of the data in finetune", async () => {
    const { status, stderr } = await bench.run(
      ...["model", "finetune", "wide.onnx", "--data", "x.npy", "--labels", "y.npy", "--loss", "mse"],
      ...["--rate", "0.001", "--epochs", "1", "--validation", "0.5", "-o", "tuned.onnx", "--quiet"],
    );
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
  });

  it("are guessed without data, which the error says", async () => {
    const { status, stderr } = await bench.run("model", "half", "wide.onnx", "-o", "half.onnx");
    expect(status).toBe(1);
    expect(stderr).toContain(
      "It was run with height 32: give others by --size NAME=N, such as --size height=48, with which it runs.",
    );
  });

  it.each([
    ["verify", ["flat.onnx"]],
    ["half", ["-o", "half.onnx"]],
    ["low-rank", ["-o", "small.onnx"]],
  ])("may be fixed inside, and %s says by which the file runs", async (command, args) => {
    const { stderr } = await bench.run("model", command, "flat.onnx", ...args);
    expect(stderr).toContain(
      "It was run with n 4, h 32, w 32: give others by --size NAME=N, such as --size h=7 --size w=7, with which it runs.",
    );
    const option = command === "verify" ? "--data" : "--held-out";
    const onData = await bench.run("model", command, "flat.onnx", ...args, option, "square.npy");
    expect(onData.stderr).toContain(
      "The data have n 4, h 8, w 8. It runs with h 7, w 7: give data of that size.",
    );
    const sized = ["--size", "h=7", "--size", "w=7"];
    expect((await bench.run("model", command, "flat.onnx", ...args, ...sized)).status).toBe(0);
  });
});

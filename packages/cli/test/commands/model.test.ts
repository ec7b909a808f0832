import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Inspection } from "../../src/model/inspect.js";
import type { SymmetriesOfModel } from "../../src/model/symmetries.js";
import { changed, perceptron, withShape } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const file = (name: string, bytes: Uint8Array | string) => writeFileSync(join(bench.folder, name), bytes);

beforeAll(() => {
  file("relu.onnx", perceptron("relu"));
  file("tanh.onnx", perceptron("tanh"));
  file("open.onnx", withShape(perceptron("relu"), ["batch", 4]));
  file("nameless.onnx", withShape(perceptron("relu"), ["", 4]));
  file(
    "foreign.onnx",
    changed(perceptron("relu"), ({ nodes }) => ({
      nodes: nodes.map((node) => (node.opType === "Relu" ? { ...node, opType: "Frobnicate" } : node)),
    })),
  );
  file("text.onnx", "no model");
});

describe("isoloss model inspect", () => {
  it("prints inputs, outputs, parameters, operators and the largest tensors", async () => {
    const { status, stdout } = await bench.run("model", "inspect", "tanh.onnx");
    expect(status).toBe(0);
    // 4 x 3 + 3 + 3 x 2 + 2 = 23 numbers of 4 bytes.
    expect(stdout).toMatch(/^parameters +23 numbers in 4 tensors$/m);
    expect(stdout).toMatch(/^stored +23 numbers in 4 tensors, 92 B$/m);
    expect(stdout).toMatch(/^operator set +ai\.onnx 18; IR version \d+$/m);
    expect(stdout).toMatch(/^producer +isoloss$/m);
    expect(stdout).toMatch(/^inputs\n {2}x +float32 \[5, 4\]$/m);
    expect(stdout).toMatch(/^outputs\n {2}logits +float32 \[5, 2\]$/m);
    expect(stdout).toMatch(/^ {2}Gemm +2 +yes +all$/m);
    expect(stdout).toMatch(/^ {2}Tanh +1 +yes +sign, permutation$/m);
    expect(stdout).toMatch(/^ {2}net\.layers\.0\.weight +3 x 4 +float32 +48 B$/m);
    expect(stdout).toMatch(/^Tanh: no scalings of hidden units pass, only sign, permutation\.$/m);
  });

  it("gives the same as a document, with the sizes that open axes got", async () => {
    const inspection = await bench.json<Inspection>(
      "model",
      "inspect",
      "open.onnx",
      "--json",
      "--size",
      "batch=7",
    );
    expect(inspection).toMatchObject({
      file: "open.onnx",
      producer: "isoloss",
      opsets: { "ai.onnx": 18 },
      inputs: [{ name: "x", dtype: "float32", shape: ["batch", 4] }],
      outputs: [{ name: "logits", dtype: "float32" }],
      parameters: { tensors: 4, numbers: 23 },
      stored: { tensors: 4, numbers: 23, bytes: 92 },
      sizes: { batch: 7 },
      problem: null,
    });
    expect(inspection.operators).toEqual([
      { name: "Gemm", count: 2, supported: true, keeps: ["scaling", "sign", "linear", "permutation"] },
      { name: "Relu", count: 1, supported: true, keeps: ["scaling", "permutation"] },
    ]);
    const nameless = await bench.json<Inspection>("model", "inspect", "nameless.onnx", "--json");
    expect(nameless.inputs[0].shape).toEqual(["", 4]);
    expect(nameless.sizes).toEqual({ "x[0]": 4 });
  });

  it("shows a file with operators that are not read, and says which they are", async () => {
    const { status, stdout } = await bench.run("model", "inspect", "foreign.onnx");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}Frobnicate +1 +no +-$/m);
    expect(stdout).toMatch(/uses operators that are not supported: Frobnicate\./);
    const { parameters, problem } = await bench.json<Inspection>(
      "model",
      "inspect",
      "foreign.onnx",
      "--json",
    );
    expect([parameters, problem]).toEqual([null, expect.stringContaining("Frobnicate")]);
  });
});

describe("isoloss model symmetries", () => {
  it("prints a line for each group, and what no symmetry reaches", async () => {
    const { status, stdout } = await bench.run("model", "symmetries", "relu.onnx");
    expect(status).toBe(0);
    const [w1, b1, w2, b2] = ["0.weight", "0.bias", "1.weight", "1.bias"].map((name) => `net.layers.${name}`);
    expect(stdout.split("\n")).toEqual([
      "model       relu.onnx",
      "parameters  23 numbers in 4 tensors",
      "kept        logits on all inputs",
      "",
      "Scalings: each unit has a factor c > 0 (1 group, 3 degrees of freedom)",
      `  3 units  ${w1} axis 0, ${b1} times c; ${w2} axis 1 divided by c`,
      "",
      "Permutations: the units in another order (1 group, discrete)",
      `  3 units  ${w1} axis 0, ${b1}, ${w2} axis 1 reordered`,
      "",
      `no symmetry reaches  ${b2}`,
      "",
    ]);
  });

  it("gives the same as a document", async () => {
    const found = await bench.json<SymmetriesOfModel>(
      "model",
      "symmetries",
      "open.onnx",
      "--json",
      "--size",
      "batch=2",
    );
    const [scaling, permutation] = found.symmetries;
    expect(found).toMatchObject({
      outputs: ["logits"],
      sizes: { batch: 2 },
      parameters: { tensors: 4, numbers: 23 },
      discreteOnly: [],
      unreached: ["net.layers.1.bias"],
    });
    expect(scaling).toEqual({
      ...{ kind: "scaling", size: 3, copies: 1, degreesOfFreedom: 3, exact: true },
      axes: [
        { parameter: "net.layers.0.weight", shape: [3, 4], view: [3, 4], axis: 0, attributes: { power: 1 } },
        { parameter: "net.layers.0.bias", shape: [3], view: [3], axis: 0, attributes: { power: 1 } },
        { parameter: "net.layers.1.weight", shape: [2, 3], view: [2, 3], axis: 1, attributes: { power: -1 } },
      ],
    });
    expect(permutation).toMatchObject({ kind: "permutation", degreesOfFreedom: null });
    const tanh = await bench.json<SymmetriesOfModel>("model", "symmetries", "tanh.onnx", "--json");
    expect(tanh.symmetries.map(({ kind }) => kind)).toEqual(["sign", "permutation", "bijection"]);
    expect(tanh.symmetries[2]).toMatchObject({ activation: "tanh", degreesOfFreedom: 9 });
    expect(tanh.discreteOnly).toEqual(["net.layers.0.weight", "net.layers.0.bias", "net.layers.1.weight"]);
  });
});

describe("isoloss model", () => {
  it.each<[string, RegExp, number]>([
    ["inspect nowhere.onnx", /Cannot read the model nowhere\.onnx: no such file or directory\./, 1],
    ["inspect text.onnx", /text\.onnx: /, 1],
    [
      "inspect open.onnx --size bacth=3",
      /the open axis must be one of batch; got "bacth"; did you mean "batch"\?/,
      2,
    ],
    ["inspect relu.onnx --size batch=3", /--size batch: the file fixes all sizes\./, 2],
    ["inspect open.onnx --size batch=0", /must be a name and an integer of at least 1, such as batch=8/, 2],
    ["inspect open.onnx --size batch", /argument 'batch' is invalid/, 2],
    ["symmetries foreign.onnx", /foreign\.onnx: fromOnnx: .*Frobnicate/, 1],
    [
      "symmetries relu.onnx --output logit",
      /--output must be one of logits; got "logit"; did you mean "logits"\?/,
      2,
    ],
    ["inspekt relu.onnx", /unknown command 'inspekt'/, 2],
  ])("%s is one clear message", async (line, message, code) => {
    const { status, stdout, stderr } = await bench.run("model", ...line.split(" "));
    expect(stderr).toMatch(/^isoloss: /);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/defect|^\s+at /m);
    expect([status, stdout]).toEqual([code, ""]);
  });
});

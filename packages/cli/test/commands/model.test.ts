import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { full, sizeOf } from "isoloss";
import { encodeNpy } from "isoloss/data";
import type { OnnxModel } from "isoloss/onnx";
import { beforeAll, describe, expect, it } from "vitest";
import type { Inspection } from "../../src/commands/model/inspect.js";
import type { ModelSummary } from "../../src/commands/model/summary.js";
import type { SymmetriesOfModel } from "../../src/commands/model/symmetries.js";
import type { Verification } from "../../src/commands/model/verify.js";
import { changed, perceptron, wideWindow, withExternalData, withShape } from "../model/model-files.js";
import { workbench } from "./support.js";

type OnnxNode = OnnxModel["graph"]["nodes"][number];

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
  file(
    "shifted.onnx",
    changed(perceptron("relu"), ({ initializers }) => ({
      initializers: initializers.map((tensor) =>
        tensor.name === "net.layers.1.bias"
          ? { ...tensor, data: Float32Array.from(tensor.data as Float32Array, (b) => b + 1) }
          : tensor,
      ),
    })),
  );
  file("wide.onnx", wideWindow());
  const relu = [{ opType: "Relu", inputs: ["x"], outputs: ["y"], attributes: {} }];
  file(
    "bare.onnx",
    changed(wideWindow(), () => ({ nodes: relu, initializers: [] })),
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
    expect(stdout).toMatch(/^ {2}keeps: the changes of hidden units .*; prevents: .* because of it$/m);
    expect(stdout).toMatch(/^inputs\n {2}x +float32 \[5, 4\]$/m);
    expect(stdout).toMatch(/^outputs\n {2}logits +float32 \[5, 2\]$/m);
    expect(stdout).toMatch(/^ {2}Gemm +2 +yes +all +-$/m);
    expect(stdout).toMatch(/^ {2}Tanh +1 +yes +sign, permutation +scaling, rotation$/m);
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
      file: join(bench.folder, "open.onnx"),
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
      {
        name: "Gemm",
        count: 2,
        supported: true,
        keeps: ["scaling", "sign", "linear", "permutation"],
        prevents: [],
      },
      { name: "Relu", count: 1, supported: true, keeps: ["scaling", "permutation"], prevents: ["rotation"] },
    ]);
    const nameless = await bench.json<Inspection>("model", "inspect", "nameless.onnx", "--json");
    expect(nameless.inputs[0].shape).toEqual(["", 4]);
    expect(nameless.sizes).toEqual({ "x[0]": 4 });
  });

  it("counts tensors of all graphs, and numbers in attributes of a Constant", async () => {
    const stored = { name: "w", dtype: "float32", shape: [3], data: new Float32Array(3) } as const;
    const body = { name: "body", inputs: [], outputs: [], initializers: [stored], nodes: [] };
    const constant = (name: string, attributes: OnnxNode["attributes"]): OnnxNode => {
      return { opType: "Constant", inputs: [], outputs: [name], attributes };
    };
    const loop: OnnxNode = {
      opType: "Scan",
      inputs: ["x"],
      outputs: ["s"],
      attributes: { body: { kind: "graph", value: body } },
    };
    const nodes = [
      constant("a", { value_floats: { kind: "floats", value: [1, 2] } }),
      constant("b", { value_float: { kind: "float", value: 1 } }),
      constant("c", { value_ints: { kind: "ints", value: [1, 2, 3, 4, 5] } }),
      constant("d", { value: { kind: "tensor", value: { ...stored, name: "" } } }),
      constant("e", { value_string: { kind: "string", value: "text" } }),
      loop,
    ];
    file(
      "inner.onnx",
      changed(perceptron("relu"), (graph) => ({ nodes: [...nodes, ...graph.nodes] })),
    );
    const inspection = await bench.json<Inspection>("model", "inspect", "inner.onnx", "--json");
    const [tensors, numbers, bytes] = [4 + 5, 23 + 3 + 2 + 1 + 5 + 3, 92 + 12 + 8 + 4 + 40 + 12];
    expect(inspection.stored).toEqual({ tensors, numbers, bytes });
    expect(inspection.largest[1]).toEqual({ name: "c", dtype: "int64", shape: [5], bytes: 40 });
  });

  it("takes external data above 2 GiB, of which other commands say why they do not", async () => {
    const shape = [2 ** 15, 20_000];
    const small = changed(wideWindow(), () => ({
      inputs: [{ name: "x", dtype: "float32", shape: [1, shape[0]] }],
      initializers: [{ name: "w", dtype: "float32", shape: [1], data: Float32Array.of(1) }],
      nodes: [{ opType: "MatMul", inputs: ["x", "w"], outputs: ["y"], attributes: {} }],
    }));
    file("large.onnx", withExternalData(small, "w", "large.bin", shape).bytes);
    file("large.bin", "");
    // Without blocks on the disk.
    truncateSync(join(bench.folder, "large.bin"), 4 * sizeOf(shape));
    const inspection = await bench.json<Inspection>("model", "inspect", "large.onnx", "--json");
    expect(inspection).toMatchObject({
      problem: null,
      parameters: { tensors: 1, numbers: sizeOf(shape) },
      largest: [{ name: "w", shape, bytes: 4 * sizeOf(shape) }],
    });
    expect(inspection.bytes).toBeGreaterThan(4 * sizeOf(shape));
    const refused = await bench.run("model", "half", "large.onnx", "-o", "half.onnx");
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/more than 2 GiB .* isoloss model inspect alone takes it/);
    truncateSync(join(bench.folder, "large.bin"), 100);
    const short = await bench.run("model", "inspect", "large.onnx");
    expect(short.stderr).toMatch(/"w" is at bytes 0 to 2621440000 of "large\.bin", which gave 100 bytes/);
  });

  it("shows a file with operators that are not read, and says which they are", async () => {
    const { status, stdout } = await bench.run("model", "inspect", "foreign.onnx");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}Frobnicate +1 +no +- +scaling, permutation, rotation, half$/m);
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

describe("isoloss model summary", () => {
  it("prints a line a layer, and the sums", async () => {
    const { status, stdout } = await bench.run("model", "summary", "open.onnx", "--size", "batch=7");
    expect(status).toBe(0);
    // 4 x 3 and 3 x 2 weights, for each of 7 examples.
    expect(stdout).toMatch(/^net\.layers\.0 +matmul add relu +\[7, 3\] +15 +84$/m);
    expect(stdout).toMatch(/^net\.layers\.1 +matmul add +\[7, 2\] +8 +42$/m);
    expect(stdout).toMatch(/^23 parameters; output logits \[7, 2\]$/m);
    expect(stdout).toMatch(/^With batch 7; other sizes: --size NAME=N\.$/m);
  });

  it("gives the same as a document", async () => {
    const document = await bench.json<ModelSummary>("model", "summary", "tanh.onnx", "--json");
    expect(document).toMatchObject({
      file: join(bench.folder, "tanh.onnx"),
      sizes: {},
      outputs: { logits: [5, 2] },
      parameters: 23,
      state: 0,
      multiplyAdds: 5 * 18,
      memory: { parameters: 92 },
    });
    expect(document.layers.map(({ name, parameters }) => [name, parameters])).toEqual([
      ["net.layers.0", 15],
      ["net.layers.1", 8],
    ]);
  });

  it("says which operators are not read", async () => {
    const { status, stderr } = await bench.run("model", "summary", "foreign.onnx");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/foreign\.onnx: .*not supported: Frobnicate/);
  });
});

describe("sizes that a file leaves open", () => {
  it("are named where the model does not run with the default ones", async () => {
    const { problem } = await bench.json<Inspection>("model", "inspect", "wide.onnx", "--json");
    expect(problem).toMatch(
      /^wide\.onnx cannot be run: .* It was run with height 32: give others by --size NAME=N, such as --size height=48, with which it runs\.$/,
    );
    const { status, stderr } = await bench.run("model", "symmetries", "wide.onnx");
    expect([status, stderr]).toEqual([1, expect.stringMatching(/run with height 32: give others by --size/)]);
    const sized = await bench.run("model", "symmetries", "wide.onnx", "--size", "height=40");
    expect([sized.status, sized.stdout]).toEqual([0, expect.stringMatching(/^traced with +height 40$/m)]);
    expect((await bench.run("model", "verify", "wide.onnx", "wide.onnx", "--size", "height=41")).status).toBe(
      0,
    );
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
      "The same function along at least 3 continuous directions and in at least 6 orders of units.",
      "",
      `no symmetry that was found reaches  ${b2}`,
      "",
    ]);
  });

  it("counts one unit as one degree of freedom", async () => {
    const shapes = new Map([
      ["net.layers.0.weight", [1, 4]],
      ["net.layers.0.bias", [1]],
      ["net.layers.1.weight", [2, 1]],
    ]);
    const single = changed(perceptron("relu"), ({ initializers }) => ({
      initializers: initializers.map((own) => {
        const shape = shapes.get(own.name) ?? own.shape;
        return { ...own, shape, data: own.data.slice(0, sizeOf(shape)) };
      }),
    }));
    file("single.onnx", single);
    const { stdout } = await bench.run("model", "symmetries", "single.onnx");
    expect(stdout).toMatch(/\(1 group, 1 degree of freedom\)$/m);
  });

  it("says that a model without weights has none, and when a model with weights has none", async () => {
    const bare = await bench.run("model", "symmetries", "bare.onnx");
    expect([bare.status, bare.stdout]).toEqual([
      0,
      expect.stringMatching(/^The model has no weights of its own/m),
    ]);
    const last = await bench.run("model", "symmetries", "wide.onnx", "--size", "height=40");
    expect([last.status, last.stdout]).toEqual([0, expect.stringMatching(/^No symmetry was found\.$/m)]);
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
      kind: "scaling",
      size: 3,
      copies: 1,
      degreesOfFreedom: 3,
      exact: true,
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

describe("isoloss model verify", () => {
  it("says that files compute the same, or how far they are apart, with exit code 1", async () => {
    const same = await bench.run("model", "verify", "relu.onnx", "open.onnx");
    expect(same.status).toBe(0);
    expect(same.stdout).toMatch(/^logits +5 x 2 +0 +0$/m);
    expect(same.stdout).toMatch(
      /^Both compute the same on random inputs: no output differs by more than 0\.0001/m,
    );
    const other = await bench.run("model", "verify", "relu.onnx", "tanh.onnx");
    expect(other.status).toBe(1);
    expect(other.stdout).toMatch(/^They differ on random inputs: the tolerance is 0\.0001/m);
    expect(other.stderr).toBe("");
    const more = changed(perceptron("relu"), ({ nodes, outputs: [logits] }) => ({
      nodes: [...nodes, { opType: "Relu", inputs: [logits.name], outputs: ["positive"], attributes: {} }],
      outputs: [logits, { ...logits, name: "positive" }],
    }));
    file("more.onnx", more);
    expect((await bench.run("model", "verify", "relu.onnx", "more.onnx")).stdout).toMatch(
      /\. relu\.onnx lacks positive: not compared\.$/m,
    );
    const loose = await bench.run("model", "verify", "relu.onnx", "tanh.onnx", "--tolerance", "10");
    expect(loose.status).toBe(0);
  });

  it("counts the numbers that are NaN in both files, as fold does", async () => {
    const half = changed(perceptron("relu"), ({ initializers }) => ({
      initializers: initializers.map((tensor) =>
        tensor.name === "net.layers.1.bias" ? { ...tensor, data: Float32Array.of(Number.NaN, 0) } : tensor,
      ),
    }));
    file("half-nan.onnx", half);
    const text = 'In both, 20 of the 40 numbers of "logits" are NaN.';
    const { status, stdout } = await bench.run("model", "verify", "half-nan.onnx", "half-nan.onnx");
    expect([status, stdout.endsWith(`relative to its largest value. ${text}\n`)]).toEqual([0, true]);
    const folded = await bench.run("model", "fold", "half-nan.onnx", "--out", "folded-nan.onnx");
    expect([folded.status, folded.stderr]).toEqual([0, `isoloss: ${text}\n`]);
  });

  it("draws as many random examples as --examples says where the first axis is open", async () => {
    const { outputs } = await bench.json<Verification>(
      ...["model", "verify", "open.onnx", "open.onnx", "--examples", "7", "--json"],
    );
    expect(outputs).toMatchObject([{ name: "logits", shape: [7, 2] }]);
    const { stdout } = await bench.run("model", "verify", "open.onnx", "open.onnx", "--size", "batch=3");
    expect(stdout).toMatch(/^logits +3 x 2 +0 +0$/m);
  });

  it("compares on data, batch by batch where the file fixes their size", async () => {
    const [ones, zeros] = [1, 0].map((value) => full([12, 4], value));
    file("ones.npy", encodeNpy(ones));
    file("zeros.npy", encodeNpy(zeros));
    const json = (name: string) =>
      bench.json<Verification>(
        "model",
        "verify",
        "relu.onnx",
        "shifted.onnx",
        "--json",
        "--tolerance",
        "5",
        "--data",
        name,
      );
    // The last bias is larger by 1.
    const { outputs, same } = await json("zeros.npy");
    expect(same).toBe(true);
    expect(outputs).toMatchObject([{ name: "logits", shape: [5, 2], absolute: expect.closeTo(1, 6) }]);
    expect((await json("ones.npy")).outputs[0].absolute).toBeCloseTo(1, 6);
    const text = await bench.run("model", "verify", "relu.onnx", "shifted.onnx", "--data", "zeros.npy");
    expect(text.stdout).toMatch(/^logits +10 x 2 +1/m);
    expect(text.stdout).toMatch(/^They differ on 10 examples.* In float64, on the batch where/m);
  });

  it("compares a file of any number of examples with one that fixes it, in either order", async () => {
    file("twelve.npy", encodeNpy(full([12, 4], 1)));
    for (const files of [
      ["open.onnx", "relu.onnx"],
      ["relu.onnx", "open.onnx"],
    ]) {
      const random = await bench.run("model", "verify", ...files);
      expect([random.status, random.stdout]).toEqual([0, expect.stringMatching(/^logits +5 x 2 +0 +0$/m)]);
      const onData = await bench.run("model", "verify", ...files, "--data", "twelve.npy");
      expect([onData.status, onData.stdout]).toEqual([0, expect.stringMatching(/^logits +10 x 2 +0 +0$/m)]);
    }
  });

  it.each([
    ["wide.npy", /wide\.npy has the shape \[12, 3\]; the input "x" takes float32\[5, 4\]/],
    ["few.npy", /few\.npy has 3 examples; the model takes batches of 5/],
    ["photo.png", /photo\.png has the shape \[1, 1, 1, 1\]; the input "x" takes float32\[5, 4\]/],
  ])("refuses %s, which does not fit the input", async (name, message) => {
    file("wide.npy", encodeNpy(full([12, 3], 1)));
    file("few.npy", encodeNpy(full([3, 4], 1)));
    file("photo.png", encode({ width: 1, height: 1, channels: 1, data: Uint8Array.from([9]) }));
    const { status, stderr } = await bench.run("model", "verify", "relu.onnx", "open.onnx", "--data", name);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});

describe("isoloss model", () => {
  it.each<[string, RegExp, number]>([
    ["inspect nowhere.onnx", /Cannot read the model nowhere\.onnx: no such file or directory\./, 1],
    ["inspect text.onnx", /Cannot read text\.onnx as an ONNX model: /, 1],
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
    ["verify relu.onnx other.onnx", /other\.onnx: no such file or directory/, 1],
    [
      "verify relu.onnx wide.onnx",
      /^isoloss: relu\.onnx and wide\.onnx cannot be compared: .*must take the same inputs/,
      1,
    ],
    ["verify relu.onnx relu.onnx --image-size 5", /It must be a height and a width such as 224x224/, 2],
    ["verify relu.onnx relu.onnx --std 1,0", /It must be positive numbers/, 2],
    ["verify relu.onnx relu.onnx --tolerance -1", /It must be a number of at least 0/, 2],
    ["verify open.onnx open.onnx --size bacth=3", /did you mean "batch"\?/, 2],
    ["verify relu.onnx", /missing required argument 'second'/, 2],
    ["inspekt relu.onnx", /unknown command 'inspekt'/, 2],
  ])("%s is one clear message", async (line, message, code) => {
    const { status, stdout, stderr } = await bench.run("model", ...line.split(" "));
    expect(stderr).toMatch(/^isoloss: /);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/defect|^\s+at /m);
    expect([status, stdout]).toEqual([code, ""]);
  });
});

// Experiments with models of the user's own: ONNX files and modules.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { namedArrays, spec, toOnnx, torchGenerator, trace } from "isoloss";
import { mlp, mobilenet } from "isoloss/nn";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { withShape } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);

/** An experiment on the digits with a model in its YAML form. */
const experiment = (model: string) => `name: own
kind: train
data: { name: digits, validation: 0.2, limit: 300 }
model: ${model}
optimizer: adam
learningRate: 0.01
batchSize: 40
epochs: 6
`;

/** A model with an open batch as an ONNX file. */
function file(model: { init: unknown; apply: unknown }, shape: readonly number[]): Uint8Array {
  const network = model as ReturnType<typeof mlp>;
  const { params, state } = network.init(torchGenerator(3));
  const { graph } = trace(({ net, x }) => ({ logits: network.apply(net, x, { state }).output }), {
    net: params,
    x: spec([40, ...shape]),
  });
  return withShape(toOnnx(graph, { constants: namedArrays({ net: params }) }), ["batch", ...shape]);
}

beforeAll(() => {
  mkdirSync(at("models"));
  writeFileSync(at("models/rows.onnx"), file(mlp({ sizes: [64, 16, 10] }), [64]));
  writeFileSync(
    at("models/images.onnx"),
    file(mobilenet({ stem: 6, stages: [[6]], expansion: 2, norm: "none" }), [1, 8, 8]),
  );
  bench.write(
    "models/mine.mjs",
    `import { mlp } from "isoloss";
     import { convnet } from "isoloss/nn";
     export default mlp({ sizes: [64, 12, 10] });
     export const seen = ([, height, width]) => convnet({ imageSize: [height, width], stages: [[4]] });
     const network = mlp({ sizes: [64, 12, 10] });
     export const noInit = { ...network, init: () => { throw new Error("no weights today"); } };
     export const noApply = { ...network, apply: (p) => p.none.x };
     export const none = () => { throw "boo"; };
     export const wrong = { layers: 3 };`,
  );
});

interface Run {
  readonly status: string;
  readonly directory: string;
  readonly metrics: Readonly<Record<string, number>>;
}

describe("an experiment with a model of one's own", () => {
  it.each([
    ["an ONNX file that takes rows", "{ onnx: models/rows.onnx }"],
    ["an ONNX file that takes images", "{ onnx: models/images.onnx, output: logits }"],
    ["the default export of a module", "{ module: models/mine.mjs }"],
    ["a function of the images' shape in a module", '{ module: "models/mine.mjs#seen", images: true }'],
  ])("trains %s", async (_, model) => {
    bench.write("own.yaml", experiment(model));
    const { status, metrics, directory } = await bench.json<Run>("run", "own.yaml", "--json", "--quiet");
    expect(status).toBe("completed");
    // Chance is a loss of log 10 = 2.3.
    expect(metrics["train.loss"]).toBeLessThan(2.2);
    const stored = parse(readFileSync(join(directory, "config.yaml"), "utf8")).model;
    const path = /models\/[a-z]+\.(onnx|mjs)/.exec(model)?.[0] as string;
    expect(stored.onnx ?? stored.module.split("#")[0]).toBe(at(path));
    expect(stored.sha256).toBe(
      createHash("sha256")
        .update(readFileSync(at(path)))
        .digest("hex"),
    );
  });

  it("says what is wrong with a file", async () => {
    const failure = async (model: string) => {
      bench.write("own.yaml", experiment(model));
      const { status, stderr } = await bench.run("run", "own.yaml", "--quiet");
      expect(status).not.toBe(0);
      return stderr;
    };
    expect(await failure("{ onnx: models/none.onnx }")).toMatch(/models\/none\.onnx/);
    expect(await failure("{ onnx: models/mine.mjs }")).toMatch(/Cannot read .*mine\.mjs as an ONNX model/);
    expect(await failure("{ onnx: models/rows.onnx, output: y }")).toMatch(
      /output "y" is not one of the model's/,
    );
    expect(await failure('{ module: "models/mine.mjs#nothing" }')).toMatch(
      /has no export nothing; it exports default, seen, noInit, noApply, none, wrong/,
    );
    expect(await failure('{ module: "models/mine.mjs#wrong" }')).toMatch(/must be a model, { init, apply }/);
    const failures = [
      ["noInit", "init of noInit failed: no weights today"],
      ["noApply", "apply of noApply failed: Cannot read properties of undefined"],
      ["none", "model of none failed: boo"],
    ];
    for (const [name, message] of failures) {
      const told = await failure(`{ module: "models/mine.mjs#${name}" }`);
      expect(told).toContain(`mine.mjs: the ${message}`);
      expect(told).not.toContain("defect");
    }
    const changed = `{ onnx: models/rows.onnx, sha256: "${"0".repeat(64)}" }`;
    expect(await failure(changed)).toMatch(
      /rows\.onnx has changed: its SHA-256 is [0-9a-f]{64}, and the config says 000/,
    );
    expect(await failure("{ onnx: models/rows.onnx, outputs: [y] }")).toMatch(
      /unknown key; did you mean "output"/,
    );
    expect(await failure("{ onnx: models/rows.onnx, sha256: 7 }")).toMatch(/model\.sha256: expected .*got 7/);
    expect(await failure("mlpp")).toMatch(/unknown model "mlpp"|expected/);
    expect(await failure("{ name: convnett }")).toMatch(/did you mean "convnet"/);
  });
});

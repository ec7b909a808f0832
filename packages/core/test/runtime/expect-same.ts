import { expect } from "vitest";
import type { Graph } from "../../src/graph/graph.js";
import type { Values } from "../../src/runtime/executable.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../src/runtime/onnx/executable.js";
import { relativeError } from "./relative-error.js";

/** Expects of ONNX Runtime what the JavaScript runtime gives. */
export async function expectSame(graph: Graph, inputs: Values, tolerance: number): Promise<void> {
  const expected = compileJavaScript(graph).runSync(inputs);
  const executable = await compileOnnx(graph, { provider: "cpu" });
  const actual = await executable.run(inputs);
  await executable.dispose();
  for (const name of Object.keys(expected)) {
    expect(actual[name].shape, name).toEqual(expected[name].shape);
    expect(relativeError(expected[name], actual[name]), name).toBeLessThan(tolerance);
  }
}

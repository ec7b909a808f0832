import { spec, trace } from "isoloss";
import { analyze } from "isoloss/symmetry";
import { fromOnnx } from "../../src/import/from-onnx.js";

/** Scalings that discovery finds in a model of images: generators, and their units together. */
export function generatorsOf(bytes: Uint8Array): { readonly generators: number; readonly units: number } {
  const model = fromOnnx(bytes);
  const { graph } = trace(({ p, x }) => model.apply(p, { x }), {
    p: model.params,
    x: spec([1, 3, 32, 32]),
  });
  const { scalings } = analyze(
    graph,
    Object.keys(model.params).map((name) => `p.${name}`),
  );
  return { generators: scalings.length, units: scalings.reduce((sum, { size }) => sum + size, 0) };
}

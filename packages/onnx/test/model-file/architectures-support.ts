import type { NdArray, TensorsOf } from "isoloss";
import { createRng } from "isoloss/data";
import { constant, mul, sum } from "isoloss/ops";
import { fromOnnx } from "isoloss-onnx";
import {
  architectures,
  type TransformerOptions,
  transformer,
} from "isoloss-test-support/model-file/transformer";
import {
  normals,
  randomized,
  type Subject,
  subject,
  type Values,
} from "isoloss-test-support/symmetry/discovery/support";

/** An architecture at random numbers in float64, and a random combination of its outputs. */
export function studied(name: string, changes: TransformerOptions = {}): Subject {
  const options = { ...architectures[name], ...changes };
  const file = fromOnnx(transformer(options), { epsilons: true, dtype: "float64" });
  const rng = createRng(1);
  const data = Object.fromEntries(
    file.inputs.map(({ name: input, shape = [], dtype }): [string, NdArray] => {
      const own = shape.map(Number);
      if (dtype !== "int64") return [input, normals(rng, own)];
      const ids = { length: own.reduce((a, b) => a * b, 1) };
      return [input, { shape: own, data: BigInt64Array.from(ids, () => BigInt(rng.int(64))) }];
    }),
  );
  const drawn = Object.entries(randomized(file.params, rng)).map(([path, value]) => [
    path,
    // A root is taken of what they are added to.
    path.endsWith(".epsilon") ? file.params[path] : value,
  ]);
  const loss = (p: TensorsOf<Values>, d: TensorsOf<Values>) => {
    const { logits } = file.apply(p, d);
    return sum(mul(logits, constant(normals(createRng(2), logits.shape), "float64")));
  };
  return subject(loss, Object.fromEntries(drawn) as Values, data);
}

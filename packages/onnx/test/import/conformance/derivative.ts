import { dtypeOf, grad, type ImportedModel, IsolossError, simplify, type Tensor, trace } from "isoloss";
import { constantValue, isFloat } from "isoloss/internal";
import { add, cast, constant, mul, sum } from "isoloss/ops";
import type { Case } from "./cases.js";
import { type Arrays, readModel } from "./run-case.js";

/** Whether a case's float results have a derivative in its float inputs that is not 0 everywhere. */
export function hasDerivative(given: Case): boolean {
  const { model, arrays } = readModel(given);
  const floats = Object.keys(arrays).filter((name) => isFloat(dtypeOf(arrays[name])));
  // Further floats may have to be known while the model is traced, as scales are.
  return [floats, floats.slice(0, 1)].some((names) => dependsOn(model, arrays, names));
}

function dependsOn(model: ImportedModel, arrays: Arrays, names: readonly string[]): boolean {
  const pick = (wanted: boolean) =>
    Object.fromEntries(Object.entries(arrays).filter(([name]) => names.includes(name) === wanted));
  const p = Object.fromEntries(Object.entries(model.params).map(([name, x]) => [name, constant(x)]));
  const floatsOf = (results: Readonly<Record<string, Tensor>>) =>
    Object.values(results).filter(({ dtype }) => isFloat(dtype));
  const loss = (x: Readonly<Record<string, Tensor>>) =>
    floatsOf(model.apply(p, { ...x, ...pick(false) })).reduce(
      (total, y) => add(total, cast(sum(mul(y, y)), "float64")),
      constant(0, "float64"),
    );
  try {
    const { graph } = trace(({ x }) => grad(loss)(x), { x: pick(true) });
    return simplify(graph).outputs.some(({ tensor }) => constantValue(tensor) !== 0);
  } catch (error) {
    if (error instanceof IsolossError) return false;
    throw error;
  }
}

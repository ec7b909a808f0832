// How good float16 is at other numbers of a file, and with other operators in float32, without a file for each.
import type { NdArray, Tensor } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import { constant, greater, maximum, minimum, roundTo, where } from "isoloss/ops";
import { arrayOf } from "../import/arrays.js";
import { constantsOf, parametersOf } from "../import/parameters.js";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { openModel } from "../model-file/compare/run-model.js";
import { imported, type OnnxFile } from "../model-file/edit/onnx-file.js";
import { errorOf } from "../quantize/measure-error.js";
import { alwaysFloat32, halfTensor } from "./convert.js";
import { largestHalf } from "./range.js";

type Params = Readonly<Record<string, NdArray>>;

/** A file with every result rounded to float16 that is compiled once. */
export interface Judge {
  /**
   * The SQNR in dB.
   *
   * @param params of the file, epsilons and factors among them
   * @param wide first results of the operators that compute in float32, among those that were given
   */
  sqnr(params: Params, wide?: ReadonlySet<string>): Promise<number>;
  dispose(): Promise<void>;
}

export interface JudgeSettings {
  readonly batches: readonly NamedValues[];
  /** Outputs of the model before. */
  readonly expected: readonly NamedValues[];
  /** First results of the operators that `wide` may name; default none. */
  readonly candidates?: Iterable<string> | undefined;
}

/** What is not in a parameter is rounded once for all, also for operators in float32. */
export function openJudge(file: OnnxFile, { batches, expected, candidates = [] }: JudgeSettings): Judge {
  const { graph, opsets } = file.model;
  const opset = opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 1;
  const stored = new Map(
    [...graph.initializers, ...graph.nodes.flatMap(constantsOf)].map((own) => [own.name, own]),
  );
  const trained = new Set(parametersOf(graph).map(({ tensor }) => tensor.name));
  const makers = new Map(
    graph.nodes.flatMap(({ outputs }) => outputs.map((name) => [name, outputs[0]] as const)),
  );
  const masks = new Map([...candidates].map((name, i) => [name, `float16.mask.${i}`]));
  const maskValues = (wide: ReadonlySet<string>): Params =>
    Object.fromEntries(
      [...masks].map(([name, key]) => [key, { shape: [], data: Float32Array.of(wide.has(name) ? 0 : 1) }]),
    );
  let given: Readonly<Record<string, Tensor>> = {};
  let [narrow, made] = [new Map<Tensor, Tensor>(), new Map<Tensor, Tensor>()];
  const rounded = (x: Tensor, name: string, isLifted: boolean): Tensor => {
    const known = narrow.get(x);
    if (known !== undefined) return known;
    const own = stored.get(name);
    const half =
      own === undefined
        ? roundTo(x, "float16")
        : trained.has(name) || isLifted
          ? roundTo(minimum(maximum(x, -largestHalf), largestHalf), "float16")
          : constant(arrayOf(halfTensor(own), "float32"));
    narrow.set(x, half);
    return half;
  };
  /** A value as a node has it that is narrow or not. */
  const chosen = (node: string | undefined, half: Tensor, x: Tensor): Tensor => {
    const mask = given[masks.get(node ?? "") ?? ""];
    return mask === undefined ? half : where(greater(mask, 0.5), half, x);
  };
  const isFixed = (node: OnnxNode | undefined, name: string) =>
    node !== undefined && alwaysFloat32(node, opset).some((i) => node.inputs[i] === name);
  const model = imported(file, {
    epsilons: true,
    factors: true,
    dtype: "float32",
    read(x, name, node, isLifted = false) {
      if (isFixed(node, name)) return x;
      const half = rounded(x, name, isLifted);
      if (node === undefined) return stored.has(name) ? x : half;
      // Of an operator that is narrow itself, a value is rounded for all readers.
      const seen = stored.has(name) ? x : (made.get(x) ?? chosen(makers.get(name), half, x));
      made.set(x, seen);
      return chosen(node.outputs[0], half, seen);
    },
  });
  const session = openModel(
    {
      ...model,
      params: { ...model.params, ...maskValues(new Set()) },
      apply(p, x) {
        given = p as Readonly<Record<string, Tensor>>;
        [narrow, made] = [new Map(), new Map()];
        return model.apply(p, x);
      },
    },
    { runtime: "auto" },
  );
  return {
    async sqnr(params, wide = new Set()) {
      const own = { ...params, ...maskValues(wide) };
      const got: NamedValues[] = [];
      for (const batch of batches) got.push(await session.run(batch, own));
      return errorOf("toHalf", expected, got, batches).sqnr;
    },
    dispose: () => session.dispose(),
  };
}

/** Measurements that the search for a smaller set makes at most. */
const MOST_TRIALS = 240;

/**
 * A set of operators in float32 from which none can be taken: halves, quarters and so on down to single operators go as long as
 * the SQNR stays.
 *
 * @param isEnough whether operators in float32 suffice; they do for `names`
 */
export async function smallestSet(
  names: readonly string[],
  isEnough: (wide: ReadonlySet<string>) => Promise<boolean>,
): Promise<readonly string[]> {
  let [kept, trials] = [names, 0];
  for (let size = Math.ceil(names.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length && trials < MOST_TRIALS; trials++) {
      const others = kept.filter((_, i) => i < from || i >= from + size);
      if (await isEnough(new Set(others))) kept = others;
      else from += size;
    }
  }
  return kept;
}

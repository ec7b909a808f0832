// The action on the hidden layers of a network: Zhao et al., NeurIPS 2022, eq. 8, in its delta form.
import type { NdArray, Shape } from "../array.js";
import { astype, copyArray, dtypeOf } from "../array.js";
import { NumericalError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { add, div, neg } from "../graph/ops/arithmetic.js";
import { fill } from "../graph/ops/leaf.js";
import { matmul } from "../graph/ops/matmul.js";
import { sameShape, type Tensor } from "../graph/tensor.js";
import type { SpecLeaf } from "../graph/trace.js";
import { inverse, pinv } from "../math/linalg.js";
import { namedArrays } from "../named-arrays.js";
import type { MlpParams } from "../nn/models/mlp.js";
import { compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { bijection, slopeOf } from "./bijection.js";
import { layerInput, preActivation, split, traceAct, traceInput } from "./hidden-graphs.js";
import { hiddenLayers } from "./hidden-layers.js";
import { isRefusal, type Refusal, type Symmetry } from "./symmetry.js";

export interface HiddenActionOptions {
  /** A bijective activation: leakyRelu, elu, tanh, sigmoid, softplus or identity. */
  readonly activation: string;
  readonly slope?: number;
  /** Acts even where the batch is wider than a layer's input, so that the loss moves; default false: refused. */
  readonly allowInexact?: boolean;
}

/**
 * Mixes the units of each hidden layer by g = I + T and takes it back in the next layer. With rows as samples,
 * H the layer's input (with a column of ones for the bias), Z = H W_m', s the activation:
 *
 * Z' = s^-1(s(Z) g'),  W_m' <- W_m' + H^+ (Z' - Z),  W_{m+1} <- W_{m+1} g^-1
 *
 * The next layer then sees the same product, so the loss on this batch is kept if H has full row rank, which needs a
 * batch no larger than the layer's input (plus one with a bias). On other data the function changes.
 * Layers are moved from the first to the last; each sees the input that the moved layers below give.
 * Pseudo-inverse and inverse are computed in float64.
 *
 * @param params of an `mlp` with one hidden layer or more, whose activation is the one given here
 * @throws OptionError for an activation that is not a bijection, such as relu, and for a network without hidden layers
 *
 * @example
 * const symmetry = hiddenAction(params, { activation: "leakyRelu", slope: 0.1 });
 */
export function hiddenAction(
  params: MlpParams,
  { activation, slope, allowInexact = false }: HiddenActionOptions,
): Symmetry<MlpParams> {
  const s = bijection(activation, slope === undefined ? {} : { slope });
  const hidden = hiddenLayers(params, "hiddenAction");
  const widths = hidden.map(({ weight }) => weight.shape[0]);
  const inputWidths = hidden.map(({ weight, bias }) => weight.shape[1] + (bias ? 1 : 0));
  const dtype = dtypeOf(params.layers[0].weight) as "float32" | "float64";
  const compiled = new Map<string, Promise<Executable>>();
  /** The last batch and its pseudo-inverse. A copy of the batch: its array may be filled anew. */
  let known: { readonly x: NdArray; readonly plus: NdArray } | undefined;

  const executable = (key: string, make: () => Graph): Promise<Executable> => {
    const run = compiled.get(key) ?? compile(make(), { dtype: "float64" });
    compiled.set(key, run);
    return run;
  };
  const inputRun = (p: MlpParams, x: SpecLeaf, m: number) =>
    executable(`input ${m} ${x.shape}`, () => traceInput(p, x, m, s));
  const actRun = (p: MlpParams, x: SpecLeaf, m: number) =>
    executable(`act ${m} ${x.shape}`, () => traceAct(p, x, m, s));

  /** The pseudo-inverse, if it makes the action exact. */
  const inverseOf = (h: NdArray): NdArray | Refusal => {
    const result = orRefusal(() => pinv(astype(h, "float64")), "a layer's input");
    if (isRefusal(result)) return result;
    if (result.rank === h.shape[0] || allowInexact) return result.pinv;
    return {
      refused:
        `a layer's input has rank ${result.rank} for a batch of ${h.shape[0]}: the action would change the loss. ` +
        "Use a batch no larger than the layer's input, without repeated samples.",
    };
  };

  /** H^+ of layer m; that of the batch itself is computed once. */
  const plusOf = async (p: MlpParams, x: NdArray, m: number): Promise<NdArray | Refusal> => {
    if (m === 0 && known && sameArray(known.x, x)) return known.plus;
    const run = await inputRun(p, x, m);
    const plus = inverseOf((await run.run({ ...namedArrays({ p }), x })).h);
    if (m === 0 && !isRefusal(plus)) known = { x: copyArray(x), plus };
    return plus;
  };

  /** Moves layers m and m + 1 by g. */
  const actOn = async (p: MlpParams, x: NdArray, m: number, T: NdArray): Promise<MlpParams | Refusal> => {
    const plus = await plusOf(p, x, m);
    if (isRefusal(plus)) return plus;
    const g = identityPlus(T);
    const back = orRefusal(() => inverse(g), "the group element");
    if (isRefusal(back)) return back;
    const run = await actRun(p, x, m);
    const result = await run.run({ ...namedArrays({ p }), x, g, back, plus });
    if (!Object.values(result).every(isFiniteArray)) {
      return { refused: "the group element takes units out of their activation's range" };
    }
    const layers = [...p.layers];
    const { bias } = layers[m];
    layers[m] = {
      weight: astype(result["lower.weight"], dtype),
      ...(bias ? { bias: astype(result["lower.bias"], dtype) } : {}),
    };
    layers[m + 1] = { ...layers[m + 1], weight: astype(result["upper.weight"], dtype) };
    return { layers };
  };

  return {
    name: "hidden action (eq. 8)",
    exact: "batch",
    algebra: widths.map((n) => [n, n]),
    bound: { kind: "norm", value: 0.5 },
    contextShapes: ({ x }) => inputWidths.map((n): Shape => [n, x.shape[0]]),
    async prepare(p, { x }) {
      for (let m = 0; m < hidden.length; m++) {
        await inputRun(p, x, m);
        await actRun(p, x, m);
      }
    },
    async context(p, { x }) {
      const all: NdArray[] = [];
      for (let m = 0; m < hidden.length; m++) {
        const plus = await plusOf(p, x, m);
        if (isRefusal(plus)) return plus;
        all.push(plus);
      }
      return all;
    },
    derivative(p, T, { x }, plus) {
      const changes = p.layers.map((): Tensor[] => []);
      const biasChanges: (Tensor | undefined)[] = p.layers.map(() => undefined);
      for (let m = 0; m < hidden.length; m++) {
        const z = preActivation(layerInput(p, x, m, s), p.layers[m]);
        // dZ = s(Z) T' / s'(Z): the closed form, so that nothing differentiates a pseudo-inverse.
        const dz = div(matmul(s.forward(z), T[m], { transposeB: true }), slopeOf(s, z));
        const { weight, bias } = split(matmul(plus[m], dz), p.layers[m]);
        changes[m].push(weight);
        biasChanges[m] = bias;
        changes[m + 1].push(neg(matmul(p.layers[m + 1].weight, T[m])));
      }
      return {
        layers: p.layers.map(({ bias }, m) => ({
          weight: changes[m].reduce(add),
          ...(bias ? { bias: biasChanges[m] ?? fill(bias.shape, 0, bias.dtype) } : {}),
        })),
      };
    },
    async act(p, T, { x }) {
      let moved: MlpParams = p;
      for (let m = 0; m < hidden.length; m++) {
        const next = await actOn(moved, x, m, T[m]);
        if (isRefusal(next)) return next;
        moved = next;
      }
      return moved;
    },
    async dispose() {
      for (const run of compiled.values()) await (await run).dispose();
      compiled.clear();
    },
  };
}

/** The result of a computation on matrices, or a refusal where they are singular or hold what is not finite. */
function orRefusal<R>(compute: () => R, what: string): R | Refusal {
  try {
    return compute();
  } catch (error) {
    if (error instanceof NumericalError)
      return { refused: `${what} cannot be inverted: it is singular or not finite` };
    throw error;
  }
}

const isFiniteArray = ({ data }: NdArray): boolean => (data as Float64Array).every(Number.isFinite);

function sameArray(a: NdArray, b: NdArray): boolean {
  return sameShape(a.shape, b.shape) && a.data.every((v: number | bigint, i: number) => v === b.data[i]);
}

/** I + T in float64. */
function identityPlus(T: NdArray): NdArray<Float64Array> {
  const n = T.shape[0];
  const data = Float64Array.from(T.data as Float64Array);
  for (let i = 0; i < n; i++) data[i * n + i] += 1;
  return { shape: [n, n], data };
}

// Points of an orbit along one of the group's directions, for t in a range.
import { isNdArray, type NdArray, sizeOf, zeros } from "../array.js";
import type { Batch } from "../batch.js";
import { OptionError } from "../errors.js";
import { spec, trace } from "../graph/trace.js";
import { finite, integerFrom, listOf, type OptionsOf, optionTable } from "../options.js";
import { compile } from "../runtime/compile.js";
import { Lifetime } from "../runtime/lifetime.js";
import { Resources } from "../runtime/resources.js";
import { flatten, floatTypeOf, namedArrays, unflatten } from "../tree.js";
import { type Refusal, requireSymmetry, type Symmetry } from "./symmetry.js";

export interface OrbitOptions extends OptionsOf<typeof orbitOptions> {}

const orbitOptions = optionTable("orbit", {
  /** Number of points, both ends of the range included; default 361. */
  samples: integerFrom(2).default(361),
  /** Which entry of T varies, counted through all its blocks; the others are 0. Default 0. */
  plane: integerFrom(0).default(0),
  /** First and last value of that entry; default 0 to 2 pi, a whole turn of a rotation. */
  range: listOf(finite, { length: 2 }).default([0, 2 * Math.PI]),
});

/** A point of an orbit, or why the action refuses to go there. */
export interface OrbitPoint<P> {
  /** The entry of T. */
  readonly t: number;
  readonly params: P | Refusal;
}

/** The points of orbits, compiled. */
export interface OrbitSampler<P> {
  /** The orbit through a point. */
  through(params: P, batch?: Batch): Promise<readonly OrbitPoint<P>[]>;
  /** Releases what was compiled for it; the symmetry remains usable. */
  dispose(): Promise<void>;
}

/**
 * Points of the orbit through `params` along one direction X of the Lie algebra, all of the same loss:
 *
 * w(t) = g(t X).w,  t = t_0, ..., t_1 at equal distances
 *
 * with g(T) = exp(T) for scalings, shifts and rotations, and g(T) = I + T for linear maps.
 *
 * @param symmetry whose action is sampled
 * @param params where t = 0 is
 * @param batch data of the action, as for `Symmetry.act`
 * @returns points in the order of t; where the action refuses, the reason is in a point's place
 * @throws OptionError for options out of range
 *
 * @example
 * const points = await orbit(quadraticRotation(array([[1, 0], [0, 10]], "float64")), { w: array([3, 0.5], "float64") });
 */
export async function orbit<P>(
  symmetry: Symmetry<P>,
  params: P,
  batch: Batch = {},
  options: OrbitOptions = {},
): Promise<readonly OrbitPoint<P>[]> {
  const sampler = await createOrbitSampler(symmetry, { params, batch }, options);
  try {
    return await sampler.through(params, batch);
  } finally {
    await sampler.dispose();
  }
}

/**
 * Compiles {@link orbit} for several points: one loop where the symmetry has no `context`; elsewhere `act`, point by point.
 *
 * @param symmetry whose action is sampled
 * @param example `params` and `batch`: their shapes count
 * @throws OptionError for options out of range
 *
 * @example
 * const problem = rosenbrock();
 * const sampler = await createOrbitSampler(problem.symmetry(), { params: problem.start });
 * const points = await sampler.through(problem.start);
 * await sampler.dispose();
 */
export async function createOrbitSampler<P>(
  symmetry: Symmetry<P>,
  example: { readonly params: P; readonly batch?: Batch | undefined },
  options: OrbitOptions = {},
): Promise<OrbitSampler<P>> {
  requireSymmetry("orbit", symmetry);
  const { samples, plane, range } = orbitOptions.read(options);
  const { algebra } = symmetry;
  const entries = algebra.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (plane >= entries) {
    throw new OptionError(
      `orbit: plane must be below ${entries}, the number of entries of T of "${symmetry.name}"; got ${plane}.`,
    );
  }
  const dtype = floatTypeOf("orbit", example.params);
  const ts = Array.from(
    { length: samples },
    (_, k) => range[0] + ((range[1] - range[0]) * k) / (samples - 1),
  );
  /** The blocks of T of all points, one after another. */
  const elements = algebra.map((shape) => zeros([samples, ...shape], dtype));
  let [block, entry] = [0, plane];
  while (entry >= sizeOf(algebra[block])) entry -= sizeOf(algebra[block++]);
  ts.forEach((t, k) => {
    elements[block].data[k * sizeOf(algebra[block]) + entry] = t;
  });
  const elementAt = (k: number): NdArray[] =>
    elements.map(({ shape: [, ...shape], data }) => {
      const size = sizeOf(shape);
      return { shape, data: data.slice(k * size, (k + 1) * size) } as NdArray;
    });

  const lifetime = new Lifetime("orbit sampler", "createOrbitSampler");
  const resources = new Resources();
  // What the traced action of a symmetry with a context makes of a batch that is too large is no refusal.
  const act = symmetry.context === undefined ? symmetry.trace : undefined;
  const loop = act && resources.keep(await compileLoop(act, symmetry, example, dtype));
  if (!loop) await symmetry.prepare?.(example.params, example.batch ?? {});
  return {
    async through(params, batch = {}) {
      lifetime.requireOpen();
      if (!loop) {
        const points: OrbitPoint<P>[] = [];
        for (const [k, t] of ts.entries()) {
          points.push({ t, params: await symmetry.act(params, elementAt(k), batch) });
        }
        return points;
      }
      const results = await loop.run(namedArrays({ params, batch, T: elements }), { steps: samples });
      const { def, paths } = flatten<NdArray>({ at: params }, isNdArray);
      return ts.map((t, k) => {
        const leaves = paths.map((path) => {
          const { shape, data } = results[path];
          const size = data.length / samples;
          return { shape: shape.slice(1), data: data.slice(k * size, (k + 1) * size) } as NdArray;
        });
        const isReached = leaves.every(({ data }) => Array.from(data, Number).every(Number.isFinite));
        if (!isReached)
          return { t, params: { refused: symmetry.traceRefusal ?? "the action is not finite" } };
        return { t, params: (unflatten(def, leaves) as { readonly at: P }).at };
      });
    },
    dispose: () => lifetime.end(() => resources.release()),
  };
}

/** The action as a loop over elements. */
function compileLoop<P>(
  act: Symmetry<P>["trace"],
  { algebra }: Symmetry<P>,
  { params, batch = {} }: { readonly params: P; readonly batch?: Batch | undefined },
  dtype: "float32" | "float64",
) {
  const T = algebra.map((shape) => spec(shape, dtype));
  const example = { params, T, batch };
  const { graph } = trace(({ params: p, T: element, batch: b }) => ({ at: act(p, element, b) }), example);
  return compile(graph, { scan: { carry: {}, sequences: algebra.map((_, i) => `T.${i}`) } });
}

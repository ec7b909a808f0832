// Teleportation with null-space gradient projection: Wu, Dong, Aloui, Tarokh, arXiv 2502.11362, algorithm 1.
import { OptionError } from "../../errors.js";
import { grad } from "../../graph/autodiff.js";
import { type TensorsOf, trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { type Check, checkOptions, flag, integerFrom, positive } from "../../optim/options.js";
import { compile } from "../../runtime/compile.js";
import type { BatchTensors } from "../../symmetry/symmetry.js";
import type { Memory } from "../objective/objective.js";
import { compileInputSpaces, type InputSpace } from "./input-space.js";
import { linearMaps } from "./layer-inputs.js";
import { parameterVector } from "../parameter-vector.js";
import type { SearchFactory } from "./search.js";
import { normOf } from "./trust-region.js";

export interface NullSpaceOptions {
  /** Default 10. */
  readonly steps?: number;
  /** Length of a step relative to that of the weights that can move, or the factor eta itself; default 0.1. */
  readonly stepSize?: number;
  /** Whether a step has the length `stepSize`; default true. Otherwise it is `stepSize` times the projected gradient. */
  readonly normalised?: boolean;
  /** Share of the inputs' energy that is kept exactly, above 0; default 1: all of it, up to rounding. */
  readonly threshold?: number;
  /** Dotted paths of the weights to move; default all that only multiply inputs. */
  readonly layers?: readonly string[];
}

const isThreshold: Check = {
  expected: "a number above 0 and at most 1",
  test: (v) => typeof v === "number" && v > 0 && v <= 1,
};
const isPaths: Check = {
  expected: "a list of paths, such as layers.1.weight",
  test: (v) => Array.isArray(v) && v.every((path) => typeof path === "string"),
};

/** Share of a gradient that is rounding. */
const negligible = 1e-10;

/**
 * Ascent of the objective phi in the null space of every layer's inputs, so that no layer's output changes. With H the
 * inputs of a layer as rows, a column of ones for its bias, B an orthonormal basis of their span and G = dphi/dW,
 *
 * W <- W + eta G (I - B B')
 *
 * Layers are the matrix products and convolutions of parameters with data in the loss' graph, whatever the network: see
 * {@link linearMaps}. With the threshold 1 the loss on the batch is kept exactly. With tau < 1, B spans only the leading
 * directions that hold that share of ||H||^2: more can move, and the loss drifts. On other data the function changes.
 *
 * Nothing can move where inputs have full rank, as with more samples than inputs; and for phi = ||grad L||^2 nothing
 * in the first layer, whose weights count only by way of its outputs. The walk then stops and says so.
 *
 * @throws OptionError for settings out of range, and for layers that the loss does not have
 *
 * @example
 * const search = nullSpace({ steps: 5, layers: ["layers.1.weight"] });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function nullSpace<P>(options: NullSpaceOptions = {}): SearchFactory<P> {
  checkOptions<NullSpaceOptions>("nullSpace", options, {
    steps: integerFrom(0),
    stepSize: positive,
    normalised: flag,
    threshold: isThreshold,
    layers: isPaths,
  });
  const { steps = 10, stepSize = 0.1, normalised = true, threshold = 1, layers } = options;
  return async ({ loss, objective, params, batch, memory, compileOptions }) => {
    const { graph } = trace(loss as never, [params, batch], { names: ["params", "batch"] });
    const { maps: all, excluded } = linearMaps(graph);
    const maps = layers ? all.filter(({ path }) => layers.includes(path)) : all;
    const missing = layers?.find((path) => !all.some((map) => map.path === path));
    if (missing !== undefined || maps.length === 0) {
      const why = Array.from(excluded, ([path, reason]) => `${path} ${reason}`).join("; ");
      throw new OptionError(
        `nullSpace: ${missing === undefined ? "no parameter" : `"${missing}" is no weight that`} only multiplies inputs; ` +
          `there are ${all.map(({ path }) => path).join(", ") || "none"}${why && `, but ${why}`}.`,
      );
    }
    const space = parameterVector(params);
    const spaces = await compileInputSpaces(graph, maps, threshold, compileOptions);
    const slope = (p: TensorsOf<P>, b: BatchTensors, m: Memory) => ({ slope: grad(objective)(p, b, m) });
    const names = ["params", "batch", "memory"];
    const gradient = await compile(
      trace(slope as never, [params, batch, memory], { names }).graph,
      compileOptions,
    );

    return {
      name: "null space",
      exact: threshold === 1 ? "batch" : "no",
      steps,
      async walk(start, setting) {
        let x = space.vectorOf(start);
        let bases: readonly InputSpace[] | undefined;
        let direction: Float64Array | undefined;
        let candidate: Float64Array | undefined;
        return {
          async propose(scale) {
            const here = space.treeOf(x);
            if (direction === undefined) {
              bases ??= await spaces.at(here, setting.batch);
              if (bases === undefined) return { stopped: "the inputs of a layer are not finite" };
              const full = space.collect(
                await gradient.run(
                  namedArrays({ params: here, batch: setting.batch, memory: setting.memory }),
                ),
                "slope",
              );
              const projected = projectedOn(full, bases);
              const length = normOf([projected]);
              if (!Number.isFinite(length)) return { stopped: "the gradient is not finite" };
              if (length === 0) return { stopped: nowhere(bases) };
              const movable = normOf(maps.map(({ rows }) => Float64Array.from(rows, (place) => x[place])));
              const eta = normalised ? (stepSize * movable) / length : stepSize;
              direction = projected.map((v) => eta * v);
            }
            const move = direction;
            const next = space.treeOf(x.map((v, i) => v + scale * move[i]));
            candidate = space.vectorOf(next);
            return next;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            x = candidate;
            direction = candidate = undefined;
            // An exact step leaves every layer's inputs as they are.
            if (threshold < 1) bases = undefined;
          },
        };
      },
      async dispose() {
        await spaces.dispose();
        await gradient.dispose();
      },
    };
  };
}

/** G (I - B B') in the rows of every map, zero elsewhere. */
function projectedOn(gradient: Float64Array, bases: readonly InputSpace[]): Float64Array {
  const out = new Float64Array(gradient.length);
  for (const { map, project } of bases) {
    const { rows, columns } = map;
    for (let at = 0; at < rows.length; at += columns) {
      const places = rows.subarray(at, at + columns);
      const full = Float64Array.from(places, (place) => gradient[place]);
      const row = project(full);
      if (normOf([row]) <= negligible * normOf([full])) continue;
      places.forEach((place, j) => {
        out[place] = row[j];
      });
    }
  }
  return out;
}

function nowhere(bases: readonly InputSpace[]): string {
  const state = bases.map(({ map, rank }) =>
    rank === map.columns
      ? `null space of ${map.path} is empty: rank ${rank} of ${map.columns}`
      : `in that of ${map.path} (rank ${rank} of ${map.columns}) the objective is stationary`,
  );
  return `nothing can move at the same outputs: ${state.join("; ")}`;
}

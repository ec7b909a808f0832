// Teleportation with null-space gradient projection: Wu, Dong, Aloui, Tarokh, arXiv 2502.11362, algorithm 1.
import type { Batch } from "../../../batch.js";
import { OptionError } from "../../../errors.js";
import type { Graph } from "../../../graph/graph.js";
import { flag, integerFrom, listOf, number, positive, text } from "../../../option-kinds.js";
import { type OptionRows, optionTable } from "../../../options.js";
import { Resources } from "../../../runtime/resources.js";
import { parameterVector } from "../../parameter-vector.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import { normOf } from "../ascent/trust-region.js";
import { isStop, type SearchFactory, type Setting, type Stop } from "../search.js";
import { compileInputSpaces, type InputSpace, type InputSpaces, isWide } from "./input-space.js";
import { type LinearMap, linearMaps } from "./layer-inputs.js";
import { gatheredFrom, projectedGradients, quantitiesOf } from "./projected-gradient.js";

export interface NullSpaceOptions {
  /** Number of steps, each at the cost of a gradient of the objective; default 5. */
  readonly steps?: number | undefined;
  /** Length of a step relative to that of the weights that can move, or the factor eta itself; default 0.1. */
  readonly stepSize?: number | undefined;
  /** Whether a step has the length `stepSize`; default true. Otherwise it is `stepSize` times the projected gradient. */
  readonly normalized?: boolean | undefined;
  /** Fraction of the inputs' energy that is kept exactly, above 0; default 1: all of it, up to rounding. */
  readonly threshold?: number | undefined;
  /** Dotted paths of the weights to move; default all weights that only multiply inputs. */
  readonly layers?: readonly string[] | undefined;
}

export const nullSpaceOptions = optionTable("nullSpace", {
  steps: integerFrom(0).default(5),
  stepSize: positive.default(0.1),
  normalized: flag.default(true),
  threshold: number({ above: 0, max: 1 }).default(1),
  layers: listOf(text("a dotted path")).otherwise("all that only multiply inputs"),
} satisfies OptionRows<NullSpaceOptions>);

/**
 * Ascent of the objective phi in the null space of every layer's inputs, so that no layer's output changes. With H the
 * inputs of a layer as rows, a column of ones for its bias, B an orthonormal basis of their span and G = dphi/dW,
 *
 * W <- W + eta G (I - B B')
 *
 * Layers are the matrix products and convolutions of parameters with data in the loss's graph, for any
 * network: see `linearMaps`. With the threshold 1 the loss on the batch is kept exactly. With tau < 1, B
 * spans only the leading directions that contain that fraction of ||H||^2: more can move, and the loss drifts. On
 * other data the function changes.
 *
 * Nothing can move where inputs have full rank, as with more samples than inputs; and for phi = ||grad L||^2
 * nothing can move in the first layer, whose weights matter only through its outputs. The walk then stops and
 * says so.
 *
 * @throws OptionError for settings out of range, and for unknown layers
 *
 * @example
 * const search = nullSpace({ steps: 5, layers: ["layers.1.weight"] });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function nullSpace<P>(options: NullSpaceOptions = {}): SearchFactory<P> {
  const { steps, stepSize, normalized, threshold, layers } = nullSpaceOptions.read(options);
  return async (problem) => {
    const { params, compileOptions } = problem;
    const joint = quantitiesOf(problem);
    const graph = {
      inputs: joint.inputs.filter(({ name }) => !name.startsWith("memory.")),
      outputs: joint.outputs.filter(({ name }) => name === "loss"),
    };
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
    const still = threshold === 1 ? mapsThrough(joint, maps) : [];
    const free = maps.filter((map) => !still.includes(map));
    const resources = new Resources();
    const { spaces, gradients } = await resources.releasedOnError(async () => {
      const made = {
        spaces: resources.keep(await compileInputSpaces(graph, free, threshold, compileOptions)),
        gradients: resources.keep(projectedGradients(joint, problem, maps, threshold === 1)),
      };
      await made.gradients.prepare(free.filter(isWide));
      return made;
    });
    const space = parameterVector(params);
    let others: Promise<InputSpaces> | undefined;

    /** Why nothing moves. Only this needs the spaces of layers that never move. */
    const nowhere = async (spacesHere: readonly InputSpace[], here: P, at: Batch): Promise<Stop> => {
      others ??= compileInputSpaces(graph, still, threshold, compileOptions).then((made) =>
        resources.keep(made),
      );
      const all = [...spacesHere, ...((await (await others).at(here, at)) ?? [])];
      const state = maps.flatMap((map) => all.filter((one) => one.map === map).map(stateOf));
      return { stopped: `nothing can move at the same outputs: ${state.join("; ")}` };
    };

    const begin = (start: P, setting: Setting<P>) => {
      let x = space.vectorOf(start);
      let bases: readonly InputSpace[] | undefined;
      let open: readonly InputSpace[] = [];
      return {
        /** A step from here, and the quantities of this point. */
        async direction(): Promise<{ readonly step: Float64Array; readonly point: Point } | Stop> {
          const here = space.treeOf(x);
          if (bases === undefined) {
            bases = await spaces.at(here, setting.batch);
            if (bases === undefined) return { stopped: "the inputs of a layer are not finite" };
            open = bases.filter(({ basis }) => basis !== undefined);
          }
          if (open.length === 0) return nowhere(bases, here, setting.batch);
          const { rows, point } = await gradients.at(here, setting, open);
          const length = normOf(rows);
          if (!Number.isFinite(length)) return { stopped: "the gradient is not finite" };
          if (length === 0) return nowhere(bases, here, setting.batch);
          const movable = normOf(maps.map(({ rows: places }) => gatheredFrom(x, places)));
          const eta = normalized ? (stepSize * movable) / length : stepSize;
          const step = new Float64Array(x.length);
          open.forEach(({ map }, k) => {
            map.rows.forEach((place, j) => {
              step[place] = eta * rows[k][j];
            });
          });
          // Layers with nothing to gain, such as those behind inactive units, still add to the cost of every
          // gradient.
          open = open.filter((_, k) => normOf([rows[k]]) > 0);
          return { step, point };
        },
        moved: (step: Float64Array, scale: number): P => space.treeOf(x.map((v, i) => v + scale * step[i])),
        goTo(next: P) {
          x = space.vectorOf(next);
          // An exact step leaves every layer's inputs as they are.
          if (threshold < 1) bases = undefined;
        },
      };
    };

    return {
      name: "null space",
      exact: threshold === 1 ? "batch" : "no",
      steps,
      async walk(start, setting) {
        const place = begin(start, setting);
        let step: Float64Array | undefined;
        let candidate: P | undefined;
        return {
          async propose(scale) {
            if (step === undefined) {
              const found = await place.direction();
              if (isStop(found)) return found;
              step = found.step;
            }
            candidate = place.moved(step as Float64Array, scale);
            return candidate;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            place.goTo(candidate);
            step = candidate = undefined;
          },
        };
      },
      async compiledWalk(start, setting, count) {
        const place = begin(start, setting);
        const points: Point[] = [];
        let end = start;
        let reason = stepsTaken(count);
        while (points.length < count) {
          const found = await place.direction();
          if (isStop(found)) {
            reason = found.stopped;
            break;
          }
          points.push(found.point);
          end = place.moved(found.step, 1);
          place.goTo(end);
        }
        return { params: end, steps: points.length, points, reason };
      },
      dispose: () => resources.release(),
    };
  };
}

/**
 * The maps of a loss whose weights enter another graph, too, only through their products with the same
 * inputs: the gradient of that graph in them lies in the span of these inputs.
 */
function mapsThrough(graph: Graph, maps: readonly LinearMap[]): LinearMap[] {
  const wider = linearMaps(graph).maps;
  return maps.filter(({ rows, inputs }) =>
    wider.some(
      (other) =>
        other.inputs.shape[0] === inputs.shape[0] &&
        other.rows.length === rows.length &&
        other.rows.every((place, i) => place === rows[i]),
    ),
  );
}

const stateOf = ({ map, rank }: InputSpace): string =>
  rank === map.columns
    ? `null space of ${map.path} is empty: rank ${rank} of ${map.columns}`
    : `in the null space of ${map.path} (rank ${rank} of ${map.columns}) the objective is stationary`;

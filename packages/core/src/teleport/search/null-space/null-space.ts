// Teleportation with null-space gradient projection: Wu, Dong, Aloui, Tarokh, arXiv 2502.11362, algorithm 1.
import type { Batch } from "../../../batch.js";
import { OptionError } from "../../../errors.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { simplify } from "../../../graph/simplify.js";
import type { Tensor } from "../../../graph/tensor.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import { flag, integerFrom, listOf, number, positive, text } from "../../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../../options.js";
import { Resources } from "../../../runtime/resources.js";
import type { Limits } from "../../guard.js";
import { gradNormSq } from "../../objective/objective.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import { isStop, type SearchFactory, type SearchProblem, type Setting, type Stop } from "../search.js";
import { compileWholeWalk, type Direction, noGradient, nowhere, nullSpaceWalks } from "./compiled-walk.js";
import { compileInputSpaces, type InputSpace, type InputSpaces } from "./input-space.js";
import { type LinearMap, linearMaps } from "./layer-inputs.js";
import { stops } from "./walk-graph.js";

export interface NullSpaceOptions extends OptionsOf<typeof nullSpaceOptions> {}

export const nullSpaceOptions = optionTable("nullSpace", {
  /** Number of steps, each at the cost of a gradient of the objective; default 5. */
  steps: integerFrom(0).default(5),
  /** Length of a step relative to that of the weights that can move, or the factor eta itself; default 0.1. */
  stepSize: positive.default(0.1),
  /** Whether a step has the length `stepSize`; default true. Otherwise it is `stepSize` times the projected gradient. */
  normalized: flag.default(true),
  /** Fraction of the inputs' energy that is kept exactly, above 0; default 1: all of it, up to rounding. */
  threshold: number({ above: 0, max: 1 }).default(1),
  /** Dotted paths of the weights to move; default all weights that only multiply inputs. */
  layers: listOf(text("a dotted path")).otherwise("all that only multiply inputs"),
});

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
    const { compileOptions } = problem;
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
    const isExact = threshold === 1;
    const still = isExact ? mapsThrough(joint, maps) : [];
    const free = maps.filter((map) => !still.includes(map));
    const resources = new Resources();
    const rule = { stepSize, normalized, steps };
    const of = { joint, problem, maps: { kept: isExact ? all : [], movable: maps }, rule };
    const walks = resources.keep(nullSpaceWalks(of));
    const whole = isExact && steps > 0 ? await compileWholeWalk(of, free) : undefined;
    if (whole) resources.keep(whole);
    const spacesOf = (some: readonly LinearMap[]): Promise<InputSpaces> =>
      compileInputSpaces(graph, some, threshold, compileOptions).then((made) => resources.keep(made));
    let [spaces, others]: (Promise<InputSpaces> | undefined)[] = [];

    /** The spaces of the maps that may move; undefined if inputs are not finite. */
    const spacesAt = async (here: P, at: Batch) => {
      spaces ??= spacesOf(free);
      return (await spaces).at(here, at);
    };

    /** Why nothing moves. Only this needs the spaces of layers that never move. */
    const whyNowhere = async (spacesHere: readonly InputSpace[], here: P, at: Batch): Promise<Stop> => {
      others ??= spacesOf(still);
      const all = [...spacesHere, ...((await (await others).at(here, at)) ?? [])];
      const state = maps.flatMap((map) => all.filter((one) => one.map === map).map(stateOf));
      return { stopped: `${nowhere}: ${state.join("; ")}` };
    };

    /** Why a walk ended, from the number that the program gave. */
    const reasonOf = async (stop: number, bases: readonly InputSpace[], here: P, at: Batch): Promise<Stop> =>
      stop === stops.nowhere ? whyNowhere(bases, here, at) : { stopped: noGradient };

    /** Steps from one point after another, in the null spaces there. */
    const begin = (start: P, setting: Setting<P>) => {
      let here = start;
      let bases: readonly InputSpace[] | undefined;
      return {
        async direction(): Promise<Direction<P> | Stop> {
          bases ??= await spacesAt(here, setting.batch);
          if (bases === undefined) return { stopped: "the inputs of a layer are not finite" };
          const open = bases.filter(isOpen);
          if (open.length === 0) return whyNowhere(bases, here, setting.batch);
          const found = await walks.direction(here, setting, open);
          return found.stop === undefined ? found : reasonOf(found.stop, bases, here, setting.batch);
        },
        goTo(next: P) {
          here = next;
          // An exact step leaves every layer's inputs as they are.
          if (!isExact) bases = undefined;
        },
      };
    };

    async function walkExactly(start: P, setting: Setting<P>, count: number, limits: Limits) {
      const atOnce = await whole?.run(start, setting, limits, {}, {}, count);
      if (atOnce) return atOnce;
      const bases = await spacesAt(start, setting.batch);
      const open = bases?.filter(isOpen) ?? [];
      if (bases === undefined || open.length === 0) return undefined;
      const end = await walks.walk(start, setting, open, count, limits);
      if (end?.reason !== nowhere) return end;
      const { stopped } = await whyNowhere(bases, end.params, setting.batch);
      return { ...end, reason: stopped };
    }

    /** Without the guard between the steps, whose spaces need the host. */
    async function walkLoosely(start: P, setting: Setting<P>, count: number) {
      const place = begin(start, setting);
      const points: Point[] = [];
      let end = start;
      while (points.length < count) {
        const found = await place.direction();
        if (isStop(found)) return { params: end, steps: points.length, points, reason: found.stopped };
        points.push(found.point);
        end = found.moved(1);
        place.goTo(end);
      }
      return { params: end, steps: count, points, reason: stepsTaken(count) };
    }

    return {
      name: "null space",
      exact: isExact ? "batch" : "no",
      steps,
      async walk(start, setting) {
        const place = begin(start, setting);
        let step: Direction<P> | undefined;
        let candidate: P | undefined;
        return {
          async propose(scale) {
            if (step === undefined) {
              const found = await place.direction();
              if (isStop(found)) return found;
              step = found;
            }
            candidate = step.moved(scale);
            return candidate;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            place.goTo(candidate);
            step = candidate = undefined;
          },
        };
      },
      ...(steps > 0 ? { compiledWalk: isExact ? walkExactly : walkLoosely } : {}),
      ...(isExact ? { tracedWalk: whole?.tracedWalk, races: true } : {}),
      dispose: () => resources.release(),
    };
  };
}

const isOpen = ({ basis }: InputSpace): boolean => basis !== undefined;

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

/**
 * Loss, objective and squared gradient norm as one graph, whose inputs begin with the parameters. Common
 * parts are shared, unless the loss stops a gradient, which sharing would ignore, or has loops, whose derivatives need
 * results that sharing would drop.
 */
function quantitiesOf<P>({ loss, objective, params, batch, memory }: SearchProblem<P>): Graph {
  const quantities = ({
    params: p,
    batch: b,
    memory: m,
  }: TensorsOf<Pick<SearchProblem<P>, "params" | "batch" | "memory">>) => ({
    loss: loss(p, b),
    objective: objective(p, b, m),
    gradNormSq: gradNormSq(loss)(p, b, m),
  });
  const { graph } = trace(quantities, { params, batch, memory });
  const needsAll = ({ op, results }: Tensor) => op.name === "stopGradient" || results !== undefined;
  return nodesOf(graph).some(needsAll) ? graph : simplify(graph);
}

// Teleportation with null-space gradient projection: Wu, Dong, Aloui, Tarokh, arXiv 2502.11362, algorithm 1.
import { full, type NdArray, zeros } from "../../../array.js";
import type { Batch } from "../../../batch.js";
import { OptionError } from "../../../errors.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { mul } from "../../../graph/ops/arithmetic.js";
import { simplify } from "../../../graph/simplify.js";
import type { Tensor } from "../../../graph/tensor.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import {
  flag,
  integerFrom,
  listOf,
  number,
  type OptionsOf,
  optionTable,
  positive,
  text,
} from "../../../options.js";
import { lazy } from "../../../runtime/lazy.js";
import { Resources } from "../../../runtime/resources.js";
import { isFinitePoint, type Limits, startNotFinite } from "../../guard.js";
import { gradNormSq } from "../../objective/objective.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import type { CompiledWalk, HowToRun, SearchFactory, SearchProblem, Setting } from "../search.js";
import type { Place } from "../walk.js";
import { compileWalkProgram } from "../walk-program.js";
import { basisRows, compileInputSpaces, type InputSpace, type InputSpaces, isWide } from "./input-space.js";
import { type LinearMap, linearMaps } from "./layer-inputs.js";
import {
  givenSpans,
  type NullSpaceRule,
  type NullSpaceStart,
  nullSpaceSteps,
  type Spans,
  tracedSpans,
  type WalkedMaps,
} from "./walk-graph.js";

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
    // An exact step leaves every layer's inputs as they are; after another one, their spans are computed anew.
    const rule = { stepSize, normalized, steps: isExact ? steps : 1 };
    const of = { joint, problem, maps: { kept: isExact ? all : [], movable: maps }, rule };
    const spacesOf = (some: readonly LinearMap[]): Promise<InputSpaces> =>
      compileInputSpaces(graph, some, threshold, compileOptions).then((made) => resources.keep(made));
    let [spaces, others]: (Promise<InputSpaces> | undefined)[] = [];

    /** The spaces of the maps that may move; undefined if inputs are not finite. */
    const spacesAt = async (here: P, at: Batch) => {
      spaces ??= spacesOf(free);
      return (await spaces).at(here, at);
    };

    /** Why nothing moves. Only this needs the spaces of layers that never move. */
    const whyNowhere = async (here: P, at: Batch): Promise<string> => {
      const moving = await spacesAt(here, at);
      others ??= spacesOf(still);
      const all = [...(moving ?? []), ...((await (await others).at(here, at)) ?? [])];
      const state = maps.flatMap((map) => all.filter((one) => one.map === map).map(stateOf));
      return `nothing can move at the same outputs: ${state.join("; ")}`;
    };

    const whole = isExact && steps > 0 ? await compileWholeWalk(of, free) : undefined;
    if (whole) resources.keep(whole);
    const walks = resources.keep(hostedWalks(of, (here, { batch }: Setting<P>) => whyNowhere(here, batch)));

    /** Loops one after the other, each in the spaces that the host finds where it begins. */
    async function walkInSpaces(
      start: P,
      setting: Setting<P>,
      limits: Limits,
      how: HowToRun<P> = {},
    ): Promise<CompiledWalk<P>> {
      let [params, taken, halvings, points]: [P, number, number, readonly Point[]] = [start, 0, 0, []];
      const ended = async (reason: string): Promise<CompiledWalk<P>> => {
        if (points.length > 0) return { params, steps: taken, halvings, points, reason };
        const point = await setting.measure(start);
        const why = isFinitePoint(point) ? reason : startNotFinite;
        return { params, steps: taken, halvings, points: [point], reason: why };
      };
      while (taken < steps) {
        const found = await spacesAt(params, setting.batch);
        if (found === undefined) return ended("the inputs of a layer are not finite");
        const open = found.filter(({ basis }) => basis !== undefined);
        if (open.length === 0) return ended(await whyNowhere(params, setting.batch));
        const left = { ...limits, halvings: limits.halvings - halvings };
        const from = { ...how, level: points[0]?.loss };
        const walked = await walks.run(params, setting, left, from, open, 0.5 ** halvings);
        params = walked.params;
        taken += walked.steps;
        halvings += walked.halvings ?? 0;
        points = [...points, ...walked.points.slice(points.length > 0 ? 1 : 0)];
        if (walked.steps < rule.steps) return ended(walked.reason);
      }
      return ended(stepsTaken(steps));
    }

    return {
      name: "null space",
      exact: isExact ? "batch" : "no",
      steps,
      races: true,
      async run(start, setting, limits, how) {
        const walked = await whole?.run(start, setting, limits, how);
        if (walked === undefined) return walkInSpaces(start, setting, limits, how);
        if (walked.reason !== undecided) return walked;
        // The spaces are certain for all steps, or before the first one they are not.
        if (walked.steps === 0) return walkInSpaces(start, setting, limits, how);
        return { ...walked, reason: await whyNowhere(walked.params, setting.batch) };
      },
      tracedWalk: whole?.tracedWalk,
      dispose: () => resources.release(),
    };
  };
}

/** What a walk needs to know of a loss. */
interface NullSpaceProblem<P> {
  readonly joint: Graph;
  readonly problem: SearchProblem<P>;
  readonly maps: Omit<WalkedMaps, "open">;
  readonly rule: NullSpaceRule & { readonly steps: number };
}

/** Compiles a walk for these open maps, whose spans are computed from what the host gives, or from the inputs of maps. */
function compileNullSpaceWalk<P, G>(
  { joint, problem, maps, rule }: NullSpaceProblem<P>,
  open: readonly LinearMap[],
  {
    given,
    reads = [],
    explain,
    spansOf,
  }: {
    readonly given: G;
    /** Nodes of the joint graph that spans are computed from. */
    readonly reads?: readonly Tensor[];
    /** Why a walk ends where nothing moves, or where the spans are not certain. */
    explain(end: P, setting: Setting<P>): Promise<string>;
    spansOf(formOf: (node: Tensor) => Tensor, given: TensorsOf<G>): Spans;
  },
) {
  const { first, formsAt, candidate, measure, onward } = nullSpaceSteps<P>(
    joint,
    { ...maps, open },
    rule,
    problem.dtype,
  );
  return compileWalkProgram<P, Place<P>, typeof first, G, NullSpaceStart>(problem, {
    steps: rule.steps,
    push: undefined,
    given,
    first: () => first,
    candidate: (base, state, { scale }, { invariant }) => candidate(base, state, mul(scale, invariant.scale)),
    reasons: ["the gradient is not finite"],
    explain,
    begin: (params) => ({ params }),
    invariant(start, inputs) {
      const forms = formsAt(start, inputs, reads);
      return { forms, ...spansOf((node) => forms.get(node) as Tensor, inputs.given) };
    },
    measure: (place, { invariant }) => measure(place, invariant),
    onward: (place, measured, { invariant }) => onward(place, measured, invariant),
  });
}

/** A walk of which the host has to find the spaces, or the reason of its end. */
const undecided = "undecided";

/**
 * A walk as one program, spans included. Undefined where most likely nothing can move, as no map has fewer samples than
 * inputs, and where convolutions have so many inputs that the host does not look at all of them.
 */
async function compileWholeWalk<P>(of: NullSpaceProblem<P>, free: readonly LinearMap[]) {
  if (!free.some(isWide) || free.some((map) => !isWide(map) && map.head)) return undefined;
  return compileNullSpaceWalk(of, free, {
    given: {},
    explain: async () => undecided,
    reads: free.map(({ inputs }) => inputs),
    spansOf: (formOf) => tracedSpans(free, formOf, of.problem.dtype),
  });
}

/** Walks in spaces that the host found, compiled once for each set of open maps that occurs. */
function hostedWalks<P>(of: NullSpaceProblem<P>, explain: (end: P, setting: Setting<P>) => Promise<string>) {
  const { dtype } = of.problem;
  const compileFor = (open: readonly LinearMap[]) =>
    compileNullSpaceWalk(of, open, {
      given: {
        bases: open.map((map) => zeros([basisRows(map), map.columns], "float64")),
        scale: full([], 1, dtype),
      },
      explain,
      spansOf: (_, { bases, scale }) => givenSpans(open, bases, scale),
    });
  const programs = lazy<Awaited<ReturnType<typeof compileFor>>>();
  return {
    /** @param scale of the first step: 1, halved after each step that was refused before */
    async run(
      start: P,
      setting: Setting<P>,
      limits: Limits,
      how: HowToRun<P>,
      spaces: readonly InputSpace[],
      scale: number,
    ): Promise<CompiledWalk<P>> {
      const open = spaces.map(({ map }) => map);
      const name = open.map((map) => of.maps.movable.indexOf(map)).join();
      const { run } = await programs.get(name, () => compileFor(open));
      const bases = spaces.map(({ basis }) => basis as NdArray<Float64Array>);
      return run(start, setting, limits, how, { bases, scale: full([], scale, dtype) });
    },
    dispose: () => programs.dispose(),
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

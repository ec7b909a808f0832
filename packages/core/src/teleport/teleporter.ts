import { item } from "../array.js";
import { type Batch, type BatchLoss, type BatchSpec, forAnyBatch, type NoBatch } from "../batch.js";
import { describeValue, OptionError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { checkLabels, hasLabels } from "../graph/labels.js";
import { isSpecLeaf, type SpecLeaf, trace } from "../graph/trace.js";
import type { OptimizerState } from "../optim/optimizer.js";
import { flag, requireKnown } from "../options.js";
import { type CompileOptions, compile, compileOptionNames, pickCompileOptions } from "../runtime/compile.js";
import type { ArraysOf } from "../runtime/jit.js";
import { Lifetime } from "../runtime/lifetime.js";
import { Resources } from "../runtime/resources.js";
import { type Refusal, requireSymmetry, type Symmetry } from "../symmetry/symmetry.js";
import { flatten, floatTypeOf, namedArrays, namedLike } from "../tree.js";
import { brokenClaim } from "./broken-claim.js";
import { createCurvatureMeter } from "./curvature/curvature-meter.js";
import { type GuardOptions, limitsOf } from "./guard.js";
import { takeSearch } from "./guarded-search.js";
import { createReporter } from "./measured-report.js";
import { gradNormSq, type ObjectiveFor } from "./objective/objective.js";
import { type TeleportPart, teleportPart } from "./part.js";
import type { Point } from "./point.js";
import { createRace, type TracedRace, tracedRace } from "./race.js";
import type { TeleportReport } from "./report.js";
import type { MemoryArrays, SearchFactory } from "./search/search.js";

export interface TeleporterOptions<P, B extends BatchSpec = BatchSpec>
  extends Omit<CompileOptions, "scan" | "dtype"> {
  /** How points are proposed, such as `gradientAscent(symmetry)`. */
  readonly search?: SearchFactory<P> | undefined;
  /** Shorthand for a search by gradient ascent on this symmetry's orbit. */
  readonly symmetry?: Symmetry<P> | undefined;
  /** The loss to keep, from which the objective is derived. */
  readonly loss: BatchLoss<P, B>;
  /** Default: {@link gradNormSq}. */
  readonly objective?: NoInfer<ObjectiveFor<P, B>> | undefined;
  /** The loss to measure on held-out data; default `loss`. */
  readonly heldOutLoss?: BatchLoss<P, B> | undefined;
  /** Example parameters and batch, of which only the shapes matter. */
  readonly params: P;
  readonly batch: B;
  /** Example of the optimizer's state and learning rate, for objectives that use them. */
  readonly memory?: MemoryArrays | undefined;
  /** `false` takes every finite point. */
  readonly guard?: GuardOptions | false | undefined;
  /**
   * Continues if the symmetry turns out not to keep the loss, within the drift that the guard allows, and
   * says so in every report; default false: throws.
   */
  readonly allowInexact?: boolean | undefined;
}

export interface TeleportOptions<B extends BatchSpec = BatchSpec> {
  /** A batch of the same shapes on which the loss must stay as well. */
  readonly heldOut?: ArraysOf<B> | undefined;
  /** The optimizer's state and learning rate, for the objective. */
  readonly memory?: MemoryArrays | undefined;
  /** Initial state of the race's optimizer at both points; default a new one. */
  readonly raceState?: OptimizerState | undefined;
  /** Learning rate of the race; default that of its options. */
  readonly raceRate?: number | undefined;
}

export interface Teleported<P> {
  /** The same arrays that were given if the guard accepted no move. */
  readonly params: P;
  readonly report: TeleportReport;
  /**
   * Transforms trees like the parameters along with the move: see `Symmetry.pushForward`. Left out if the
   * search has no such map.
   */
  readonly pushForward?: ((tree: P, power: 1 | 2) => Promise<P | Refusal>) | undefined;
}

export interface Teleporter<P, B extends BatchSpec = BatchSpec> {
  /** Where the proposals keep the loss; see `Symmetry.exact`. `no` if they turned out not to. */
  readonly exact: Symmetry<P>["exact"];
  /**
   * Moves parameters along the level set of the loss to a point with a larger objective, or to the search's own goal.
   * The report says what was gained, or why nothing moved.
   */
  teleport(params: P, batch: ArraysOf<B>, options?: TeleportOptions<B>): Promise<Teleported<P>>;
  readonly compileSeconds: number;
  dispose(): Promise<void>;
}

/**
 * Compiles a teleport: a search proposes points of the level set, and a guard accepts those that keep the
 * loss and raise the objective; of a search with a goal of its own, such as `balance`, those that keep the loss.
 *
 * The claim of a symmetry is checked once, here: its generators are looked for in the graph of the loss. If
 * they are not found, a random element is tried on a few examples in float64, which costs less than a
 * teleport.
 *
 * @throws OptionError for settings out of range, and for a symmetry that does not keep this loss, unless `allowInexact`
 *
 * @example
 * const teleporter = await createTeleporter({ symmetry: positiveScaling(params), loss, params, batch });
 * const { params: moved, report } = await teleporter.teleport(params, batch);
 */
export async function createTeleporter<P, B extends BatchSpec = BatchSpec>(
  options: TeleporterOptions<P, B>,
): Promise<Teleporter<P, B>> {
  return createPartTeleporter(options);
}

/** A teleporter that may also be a part of a larger program. */
export interface PartTeleporter<P, B extends BatchSpec> extends Teleporter<P, B> {
  /** Left out where a teleport needs the host. */
  readonly part?: TeleportPart<P> | undefined;
}

/** The search of a teleporter's options. */
async function factoryOf<P>({
  search,
  symmetry,
}: Pick<TeleporterOptions<P>, "search" | "symmetry">): Promise<SearchFactory<P>> {
  if ((search === undefined) === (symmetry === undefined)) {
    throw new OptionError(
      "A teleport needs either a `search`, or a `symmetry` for gradient ascent on its orbit; " +
        `got ${symmetry === undefined ? "neither. Where symmetriesOf finds no such group, its entry is undefined." : "both."}`,
    );
  }
  if (symmetry !== undefined) {
    requireSymmetry("createTeleporter", symmetry);
    // Loaded when it is used: pages that name another search have no use for it.
    return (await import("./search/gradient-ascent.js")).gradientAscent(symmetry);
  }
  if (typeof search === "function") return search;
  throw new OptionError(
    `A search is made by a function such as gradientAscent(symmetry) or levelSet(); got ${typeof search}.`,
  );
}

/** See {@link createTeleporter}. */
export async function createPartTeleporter<P, B extends BatchSpec>(
  options: TeleporterOptions<P, B>,
): Promise<PartTeleporter<P, B>> {
  requireKnown("createTeleporter", options, [
    ...(["search", "symmetry", "loss", "objective", "heldOutLoss", "params", "batch", "memory"] as const),
    ...(["guard", "allowInexact", ...compileOptionNames] as const),
  ]);
  const { objective = gradNormSq, params, batch, memory = {}, guard = {}, allowInexact = false } = options;
  if (!flag.test(allowInexact)) {
    throw new OptionError(
      `createTeleporter: allowInexact must be ${flag.expected}; got ${describeValue(allowInexact)}.`,
    );
  }
  const factory = await factoryOf(options);
  if (typeof objective !== "function") {
    throw new OptionError(
      `An objective is a function such as gradNormSq or decrease(); got ${typeof objective}.`,
    );
  }
  const dtype = floatTypeOf("createTeleporter", params);
  const guardLimits = limitsOf(guard, dtype);
  const loss = forAnyBatch(options.loss);
  const value = forAnyBatch(objective(options.loss));
  const heldOutLoss = forAnyBatch(options.heldOutLoss ?? options.loss);
  const beforeCompiling = performance.now();
  const compileOptions = pickCompileOptions(options);
  const quantities = trace(
    ({ params: p, batch: b, memory: m }) => ({
      loss: loss(p, b),
      objective: value(p, b, m),
      gradNormSq: gradNormSq(loss)(p, b, m),
    }),
    { params, batch, memory },
  );
  const elsewhere = trace(({ params: p, batch: b }) => ({ loss: heldOutLoss(p, b) }), { params, batch });
  const raceOptions = guard === false ? undefined : guard.race;
  const resources = new Resources();
  const makeSearch = async (raceInside: TracedRace<P> | undefined) => {
    const search = resources.keep(
      await factory({
        loss,
        objective: value,
        params,
        batch,
        memory,
        race: raceInside,
        dtype,
        compileOptions,
      }),
    );
    const broken = await brokenClaim(search, { loss, params, batch });
    if (broken && !allowInexact) {
      throw new OptionError(
        `${broken.finding}. Instead ${broken.advice}; or accept a loss that drifts: allowInexact: true.`,
      );
    }
    return { search, broken };
  };
  const makeAll = async () => {
    const measurement = resources.keep(await compile(quantities.graph, compileOptions));
    const raced = { loss, judgedBy: heldOutLoss, params, batch, dtype };
    const raceInside = raceOptions && tracedRace(measurement, raced, raceOptions);
    return {
      measurement,
      raceInside,
      ...(await makeSearch(raceInside)),
      elsewhereRun: resources.keep(await compile(elsewhere.graph, compileOptions)),
      race:
        raceOptions &&
        resources.keep(await createRace(loss, params, batch, dtype, raceOptions, compileOptions)),
      meter:
        guardLimits.curvature > 0
          ? resources.keep(
              await createCurvatureMeter(loss, params, batch, guardLimits.curvature, compileOptions),
            )
          : undefined,
    };
  };
  const { search, broken, measurement, elsewhereRun, race, raceInside, meter } =
    await resources.releasedOnError(makeAll);
  const compileSeconds = (performance.now() - beforeCompiling) / 1000;
  const limits = search.goal === "own" ? { ...guardLimits, anyObjective: true } : guardLimits;

  // Names are found once: a small teleport takes microseconds.
  const quantitiesOf = namedLike(flatten<SpecLeaf>({ params, batch, memory }, isSpecLeaf));
  const elsewhereOf = namedLike(flatten<SpecLeaf>({ params, batch }, isSpecLeaf));
  const lossElsewhere = async (p: P, b: Batch): Promise<number> =>
    item((await elsewhereRun.run(elsewhereOf({ params: p, batch: b }))).loss);
  const measureWith = (at: Batch, { heldOut, memory: m = {}, raceState, raceRate }: TeleportOptions) => {
    const elsewhere = async (p: P) => {
      const finish = race && (await race.run(p, at, { state: raceState, rate: raceRate }));
      return {
        heldOutLoss: heldOut ? await lossElsewhere(p, heldOut) : undefined,
        racedLoss: finish ? await lossElsewhere(finish, heldOut ?? at) : undefined,
      };
    };
    const measure = async (p: P): Promise<Point> => {
      const here = await measurement.run(quantitiesOf({ params: p, batch: at, memory: m }));
      const [value, goal, norm] = [here.loss, here.objective, here.gradNormSq].map(item);
      return { loss: value, objective: goal, gradNormSq: norm, ...(await elsewhere(p)) };
    };
    return { measure, elsewhere };
  };

  const reporter = createReporter<P>({ search: search.name, inexact: broken?.finding, meter });
  const { tracedWalk } = search;
  /** Whether the walk as one program has the race in it, if there is one. */
  const isWhole = race === undefined || (raceInside !== undefined && search.races === true);
  const lifetime = new Lifetime("teleporter", "createTeleporter");
  return {
    ...(tracedWalk && isWhole
      ? { part: teleportPart(tracedWalk, { limits, reporter, heldOutLoss, race: raceInside }) }
      : {}),
    exact: broken ? "no" : search.exact,
    compileSeconds,
    async teleport(initial, at, teleportOptions = {}) {
      lifetime.requireOpen();
      requireKnown("teleport", teleportOptions, ["heldOut", "memory", "raceState", "raceRate"]);
      const startTime = performance.now();
      requireLabels(quantities.graph, at);
      if (teleportOptions.heldOut) requireLabels(elsewhere.graph, teleportOptions.heldOut);
      const { measure, elsewhere: testElsewhere } = measureWith(at, teleportOptions);
      const { heldOut, raceState: state, raceRate: rate } = teleportOptions;
      const setting = {
        batch: at,
        memory: teleportOptions.memory ?? {},
        measure,
        race: raceInside?.startOf(initial, heldOut ?? at, { state, rate }),
      };
      const heldOutLossAt = heldOut && ((p: P) => lossElsewhere(p, heldOut));
      const measured = { heldOutLoss: heldOutLossAt, elsewhere: testElsewhere };
      const course = { search, initial, setting, limits, ...measured };
      const end = await takeSearch(course, isWhole);
      const { params: moved } = end;
      const accepted = moved !== initial;
      const seconds = (performance.now() - startTime) / 1000;
      const ends = { from: initial, to: moved, batch: at };
      const report = await reporter.report(end, { accepted, seconds, ends });
      const { pushForward } = end;
      return accepted && pushForward ? { params: moved, report, pushForward } : { params: moved, report };
    },
    dispose: () => lifetime.end(() => resources.release()),
  };
}

/** Options of a single teleport. */
export interface SingleTeleportOptions<P, B extends Batch = Batch>
  extends Omit<TeleporterOptions<P, B>, "batch"> {
  /** Default {}: a function of the parameters alone. */
  readonly batch?: B | undefined;
}

/**
 * Teleports once: compiles, moves, and releases what was compiled. For several teleports,
 * {@link createTeleporter} compiles once for all of them.
 *
 * @param given options of {@link Teleporter.teleport}, such as held-out data
 * @throws OptionError for settings out of range
 *
 * @example
 * const { params: moved, report } = await teleport({ symmetry: positiveScaling(params), loss, params, batch });
 */
export async function teleport<P, B extends Batch = NoBatch>(
  options: SingleTeleportOptions<P, B>,
  given: TeleportOptions<B> = {},
): Promise<Teleported<P>> {
  const { params, batch = {} as B } = options;
  const teleporter = await createTeleporter<P, B>({ ...options, batch });
  try {
    return await teleporter.teleport(params, batch as ArraysOf<B>, given);
  } finally {
    await teleporter.dispose();
  }
}

/** Checks the labels in a batch, if the graph's losses use some. */
function requireLabels(graph: Graph, batch: Batch): void {
  if (hasLabels(graph)) checkLabels(graph, namedArrays({ batch }));
}

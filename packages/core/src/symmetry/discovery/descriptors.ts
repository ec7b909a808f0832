import type { Shape } from "../../array.js";
import type { Attributes, Tensor } from "../../graph/tensor.js";

/** An axis of a parameter that indexes hidden units. */
export interface ParameterAxis {
  readonly path: string;
  /** Only these elements along one axis of the parameter in its own shape; absent: all of the parameter. */
  readonly part?: Part | undefined;
  /** The parameter (or its part) reshaped to this shape, row-major, ... */
  readonly view: Shape;
  /** ... has the units along this axis. */
  readonly axis: number;
  /** Axes of the view with copies of the units: one unit for each of their indices and each along `axis`, row-major in this order. */
  readonly copyAxes?: readonly number[] | undefined;
}

/** Elements `start` to `start + count` along an axis, of each of `times` periods, such as of each attention head. */
export interface Part {
  /** Of the parameter. */
  readonly axis: number;
  /** First element. */
  readonly start: number;
  /** Elements. */
  readonly count: number;
  /** How far apart the elements of periods are; absent: there is one. */
  readonly period?: number | undefined;
  /** Number of periods; absent: 1. */
  readonly times?: number | undefined;
  /** Only these elements along another axis, too: of pieces while a graph is analyzed, which no symmetry has that is found. */
  readonly within?: Part | undefined;
}

/** A part along one axis alone. */
export type Cut = Omit<Part, "within">;

/** The cuts of a part, one an axis. */
export function cutsOf(part: Part | undefined): Cut[] {
  if (part === undefined) return [];
  const { within, ...cut } = part;
  return [cut, ...cutsOf(within)];
}

/** How many elements a cut has along its axis. */
export const lengthOf = ({ count, times = 1 }: Pick<Cut, "count" | "times">): number => count * times;

/** The index along the axis of the i-th element of a cut. */
export const placeIn = ({ start, count, period = count }: Omit<Cut, "axis">, i: number): number =>
  start + Math.floor(i / count) * period + (i % count);

/** The shape of a part of a parameter. */
export const partShape = (shape: Shape, part: Part | undefined): Shape =>
  cutsOf(part).reduce((own, cut) => own.map((n, d) => (d === cut.axis ? lengthOf(cut) : n)), shape);

/** The part of some cuts. */
export function partOf([first, ...others]: readonly Cut[]): Part | undefined {
  const within = others.length > 0 ? partOf(others) : undefined;
  return first && { ...first, ...(within ? { within } : {}) };
}

/** Multiplies element i along each axis by exp(power * T[i]). */
export interface ScalingGenerator {
  readonly kind: "scaling";
  /** Number of elements of T: 1 where a single number acts on whole parameters, along axes of size 1. */
  readonly size: number;
  readonly axes: readonly (ParameterAxis & { readonly power: number })[];
  /** Whether the loss is kept up to rounding; false: up to the small constant that a normalization adds. */
  readonly exact: boolean;
  /** Where normalizations read what is scaled, such as a residual stream, and their epsilons are parameters. */
  readonly stream?: NormalizedStream | undefined;
}

/** What normalizations read. */
export interface NormalizedStream {
  /** How many numbers they normalize together. */
  readonly units: number;
  /** Paths of their epsilons. */
  readonly epsilons: readonly string[];
}

/** Multiplies element i along each axis by the sign of unit i. */
export interface SignGenerator {
  readonly kind: "sign";
  /** Number of signs: 1 where one sign flips whole parameters, along axes of size 1. */
  readonly size: number;
  readonly axes: readonly ParameterAxis[];
}

/** The same permutation along all axes keeps the loss. */
export interface PermutationSpace {
  readonly kind: "permutation";
  readonly size: number;
  readonly axes: readonly ParameterAxis[];
}

/** The general linear group of a space: v -> g v along axes of variance 1, v -> g^-T v along those of variance -1. */
export interface LinearSpace {
  readonly kind: "linear";
  readonly size: number;
  /** Number of independent g: one for each index along the axes' `copyAxes`, such as attention heads. */
  readonly copies: number;
  readonly axes: readonly (ParameterAxis & {
    readonly variance: 1 | -1;
  })[];
}

/** A power of a parameter with one number for each unit. */
export interface GainPower {
  readonly path: string;
  readonly power: number;
}

/**
 * The orthogonal group of a space: v -> R v along all axes. Its subgroup of what `keeps` says. Where GL acts, too, the space is a {@link LinearSpace}. Along axes
 * that gains of normalizations are between, v -> D R D^-1 v with the diagonal matrix D of their powers; the gains stay.
 */
export interface OrthogonalSpace {
  readonly kind: "orthogonal";
  readonly size: number;
  /** Number of independent R: one for each index along the axes' `copyAxes`, such as attention heads. */
  readonly copies: number;
  /**
   * `sum`: R keeps the sum over the units, such as where normalizations subtract their mean; `orientation`: R is no reflection, such
   * as in a plane that rotary positions turn.
   */
  readonly keeps?: "sum" | "orientation" | undefined;
  readonly axes: readonly (ParameterAxis & {
    /** D; absent: the identity. */
    readonly gains?: readonly GainPower[] | undefined;
  })[];
}

/** How many dimensions of an orthogonal space turn. */
export const turnedUnits = ({ size, keeps }: Pick<OrthogonalSpace, "size" | "keeps">): number =>
  keeps === "sum" ? size - 1 : size;

/** A space that would have rotations but for gains, which two places see differently. */
export interface BlockedRotation {
  readonly size: number;
  /** Paths of the gains. */
  readonly gains: readonly string[];
  /** Paths of weights that several places read, such as a table of tokens that is the head, too, where that alone prevents it. */
  readonly shared?: readonly string[] | undefined;
}

/**
 * Adds T to a parameter, repeated along the axes that `along` leaves out, and to each absorbing parameter what undoes it:
 * minus T behind the weights between the two. Without any, nothing sees the shift, such as a mean that is
 * subtracted.
 */
export interface ShiftGenerator {
  readonly kind: "shift";
  /** Number of elements of T. */
  readonly size: number;
  readonly path: string;
  readonly part?: Part | undefined;
  /** Axes of the parameter (or its part) along which T varies. */
  readonly along: readonly number[];
  readonly absorbing: readonly { readonly path: string; readonly part?: Part | undefined }[];
}

/** Where eq. 8 of Zhao et al., NeurIPS 2022, acts: s(Z) of Z = H W' + b is used only by one product with a weight. */
export interface BijectionSite {
  readonly kind: "bijection";
  /** Name of the activation in the table of `bijection.ts`. */
  readonly activation: string;
  /** `slope` of leakyRelu. */
  readonly attributes: Attributes;
  /** Number of units. */
  readonly size: number;
  /** W, a matrix: which axis indexes the units, and which the inputs. */
  readonly weight: { readonly path: string; readonly out: number; readonly in: number };
  /** b, with one element per unit. */
  readonly bias?: string | undefined;
  /** The matrix that s(Z) is multiplied by. */
  readonly next: { readonly path: string; readonly out: number; readonly in: number };
  /** H, Z and s(Z) in the graph: matrices. */
  readonly input: Tensor;
  readonly preActivation: Tensor;
  readonly output: Tensor;
  /** Axis of Z along which the units are: 1 for Z = H W', 0 for Z = W H. */
  readonly unitAxis: 0 | 1;
}

/** The parameters of a {@link BijectionSite} and its activation. */
export type HiddenUnits = Pick<
  BijectionSite,
  "kind" | "activation" | "attributes" | "size" | "weight" | "bias" | "next"
>;

/** What a group acts on, as an analysis of a graph describes it. */
export type GroupGenerator =
  | ScalingGenerator
  | SignGenerator
  | PermutationSpace
  | LinearSpace
  | OrthogonalSpace
  | ShiftGenerator
  | HiddenUnits;

/** All symmetries of the parameters that an analysis of the graph finds, each kind in the graph's order. */
export interface Discovery {
  readonly scalings: readonly ScalingGenerator[];
  readonly signs: readonly SignGenerator[];
  readonly permutations: readonly PermutationSpace[];
  readonly linear: readonly LinearSpace[];
  readonly orthogonal: readonly OrthogonalSpace[];
  /** Why others have none. */
  readonly blocked?: readonly BlockedRotation[] | undefined;
  readonly shifts: readonly ShiftGenerator[];
  readonly bijections: readonly BijectionSite[];
}

/** All groups that were found, in the order of their descriptions. */
export const groupsOf = (found: Discovery): readonly GroupGenerator[] => [
  ...found.scalings,
  ...found.signs,
  ...found.permutations,
  ...found.linear,
  ...found.orthogonal,
  ...found.shifts,
  ...found.bijections,
];

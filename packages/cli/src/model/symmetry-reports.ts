// What an analysis found, as a document.
import type { AxisDescription, GroupDescription } from "isoloss/symmetry";

/** An axis of a parameter that a group acts on. */
export interface AxisReport extends Omit<AxisDescription, "path"> {
  readonly parameter: string;
}

/** A group of changes of the parameters that keeps what the model computes. */
export interface SymmetryReport
  extends Pick<GroupDescription, "kind" | "size" | "copies" | "exact" | "activation"> {
  /** Dimension of the group; null for a group that is discrete. */
  readonly degreesOfFreedom: number | null;
  readonly axes: readonly AxisReport[];
}

export function reportOf(group: GroupDescription): SymmetryReport {
  const { kind, size, copies, degreesOfFreedom = null, exact, activation, axes } = group;
  return {
    ...{ kind, size, copies, degreesOfFreedom, exact },
    ...(activation === undefined ? {} : { activation }),
    axes: axes.map(({ path, ...axis }) => ({ parameter: path, ...axis })),
  };
}

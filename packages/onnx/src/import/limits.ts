// What a file may ask for while it is traced: a small file can ask for any amount of memory and time.
import { DataError, ShapeError } from "isoloss";

/** Elements of a list that is computed while a model is traced, such as the numbers of a Range. */
const mostListed = 2 ** 23;

/** Nodes that are traced, in steps of loops and in branches each time, and parts of others, beyond those of the file. */
const mostNodes = 50_000;

/** Operations on numbers, to compute a constant while a model is traced. */
export const mostOperations = 2 ** 24;

/** Why a list is too long to be made while a model is traced; undefined if it is not. */
export function whyNotListed(length: number): string | undefined {
  if (!Number.isInteger(length) || length < 0) return `a list cannot have ${length} elements`;
  if (length <= mostListed) return undefined;
  return `a list would have ${length} elements; at most ${mostListed} are computed while a model is traced`;
}

/**
 * The length of a list that is computed while a model is traced.
 *
 * @throws ShapeError if it is too long
 */
export function listed(length: number): number {
  const why = whyNotListed(length);
  if (why === undefined) return length;
  throw new ShapeError(`fromOnnx: ${why}.`);
}

/** Counts the nodes that are traced: loops in loops, and branches in branches, can be any number of them. */
export class NodeCount {
  #left: number;

  /** @param nodes the nodes of the file, each of which may be traced once at least */
  constructor(private readonly nodes: number) {
    this.#left = nodes + mostNodes;
  }

  /** @throws DataError if the model takes too many nodes */
  add(nodes = 1): void {
    this.#left -= nodes;
    if (this.#left >= 0) return;
    throw new DataError(
      `fromOnnx: the model's ${this.nodes} nodes become more than ${this.nodes + mostNodes} when it is traced, in its loops, branches and lists. ` +
        "Give the inputs that decide branches as arrays, and make loops and lists shorter.",
    );
  }
}

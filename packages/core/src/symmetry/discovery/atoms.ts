// Axes as products of index spaces. A union-find (R. E. Tarjan, JACM 22(2), 1975) whose classes can be split
// into factors.

/** An index with `size` values. Axes that are indexed alike share one after {@link unify}. */
export class Atom {
  private parent: Atom = this;
  private factors: readonly Atom[] | undefined;
  private pinned = false;

  constructor(readonly size: number) {}

  /** The representative of all atoms that are the same index. */
  get root(): Atom {
    let root: Atom = this;
    while (root.parent !== root) root = root.parent;
    // Path halving: the next lookup is shorter.
    for (let a: Atom = this; a !== root; ) {
      const next = a.parent;
      a.parent = root;
      a = next;
    }
    return root;
  }

  /** The index as a row-major product of indices that are not split further. */
  get leaves(): readonly Atom[] {
    const { root } = this;
    return root.factors ? root.factors.flatMap((f) => f.leaves) : [root];
  }

  /** Whether the values of the index have an identity, so that they cannot be permuted. */
  get fixed(): boolean {
    return this.root.pinned;
  }

  fix(): void {
    for (const leaf of this.leaves) leaf.pinned = true;
  }

  /** Merges two unsplit indices of the same size. */
  join(other: Atom): void {
    const [a, b] = [this.root, other.root];
    if (a === b) return;
    a.pinned ||= b.pinned;
    b.parent = a;
  }

  /** Splits an unsplit index into an outer one of the given size and the rest. */
  split(outer: number): void {
    const { root } = this;
    root.factors = [new Atom(outer), new Atom(root.size / outer)];
    if (root.pinned) root.fix();
  }
}

/** An axis: a row-major product of atoms; none for size 1. */
export type Axis = readonly Atom[];

export const newAxis = (size: number): Axis => (size === 1 ? [] : [new Atom(size)]);

export const leavesOf = (axes: Axis): Atom[] => axes.flatMap((a) => a.leaves);

export function fix(axis: Axis): void {
  for (const a of axis) a.fix();
}

/**
 * Merges two products of indices, from the outermost factor inwards, and splits factors where needed. Where
 * no split helps, the rest of both is fixed.
 */
export function unify(first: Axis, second: Axis): void {
  let [a, b] = [leavesOf(first), leavesOf(second)];
  while (a.length > 0 && b.length > 0) {
    const [x, y] = [a[0], b[0]];
    if (x === y || x.size === y.size) {
      x.join(y);
      [a, b] = [a.slice(1), b.slice(1)];
    } else if (x.size % y.size === 0) x.split(y.size);
    else if (y.size % x.size === 0) y.split(x.size);
    else break;
    // A split or a merge changes the factors of the others.
    [a, b] = [leavesOf(a), leavesOf(b)];
  }
  fix(a);
  fix(b);
}

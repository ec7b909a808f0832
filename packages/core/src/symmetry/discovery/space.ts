/** A slot of a tensor as a space that a group may act on. */
export class Space {
  private parent: Space = this;
  /** Variance relative to the parent. */
  private sign: 1 | -1 = 1;
  private isBroken = false;

  find(): { root: Space; variance: 1 | -1 } {
    if (this.parent === this) return { root: this, variance: 1 };
    const above = this.parent.find();
    this.parent = above.root;
    this.sign = this.sign === above.variance ? 1 : -1;
    return { root: above.root, variance: this.sign };
  }

  /**
   * Merges the space with that of another slot, of the same or the opposite variance. A space that is
   * opposite to itself is broken.
   */
  join(other: Space, variance: 1 | -1): void {
    const [a, b] = [this.find(), other.find()];
    const relative = a.variance === b.variance ? variance : (-variance as 1 | -1);
    if (a.root === b.root) {
      if (relative === -1) a.root.isBroken = true;
      return;
    }
    b.root.parent = a.root;
    b.root.sign = relative;
    a.root.isBroken ||= b.root.isBroken;
  }

  break(): void {
    this.find().root.isBroken = true;
  }

  get broken(): boolean {
    return this.find().root.isBroken;
  }
}

/** The space of each slot; undefined for slots along which the tensor does not vary. */
export type Spaces = readonly (Space | undefined)[];

import { type Shape, sizeOf, stridesOf } from "../array.js";

/** An integer expression c + sum_v k_v v over loop variables, for generated code. */
export class Affine {
  static readonly zero = new Affine(0, new Map());

  private constructor(
    readonly constant: number,
    readonly terms: ReadonlyMap<string, number>,
  ) {}

  static of(constant: number): Affine {
    return new Affine(constant, new Map());
  }

  static variable(name: string): Affine {
    return new Affine(0, new Map([[name, 1]]));
  }

  plus(other: Affine | number): Affine {
    if (typeof other === "number") return new Affine(this.constant + other, this.terms);
    const terms = new Map(this.terms);
    for (const [v, k] of other.terms) {
      const sum = (terms.get(v) ?? 0) + k;
      if (sum === 0) terms.delete(v);
      else terms.set(v, sum);
    }
    return new Affine(this.constant + other.constant, terms);
  }

  times(factor: number): Affine {
    if (factor === 0) return Affine.zero;
    if (factor === 1) return this;
    return new Affine(this.constant * factor, new Map([...this.terms].map(([v, k]) => [v, k * factor])));
  }

  get isConstant(): boolean {
    return this.terms.size === 0;
  }

  toString(): string {
    let code = "";
    for (const [v, k] of this.terms) {
      const magnitude = Math.abs(k) === 1 ? v : `${Math.abs(k)}*${v}`;
      code += k < 0 ? `-${magnitude}` : code === "" ? magnitude : `+${magnitude}`;
    }
    if (code === "") return String(this.constant);
    if (this.constant > 0) code += `+${this.constant}`;
    if (this.constant < 0) code += String(this.constant);
    return code;
  }
}

/** The position of one element: given by its multi-index, by its flat offset, or both. */
export class Index {
  private constructor(
    readonly shape: Shape,
    private readonly axes: readonly Affine[] | undefined,
    private readonly offset: Affine | undefined,
  ) {}

  static multi(shape: Shape, axes: readonly Affine[]): Index {
    return new Index(shape, axes, undefined);
  }

  static flat(shape: Shape, offset: Affine): Index {
    return new Index(shape, undefined, offset);
  }

  /** Row-major offset. */
  get flat(): Affine {
    if (this.offset) return this.offset;
    const strides = stridesOf(this.shape);
    return (this.axes as Affine[]).reduce((sum, i, d) => sum.plus(i.times(strides[d])), Affine.zero);
  }

  /** Index along each axis; needs divisions if only the flat offset is known. */
  get multi(): readonly Affine[] {
    if (this.axes) return this.axes;
    const offset = this.offset as Affine;
    const strides = stridesOf(this.shape);
    return this.shape.map((n, d) => {
      if (n === 1) return Affine.zero;
      if (offset.isConstant) return Affine.of(Math.floor(offset.constant / strides[d]) % n);
      if (n === sizeOf(this.shape)) return offset;
      const quotient = strides[d] === 1 ? `(${offset})` : `((${offset})/${strides[d]}|0)`;
      const isOutermost = this.shape.slice(0, d).every((m) => m === 1);
      return Affine.variable(isOutermost ? quotient : `(${quotient}%${n})`);
    });
  }

  /** The same flat offset in a tensor of another shape and equal size. */
  reshaped(shape: Shape): Index {
    return new Index(shape, undefined, this.flat);
  }

  get isConstant(): boolean {
    return this.offset ? this.offset.isConstant : (this.axes as Affine[]).every((i) => i.isConstant);
  }
}

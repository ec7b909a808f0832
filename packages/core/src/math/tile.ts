// Products of tiles of 4 x 4 numbers, where most of the time of dense matrices goes: in WebAssembly, which takes two numbers
// at once where JavaScript takes one, and gives the same bits.

/**
 * Adds to four rows of the sum, from `at` on, the products of 4 x 4 numbers of A, from x on, with four rows of B, from y on, and
 * of those behind them, `count` times: each number that is loaded is used four times. A and B lie in the sum's buffer if that
 * is one of {@link scratch}.
 */
export function addTiles(
  out: Float64Array,
  at: number,
  a: Float64Array,
  x: number,
  b: Float64Array,
  y: number,
  n: number,
  columns: number,
  row: number,
  column: number,
  count: number,
): void {
  let first = 0;
  if (kernel && count > 0 && out.buffer === shared) {
    first = columns & ~1;
    const [o, p, q] = [out.byteOffset + 8 * at, a.byteOffset + 8 * x, b.byteOffset + 8 * y];
    if (first > 0) kernel.addTiles(o, p, q, 8 * n, 8 * first, 8 * row, 8 * column, count);
    if (first === columns) return;
  }
  for (let k = 0; k < count; k++) {
    addTile(out, at, a, x + 4 * k * column, b, y + 4 * k * n, n, first, columns, row, column);
  }
}

function addTile(
  out: Float64Array,
  at: number,
  a: Float64Array,
  x: number,
  b: Float64Array,
  y: number,
  n: number,
  first: number,
  columns: number,
  row: number,
  column: number,
): void {
  const [x1, x2, x3] = [x + row, x + 2 * row, x + 3 * row];
  const [c1, c2, c3] = [column, 2 * column, 3 * column];
  const [a00, a01, a02, a03] = [a[x], a[x + c1], a[x + c2], a[x + c3]];
  const [a10, a11, a12, a13] = [a[x1], a[x1 + c1], a[x1 + c2], a[x1 + c3]];
  const [a20, a21, a22, a23] = [a[x2], a[x2 + c1], a[x2 + c2], a[x2 + c3]];
  const [a30, a31, a32, a33] = [a[x3], a[x3 + c1], a[x3 + c2], a[x3 + c3]];
  const [at1, at2, at3] = [at + n, at + 2 * n, at + 3 * n];
  const [y1, y2, y3] = [y + n, y + 2 * n, y + 3 * n];
  for (let j = first; j < columns; j++) {
    const b0 = b[y + j];
    const b1 = b[y1 + j];
    const b2 = b[y2 + j];
    const b3 = b[y3 + j];
    out[at + j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3;
    out[at1 + j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3;
    out[at2 + j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3;
    out[at3 + j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3;
  }
}

interface Kernel {
  readonly memory: WebAssembly.Memory;
  /** The same for an even number of columns; places, distances and columns in bytes. */
  addTiles(
    out: number,
    a: number,
    b: number,
    n: number,
    columns: number,
    row: number,
    column: number,
    count: number,
  ): void;
}

/** Made when it is first needed; null where there is none. */
let kernel: Kernel | null | undefined;

/** The kernel's memory, which is another buffer once it has grown. */
let shared: ArrayBuffer | undefined;

/** Arrays that {@link addTiles} takes fast, until the next call: as many zeros as a number says, or an array's copy. */
export function scratch(...wanted: readonly (number | Float64Array)[]): Float64Array[] {
  const counts = wanted.map((size) => (typeof size === "number" ? size : size.length));
  const buffer = bufferOf(counts.reduce((a, b) => a + b, 0));
  let at = 0;
  return wanted.map((source, k) => {
    const numbers = new Float64Array(buffer, 8 * at, counts[k]);
    at += counts[k];
    if (typeof source === "number") numbers.fill(0);
    else numbers.set(source);
    return numbers;
  });
}

const pageSize = 2 ** 16;

/** The kernel's memory grows up to this many bytes: it is never given back. */
const mostBytes = 2 ** 25;

function bufferOf(count: number): ArrayBuffer {
  const bytes = 8 * count;
  if (bytes > mostBytes) return new ArrayBuffer(bytes);
  if (kernel === undefined) kernel = createKernel();
  shared ??= kernel?.memory.buffer;
  try {
    if (kernel && shared && shared.byteLength < bytes) {
      kernel.memory.grow(Math.ceil((bytes - shared.byteLength) / pageSize));
      shared = kernel.memory.buffer;
    }
    return shared ?? new ArrayBuffer(bytes);
  } catch {
    // More than WebAssembly may have.
    return new ArrayBuffer(bytes);
  }
}

/** Null where there is no WebAssembly, or none that takes two numbers at once. */
function createKernel(): Kernel | null {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(assembled())).exports as unknown as Kernel;
  } catch {
    return null;
  }
}

type Code = readonly (number | Code)[];

/** The module of `addTiles`: binary format of the WebAssembly Core Specification 2.0, chapter 5. */
function assembled(): Uint8Array<ArrayBuffer> {
  const bytesOf = (code: Code): number[] =>
    code.flatMap((part) => (typeof part === "number" ? [part] : bytesOf(part)));
  const number = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...number(n >> 7)]);
  const sized = (code: Code): Code => [number(bytesOf(code).length), code];
  const list = (...items: readonly Code[]): Code => [number(items.length), items];
  const text = (name: string): Code => sized([...name].map((letter) => letter.charCodeAt(0)));

  const get = (local: number): Code => [0x20, local];
  const set = (local: number, ...value: Code): Code => [value, 0x21, local];
  const constant = (n: number): Code => [0x41, n];
  const plus = (a: Code, b: Code): Code => [a, b, 0x6a];
  const minus = (a: Code, b: Code): Code => [a, b, 0x6b];
  const times = (a: Code, b: Code): Code => [a, b, 0x6c];
  const isLess = (a: Code, b: Code): Code => [a, b, 0x49];
  const loopWhile = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];
  // Two numbers of 8 bytes: loaded, one of them twice, stored, summed, multiplied.
  const pair = (code: number, ...rest: Code): Code => [0xfd, number(code), rest];
  const load = (place: Code): Code => [place, pair(0x00, 3, 0)];
  const loadTwice = (place: Code): Code => [place, pair(0x0a, 3, 0)];
  const store = (place: Code, value: Code): Code => [place, value, pair(0x0b, 3, 0)];
  const sum = (a: Code, b: Code): Code => [a, b, pair(0xf0)];
  const product = (a: Code, b: Code): Code => [a, b, pair(0xf2)];

  const four = [0, 1, 2, 3];
  const [out, a, b, n, columns, row, column, count, end] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const sumRow = (r: number) => 9 + r;
  const termRow = (k: number) => 13 + k;
  const factor = (r: number, k: number) => 17 + 4 * r + k;
  const numbers = (k: number) => 33 + k;
  const places = (first: number, ofRow: (r: number) => number): Code => [
    set(ofRow(0), get(first)),
    [1, 2, 3].map((r) => set(ofRow(r), plus(get(ofRow(r - 1)), get(n)))),
  ];
  const placeOfFactor = (r: number, k: number): Code =>
    plus(get(a), plus(times(get(row), constant(r)), times(get(column), constant(k))));
  const tile: Code = [
    four.map((k) => set(numbers(k), load(get(termRow(k))))),
    four.map((r) => {
      const products = four.map((k) => product(get(factor(r, k)), get(numbers(k))));
      return store(get(sumRow(r)), sum(load(get(sumRow(r))), products.reduce(sum)));
    }),
    [...four.map(sumRow), ...four.map(termRow)].map((place) => set(place, plus(get(place), constant(16)))),
  ];
  const body: Code = loopWhile(
    [
      set(end, plus(get(out), get(columns))),
      places(out, sumRow),
      places(b, termRow),
      four.map((r) => four.map((k) => set(factor(r, k), loadTwice(placeOfFactor(r, k))))),
      loopWhile(tile, isLess(get(sumRow(0)), get(end))),
      set(a, plus(get(a), times(get(column), constant(4)))),
      set(b, plus(get(b), times(get(n), constant(4)))),
      set(count, minus(get(count), constant(1))),
    ],
    get(count),
  );

  const [i32, v128] = [0x7f, 0x7b];
  const section = (id: number, code: Code): Code => [id, sized(code)];
  return Uint8Array.from(
    bytesOf([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, list([0x60, sized(Array(8).fill(i32)), 0])),
      section(3, list([0])),
      section(5, list([0, 1])),
      section(7, list([text("addTiles"), 0, 0], [text("memory"), 2, 0])),
      section(10, list(sized([list([9, i32], [20, v128]), body, 0x0b]))),
    ]),
  );
}

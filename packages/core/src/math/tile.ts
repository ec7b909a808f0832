// The inner product of dense matrices on tiles of 4 x 4 numbers: in WebAssembly, which takes two numbers at once where
// JavaScript takes one, and has the same bits.

/**
 * Adds the products of 4 x 4 numbers of A, from x on, with four rows of B, from y on, to four rows of the sum, from `at` on:
 * each number that is loaded is used four times.
 */
export function tile(
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
): void {
  let j = 0;
  if (kernel && out.buffer === kernel.memory.buffer) {
    j = columns & ~1;
    const [o, p, q] = [out.byteOffset + 8 * at, a.byteOffset + 8 * x, b.byteOffset + 8 * y];
    if (j > 0) kernel.addTile(o, p, q, 8 * n, 8 * j, 8 * row, 8 * column);
    if (j === columns) return;
  }
  const [x1, x2, x3] = [x + row, x + 2 * row, x + 3 * row];
  const [c1, c2, c3] = [column, 2 * column, 3 * column];
  const [a00, a01, a02, a03] = [a[x], a[x + c1], a[x + c2], a[x + c3]];
  const [a10, a11, a12, a13] = [a[x1], a[x1 + c1], a[x1 + c2], a[x1 + c3]];
  const [a20, a21, a22, a23] = [a[x2], a[x2 + c1], a[x2 + c2], a[x2 + c3]];
  const [a30, a31, a32, a33] = [a[x3], a[x3 + c1], a[x3 + c2], a[x3 + c3]];
  const [at1, at2, at3] = [at + n, at + 2 * n, at + 3 * n];
  const [y1, y2, y3] = [y + n, y + 2 * n, y + 3 * n];
  for (; j < columns; j++) {
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
  /** The same of an even number of columns, with places and distances in bytes. */
  addTile(out: number, a: number, b: number, n: number, columns: number, row: number, column: number): void;
}

const kernel = createKernel();

/** Zeros that tiles take fast, until the next call: of as many numbers as `sizes` say, or copies of arrays. */
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

function bufferOf(count: number): ArrayBuffer {
  if (!kernel) return new ArrayBuffer(8 * count);
  const { memory } = kernel;
  try {
    const missing = Math.ceil((8 * count - memory.buffer.byteLength) / pageSize);
    if (missing > 0) memory.grow(missing);
    return memory.buffer as ArrayBuffer;
  } catch {
    // More than WebAssembly may have.
    return new ArrayBuffer(8 * count);
  }
}

/** Undefined where there is no WebAssembly, or none that takes two numbers at once. */
function createKernel(): Kernel | undefined {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(assembled())).exports as unknown as Kernel;
  } catch {
    return undefined;
  }
}

/** The module: binary format of the WebAssembly Core Specification 2.0, chapter 5. */
function assembled(): Uint8Array<ArrayBuffer> {
  const [i32, v128, memory] = [0x7f, 0x7b, 2];
  const size = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...size(n >> 7)]);
  const listOf = (...items: readonly (readonly number[])[]) => [...size(items.length), ...items.flat()];
  const sized = (bytes: readonly number[]) => [...size(bytes.length), ...bytes];
  const name = (text: string) => sized([...text].map((letter) => letter.charCodeAt(0)));
  const section = (id: number, bytes: readonly number[]) => [id, ...sized(bytes)];

  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const plus = [0x6a];
  const constant = (n: number) => [0x41, n];
  const simd = (code: number) => [0xfd, ...size(code)];
  const aligned = [3, 0];
  const [load, splat, store] = [0x00, 0x0a, 0x0b].map((code) => [...simd(code), ...aligned]);
  const [sum, times] = [simd(0xf0), simd(0xf2)];

  const [out, a, b, n, columns, row, column] = [0, 1, 2, 3, 4, 5, 6];
  const four = [0, 1, 2, 3];
  const end = 7;
  const rows = [
    [out, 8, 9, 10],
    [b, 11, 12, 13],
  ];
  const factor = (r: number, k: number) => 14 + 4 * r + k;
  const read = four.map((k) => 30 + k);
  const body = [
    ...get(out),
    ...get(columns),
    ...plus,
    ...set(end),
    ...rows.flatMap((own) =>
      [1, 2, 3].flatMap((r) => [...get(own[r - 1]), ...get(n), ...plus, ...set(own[r])]),
    ),
    ...four.flatMap((r) =>
      four.flatMap((k) => {
        const steps = [...Array(r).fill(row), ...Array(k).fill(column)].flatMap((step) => [
          ...get(step),
          ...plus,
        ]);
        return [...get(a), ...steps, ...splat, ...set(factor(r, k))];
      }),
    ),
    0x03,
    0x40, // loop
    ...four.flatMap((k) => [...get(rows[1][k]), ...load, ...set(read[k])]),
    ...four.flatMap((r) => [
      ...get(rows[0][r]),
      ...get(rows[0][r]),
      ...load,
      ...four.flatMap((k) => [...get(factor(r, k)), ...get(read[k]), ...times, ...(k > 0 ? sum : [])]),
      ...sum,
      ...store,
    ]),
    ...rows.flat().flatMap((place) => [...get(place), ...constant(16), ...plus, ...set(place)]),
    ...get(out),
    ...get(end),
    0x49,
    0x0d,
    0, // Again while out is less than end.
    0x0b,
    0x0b,
  ];
  const locals = listOf([7, i32], [20, v128]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, listOf([0x60, ...sized(Array(7).fill(i32)), 0])),
    ...section(3, listOf([0])),
    ...section(5, listOf([0, 1])),
    ...section(7, listOf([...name("addTile"), 0, 0], [...name("memory"), memory, 0])),
    ...section(10, listOf(sized([...locals, ...body]))),
  ]);
}

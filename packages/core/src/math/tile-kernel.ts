// The kernel of tiles in WebAssembly, which takes two numbers at once where JavaScript takes one. Apart from tile.ts, as pages that
// multiply few numbers need not load it.
import { setTileKernel, type TileKernel } from "./tile.js";

/**
 * Pages of 2^16 bytes of the kernel's memory, which is never given back; the machine has those that were written. It does not grow:
 * its buffer would be detached, and engines then check each access to an array, of any array, for a detached buffer.
 */
const pages = 2 ** 9;

let isAsked = false;

/** Adds tiles in WebAssembly from now on, in this thread: the same bits. Nothing where there is none that takes two numbers at once. */
export function addTilesInWebAssembly(): void {
  if (isAsked) return;
  isAsked = true;
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assembled()));
    const { memory, addTiles } = exports as unknown as {
      readonly memory: WebAssembly.Memory;
      readonly addTiles: TileKernel["addTiles"];
    };
    setTileKernel({ addTiles, buffer: memory.buffer });
  } catch {
    // JavaScript it is.
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
      section(5, list([0, number(pages)])),
      section(7, list([text("addTiles"), 0, 0], [text("memory"), 2, 0])),
      section(10, list(sized([list([9, i32], [20, v128]), body, 0x0b]))),
    ]),
  );
}

// The kernel of tile.ts in WebAssembly, which takes two numbers at once where JavaScript takes one. Apart from it, as pages that
// multiply few numbers need not load it.
import { setTileKernel, type TileKernel } from "./tile.js";

/**
 * Pages of 2^16 bytes of the kernel's memory, which is never given back; the machine has those that were written. It does not grow:
 * its buffer would be detached, and engines then check each access to an array, of any array, for a detached buffer.
 */
const pages = 2 ** 9;

let isAsked = false;

/** Sums in WebAssembly from now on, in this thread: the same bits. Nothing where there is none that takes two numbers at once. */
export function addTilesInWebAssembly(): void {
  if (isAsked) return;
  isAsked = true;
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assembled()));
    const { memory, ...sums } = exports as unknown as Omit<TileKernel, "buffer"> & {
      readonly memory: WebAssembly.Memory;
    };
    setTileKernel({ ...sums, buffer: memory.buffer });
  } catch {
    // JavaScript it is.
  }
}

type Code = readonly (number | Code)[];

/** The module of a {@link TileKernel}: binary format of the WebAssembly Core Specification 2.0, chapter 5. */
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
  const loopWhile = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];
  // Two numbers of 8 bytes: loaded, one of them twice, stored, summed, multiplied, the first or the second ones of two pairs.
  const pair = (code: number, ...rest: Code): Code => [0xfd, number(code), rest];
  const load = (place: Code): Code => [place, pair(0x00, 3, 0)];
  const loadTwice = (place: Code): Code => [place, pair(0x0a, 3, 0)];
  const store = (place: Code, value: Code): Code => [place, value, pair(0x0b, 3, 0)];
  const sum = (a: Code, b: Code): Code => [a, b, pair(0xf0)];
  const product = (a: Code, b: Code): Code => [a, b, pair(0xf2)];

  const chosen = (a: Code, b: Code, which: 0 | 1): Code => {
    const bytes = eight.map((k) => 8 * which + k);
    return [a, b, pair(0x0d, bytes, ...bytes.map((k) => 16 + k))];
  };

  const [two, four, eight] = [2, 4, 8].map((length) => Array.from({ length }, (_, k) => k));
  const [out, a, b, n, columns, row, column, count, end, at] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const sumRow = (r: number) => 10 + r;
  const termRow = (k: number) => 12 + k;
  const numbers = (k: number) => 20 + k;
  const factor = (k: number) => 24 + k;
  const behind = (place: Code, distance: number, k: number): Code =>
    plus(place, times(get(distance), constant(k)));
  const placesOfTerms = (rows: readonly number[]): Code =>
    rows.map((k) => set(termRow(k), behind(get(b), n, k)));
  const moved = (place: number, distance: number, k: number): Code =>
    set(place, behind(get(place), distance, k));
  /** For pairs of columns, which the first place tells. */
  const forPairs = (body: Code, ...places: readonly number[]): Code => [
    set(end, plus(get(places[0]), get(columns))),
    loopWhile(
      [body, places.map((place) => set(place, plus(get(place), constant(16))))],
      [get(places[0]), get(end), 0x49],
    ),
  ];
  /** `count` times, each with the next rows of B. */
  const forRows = (rows: readonly number[], body: Code): Code => [
    loopWhile([body, moved(b, n, rows.length), set(count, minus(get(count), constant(1)))], get(count)),
    0x0b,
  ];

  // Two rows of the sum at a time: processors have registers for eight factors, not for sixteen.
  const halfTile = (top: number): Code => [
    two.map((r) => set(sumRow(r), behind(get(out), n, top + r))),
    placesOfTerms(four),
    eight.map((k) => set(factor(k), loadTwice(behind(behind(get(a), row, top + (k >> 2)), column, k & 3)))),
    forPairs(
      [
        four.map((k) => set(numbers(k), load(get(termRow(k))))),
        two.map((r) => {
          const products = four.map((k) => product(get(factor(4 * r + k)), get(numbers(k))));
          return store(get(sumRow(r)), sum(load(get(sumRow(r))), products.reduce(sum)));
        }),
      ],
      ...two.map(sumRow),
      ...four.map(termRow),
    ),
  ];
  const addTiles = forRows(four, [halfTile(0), halfTile(2), moved(a, column, 4)]);

  const addRows = forRows(eight, [
    set(at, get(out)),
    placesOfTerms(eight),
    eight.map((k) => set(factor(k), loadTwice(behind(get(a), column, k)))),
    forPairs(
      store(
        get(at),
        eight.map((k) => product(load(get(termRow(k))), get(factor(k)))).reduce(sum, load(get(at))),
      ),
      at,
      ...eight.map(termRow),
    ),
    moved(a, column, 8),
  ]);

  // Each sum takes its terms one after another; those of two rows are a pair.
  const sumRows = forRows(eight, [
    set(at, get(a)),
    placesOfTerms(eight),
    four.map((p) => set(numbers(p), load(behind(get(out), column, 2 * p)))),
    forPairs(
      [
        two.map((k) => set(factor(k), loadTwice(behind(get(at), column, k)))),
        four.map((p) => [
          two.map((r) => set(factor(2 + r), load(get(termRow(2 * p + r))))),
          two.map((k) =>
            set(
              numbers(p),
              sum(
                get(numbers(p)),
                product(chosen(get(factor(2)), get(factor(3)), k as 0 | 1), get(factor(k))),
              ),
            ),
          ),
        ]),
      ],
      at,
      ...eight.map(termRow),
    ),
    four.map((p) => store(behind(get(out), column, 2 * p), get(numbers(p)))),
    moved(out, column, 8),
  ]);

  const [i32, v128] = [0x7f, 0x7b];
  const section = (id: number, code: Code): Code => [id, sized(code)];
  const functions = { addTiles, addRows, sumRows };
  return Uint8Array.from(
    bytesOf([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, list([0x60, sized(Array(8).fill(i32)), 0])),
      section(3, list(...Object.keys(functions).map(() => [0]))),
      section(5, list([0, number(pages)])),
      section(
        7,
        list(...Object.keys(functions).map((name, k) => [text(name), 0, k]), [text("memory"), 2, 0]),
      ),
      section(
        10,
        list(...Object.values(functions).map((code) => sized([list([12, i32], [12, v128]), code]))),
      ),
    ]),
  );
}

// Seeded damage of a file: of its bytes, and of the fields and texts that they are.
import type { Rng } from "isoloss/data";
import { ProtoWriter } from "../../../../core/src/runtime/onnx/protobuf.js";
import { operators } from "../../../src/import/operators/operators.js";
import { withOtherNumbers } from "./model-mutations.js";
import { allWires, messageOf, type Wire, wiresOf } from "./wire.js";

type Mutation = (bytes: Uint8Array, rng: Rng) => Uint8Array;

const extremes = [
  0n,
  1n,
  2n,
  -1n,
  -2n,
  7n,
  1000n,
  100_000n,
  2n ** 24n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n - 1n,
  2n ** 62n,
  -(2n ** 31n),
  -(2n ** 63n),
];

const names = [
  "",
  "x",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "a".repeat(10_000),
  "\u0000",
];

const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.int(list.length)];
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** The byte mutations, by name. */
const ofBytes: Readonly<Record<string, Mutation>> = {
  flips(bytes, rng) {
    const changed = bytes.slice();
    for (let i = 0; i <= rng.int(4); i++) changed[rng.int(bytes.length)] ^= 1 << rng.int(8);
    return changed;
  },
  truncation: (bytes, rng) => bytes.slice(0, rng.int(bytes.length)),
  insertion(bytes, rng) {
    const at = rng.int(bytes.length);
    const added = Uint8Array.from({ length: 1 + rng.int(12) }, () => rng.int(256));
    return joined(bytes.slice(0, at), added, bytes.slice(at));
  },
  deletion(bytes, rng) {
    const at = rng.int(bytes.length);
    return joined(bytes.slice(0, at), bytes.slice(at + 1 + rng.int(12)));
  },
};

type TreeMutation = (wires: Wire[], rng: Rng) => void;

const isText = (bytes: Uint8Array): boolean => bytes.every((b) => b >= 32 && b < 127);

/** Fields that hold a text, such as names of values, operators and modes. */
const textsOf = (wires: readonly Wire[]): Wire[] =>
  allWires(wires).filter(({ bytes, children }) => bytes !== undefined && !children && bytes.length < 200);

const ofTrees: Readonly<Record<string, TreeMutation>> = {
  integer(wires, rng) {
    const found = allWires(wires).filter(({ integer }) => integer !== undefined);
    if (found.length > 0) pick(rng, found).integer = pick(rng, extremes);
  },
  /** Lists of integers: dimensions and attributes as varints, shapes and axes as raw int64. */
  integers(wires, rng) {
    const found = allWires(wires).filter(
      ({ field, bytes }) => bytes && [8, 9].includes(field) && bytes.length <= 64 && !isText(bytes),
    );
    if (found.length === 0) return;
    const wire = pick(rng, found);
    const count = Math.max(1, Math.min(8, Math.round((wire.bytes as Uint8Array).length / 8)));
    const list = Array.from({ length: count }, () => pick(rng, extremes));
    delete wire.children;
    wire.bytes = wire.field === 9 ? new Uint8Array(BigInt64Array.from(list).buffer) : varints(list);
  },
  /** One of the integers that decide shapes, of a tensor with raw data. */
  number(wires, rng) {
    const found = allWires(wires).filter(({ field, bytes = [] }) => field === 9 && bytes.length % 8 === 0);
    if (found.length === 0) return;
    const wire = pick(rng, found);
    const list = new BigInt64Array((wire.bytes as Uint8Array).slice().buffer);
    if (list.length === 0) return;
    list[rng.int(list.length)] = pick(rng, extremes);
    delete wire.children;
    wire.bytes = new Uint8Array(list.buffer);
  },
  /** Cyclic, duplicate and missing names. */
  name(wires, rng) {
    const found = textsOf(wires);
    if (found.length > 1) pick(rng, found).bytes = pick(rng, found).bytes;
  },
  strangeName(wires, rng) {
    const found = textsOf(wires);
    if (found.length > 0) pick(rng, found).bytes = new TextEncoder().encode(pick(rng, names));
  },
  operator(wires, rng) {
    const found = allWires(wires).filter(({ field, bytes, children }) => field === 4 && bytes && !children);
    if (found.length > 0) pick(rng, found).bytes = new TextEncoder().encode(pick(rng, [...operators.keys()]));
  },
  removal(wires, rng) {
    const parents = [wires, ...allWires(wires).flatMap(({ children }) => (children ? [children] : []))];
    const parent = pick(rng, parents);
    parent.splice(rng.int(Math.max(parent.length, 1)), 1);
  },
  repetition(wires, rng) {
    const parents = allWires(wires).flatMap(({ children }) => (children?.length ? [children] : []));
    if (parents.length === 0) return;
    const parent = pick(rng, parents);
    const copy = pick(rng, parent);
    const count = rng.int(10) === 0 ? 1000 : 1;
    parent.splice(rng.int(parent.length + 1), 0, ...Array<Wire>(count).fill(copy));
  },
  /** A field of another message in the place of one: a tensor where a graph should be, say. */
  transplant(wires, rng) {
    const all = allWires(wires);
    const [to, { integer, bytes, children }] = [pick(rng, all), pick(rng, all)];
    if (allWires(children ?? []).includes(to)) return;
    Object.assign(to, { integer, bytes, children: children && structuredClone(children) });
  },
};

function varints(list: readonly bigint[]): Uint8Array {
  const w = new ProtoWriter();
  for (const value of list) w.int(1, value);
  // Without the tags, of one byte each.
  const bytes = [...w.finish()];
  const packed: number[] = [];
  for (let isTag = true; bytes.length > 0; ) {
    const byte = bytes.shift() as number;
    if (!isTag) packed.push(byte);
    isTag = !isTag && byte < 128;
  }
  return Uint8Array.from(packed);
}

const onTree =
  (mutation: TreeMutation): Mutation =>
  (bytes, rng) => {
    const wires = wiresOf(bytes);
    if (wires === undefined) return bytes;
    for (let i = 0; i <= rng.int(3); i++) mutation(wires, rng);
    return messageOf(wires);
  };

const mutationsOfModels = [["numbers", withOtherNumbers] as const];
const mutationsOfBytes = Object.entries(ofBytes);
const mutationsOfTrees = Object.entries(ofTrees).map(([name, own]) => [name, onTree(own)] as const);

/** A damaged file, and what was done to it. */
export function mutated(bytes: Uint8Array, rng: Rng): readonly [what: string, bytes: Uint8Array] {
  // Few files survive damage of their bytes, and most that with changed numbers.
  const what = rng.int(12);
  const list = what < 2 ? mutationsOfBytes : what < 7 ? mutationsOfTrees : mutationsOfModels;
  const [name, mutation] = pick<readonly [string, Mutation]>(rng, list);
  return [name, mutation(bytes, rng)];
}

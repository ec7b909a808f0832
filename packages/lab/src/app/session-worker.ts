// A session as a file, made and read beside the page: a large model's numbers take seconds to become text.
import { keep, kept, keptOf } from "../worker/kept.js";
import { type Port, serve } from "../worker/serve.js";

const format = "isoloss-lab-session";

interface SessionFile {
  readonly format: typeof format;
  readonly hash: string;
  /** By the keys of what is kept, without the tab's name. */
  readonly kept: Readonly<Record<string, unknown>>;
}

/** Arrays of numbers that a session holds; others are no part of what screens keep. */
const arrays = { Float32Array, Float64Array, Int32Array, Uint8Array, BigInt64Array } as const;
type ArrayName = keyof typeof arrays;

const handlers = {
  /** What a tab has kept, and its address, as a file. */
  async pack({ tab, hash }: { readonly tab: string; readonly hash: string }) {
    const own = [...(await keptOf(`${tab} `))].map(([name, value]) => [name.slice(tab.length + 1), value]);
    const session = {
      format,
      hash,
      kept: encoded(Object.fromEntries(own)) as SessionFile["kept"],
    } satisfies SessionFile;
    const text = JSON.stringify(session);
    const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Response(packed).blob();
  },

  /**
   * Keeps what a file holds under a name that no tab has yet; its address.
   *
   * @throws Error for a file that is no session, or that the browser does not keep
   */
  async unpack({ file, name }: { readonly file: File; readonly name: string }): Promise<string> {
    let hash: string;
    let values: [string, unknown][];
    try {
      const unpacked = file.stream().pipeThrough(new DecompressionStream("gzip"));
      const session: SessionFile = JSON.parse(await new Response(unpacked).text());
      if (session.format !== format) throw new Error();
      hash = session.hash;
      values = Object.entries(decoded(session.kept) as SessionFile["kept"]);
    } catch {
      throw new Error(`${file.name} is no session of the lab.`);
    }
    for (const [key, value] of values) {
      await keep(`${name} ${key}`, value);
      if ((await kept(`${name} ${key}`)) === undefined)
        throw new Error(`The browser cannot keep what is in ${file.name}.`);
    }
    return hash;
  },

  async forget({ tab }: { readonly tab: string }) {
    for (const key of (await keptOf(`${tab} `)).keys()) await keep(key, undefined);
  },
};

type Json = { readonly [key: string]: Json } | readonly Json[] | string | number | boolean | null;

/**
 * A value of the kinds that are kept as JSON. What is no JSON is an object with one key that begins with `$`: arrays of numbers, maps,
 * and what was there before, by its number: points that moves are taken back to have most arrays in common.
 */
export function encoded(value: unknown, before = new Map<unknown, number>()): Json {
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (typeof value !== "object" || value === null) return (value ?? null) as Json;
  const known = before.get(value);
  if (known !== undefined) return { $before: known };
  const made = encodedObject(value, before);
  before.set(value, before.size);
  return made;
}

function encodedObject(value: object, before: Map<unknown, number>): Json {
  const name = Object.keys(arrays).find((own) => value instanceof arrays[own as ArrayName]);
  if (name !== undefined) {
    const { buffer, byteOffset, byteLength } = value as Uint8Array;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    let text = "";
    for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
    return { [`$${name}`]: btoa(text) };
  }
  const list = (own: readonly unknown[]) => own.map((entry) => encoded(entry, before));
  if (value instanceof Map) return { $Map: list([...value]) };
  if (Array.isArray(value)) return list(value);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, own]) => (own === undefined ? [] : [[key, encoded(own, before)]])),
  );
}

/** What {@link encoded} was given. */
export function decoded(value: unknown, before: unknown[] = []): unknown {
  if (typeof value !== "object" || value === null) return value;
  const [[key, content] = ["", undefined]] = Object.entries(value);
  if (key === "$number") return Number(content);
  if (key === "$before") return before[content as number];
  const made = decodedObject(value, key, content, before);
  before.push(made);
  return made;
}

function decodedObject(value: object, key: string, content: unknown, before: unknown[]): unknown {
  const list = (own: readonly unknown[]) => own.map((entry) => decoded(entry, before));
  if (Array.isArray(value)) return list(value);
  if (key === "$Map") return new Map(list(content as unknown[]) as [unknown, unknown][]);
  if (key.startsWith("$") && Object.hasOwn(arrays, key.slice(1))) {
    const bytes = Uint8Array.from(atob(content as string), (c) => c.charCodeAt(0));
    return new arrays[key.slice(1) as ArrayName](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, decoded(own, before)]));
}

serve(globalThis as unknown as Port, handlers as never);

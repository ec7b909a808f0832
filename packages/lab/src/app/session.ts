// A session as a file: the address, and what the tab has kept. Loaded when one is saved or opened.
import { save } from "../export/save.js";
import { keep, keptOf } from "../worker/kept.js";
import { tab } from "./tab.js";

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

/** Saves the session; what to say. */
export async function saveSession(): Promise<string> {
  const kept = Object.fromEntries(
    [...(await keptOf(`${tab} `))].map(([key, value]) => [key.slice(tab.length + 1), encoded(value)]),
  );
  const text = JSON.stringify({ format, hash: location.hash, kept } satisfies SessionFile);
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  save("session.isoloss", await new Response(packed).arrayBuffer(), "application/gzip");
  return "session.isoloss saved: it holds the settings, the model with its moves, and the training of this tab.";
}

/**
 * Takes the place of what the tab has, and loads the page again.
 *
 * @throws Error for a file that is no session
 */
export async function openSession(file: File): Promise<void> {
  let session: SessionFile;
  try {
    const unpacked = file.stream().pipeThrough(new DecompressionStream("gzip"));
    session = JSON.parse(await new Response(unpacked).text());
  } catch {
    throw new Error(`${file.name} is no session of the lab.`);
  }
  if (session.format !== format) throw new Error(`${file.name} is no session of this lab.`);
  for (const [key] of await keptOf(`${tab} `)) await keep(key, undefined);
  for (const [key, value] of Object.entries(session.kept)) await keep(`${tab} ${key}`, decoded(value));
  history.replaceState(null, "", session.hash);
  location.reload();
}

type Json = { readonly [key: string]: Json } | readonly Json[] | string | number | boolean | null;

/** A value of the kinds that are kept as JSON: arrays of numbers and maps are objects with one key that begins with `$`. */
export function encoded(value: unknown): Json {
  const name = Object.keys(arrays).find((own) => value instanceof arrays[own as ArrayName]);
  if (name !== undefined) {
    const { buffer, byteOffset, byteLength } = value as Uint8Array;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    let text = "";
    for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
    return { [`$${name}`]: btoa(text) };
  }
  if (value instanceof Map) return { $Map: [...value].map(encoded) };
  if (Array.isArray(value)) return value.map(encoded);
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (typeof value !== "object" || value === null) return (value ?? null) as Json;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, own]) => (own === undefined ? [] : [[key, encoded(own)]])),
  );
}

/** What {@link encoded} was given. */
export function decoded(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decoded);
  const [[key, content] = ["", undefined]] = Object.entries(value);
  if (key === "$Map")
    return new Map((content as unknown[]).map((entry) => decoded(entry) as [unknown, unknown]));
  if (key === "$number") return Number(content);
  if (key.startsWith("$") && Object.hasOwn(arrays, key.slice(1))) {
    const bytes = Uint8Array.from(atob(content as string), (c) => c.charCodeAt(0));
    return new arrays[key.slice(1) as ArrayName](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, decoded(own)]));
}

// Programs in JavaScript that were compiled before, by the text of their graphs.
import type { NdArray } from "../array.js";
import type { Graph } from "../graph/graph.js";
import { graphText, numberText } from "../graph/graph-text.js";
import type { Scan } from "./executable.js";
import type { JavaScriptProgram } from "./javascript/executable.js";

/** Most programs that are kept, and most numbers in all their arrays together: 16 MB. */
const mostPrograms = 64;
const mostNumbers = 2 ** 21;
/** Graphs with larger constants are compiled each time: their text would be long. */
const mostConstants = 4096;

/** The least recently used first. */
const programs = new Map<string, JavaScriptProgram>();
let numbers = 0;

/** Whether programs that were compiled before are taken again, in this thread: see kept-executables.ts. */
export const keeping = {
  /** How many callers want all to be compiled anew. */
  anew: 0,
  /** Most bytes of results of open sessions of ONNX Runtime. */
  sessions: 0,
};

/** What a program depends on besides its graph. */
interface ProgramSettings {
  readonly runtime?: string | undefined;
  readonly provider?: string | undefined;
  readonly threads?: number | undefined;
  readonly dtype?: string | undefined;
  readonly scan?: Scan | undefined;
}

/** A text that is equal for equal programs; undefined if the program is not to be kept. */
export function programKey(graph: Graph, settings: ProgramSettings): string | undefined {
  const { runtime, provider, threads, dtype, scan } = settings;
  let constants = 0;
  const numbersText = (data: NdArray["data"]): string => {
    constants += data.length;
    if (constants > mostConstants) return "";
    const texts = Array.from(data as Float64Array, numberText);
    return `${data.constructor.name} ${texts.join()}`;
  };
  // By their numbers: a text inside of texts would be escaped again and again.
  const bodies: string[] = [];
  const bodyText = (body: Graph): string => `${bodies.push(graphText(body, numbersText, bodyText))}`;
  const text = graphText(graph, numbersText, bodyText);
  if (constants > mostConstants) return undefined;
  return [JSON.stringify([runtime, provider, threads, dtype, scan]), text, ...bodies].join("\n\n");
}

/** The program of a key, which then is the most recently used one. */
export function knownProgram(key: string | undefined): JavaScriptProgram | undefined {
  const program = key === undefined ? undefined : programs.get(key);
  if (key !== undefined && program !== undefined) {
    programs.delete(key);
    programs.set(key, program);
  }
  return program;
}

/** Keeps a program; the least recently used ones leave, to be collected once nothing runs them any more. */
export function keepProgram(key: string | undefined, program: JavaScriptProgram): void {
  if (key === undefined || program.size > mostNumbers / 4) return;
  programs.set(key, program);
  numbers += program.size;
  for (const [oldest, { size }] of programs) {
    if (programs.size <= mostPrograms && numbers <= mostNumbers) return;
    programs.delete(oldest);
    numbers -= size;
  }
}

// Runs the nodes of a model file as they are, without a graph of this library: so changed files are measured.
import { loadOrt, whyNoOrt } from "#ort";
import type { NdArray } from "../../array.js";
import { OptionError, RuntimeError } from "../../errors.js";
import { ownEntry } from "../../tree.js";
import type { RuntimeName } from "../compile.js";
import { Lifetime } from "../lifetime.js";
import { dtypeCode } from "./dtypes.js";
import { fromOrtTensor, toOrtData } from "./ort-tensors.js";
import { ProtoReader } from "./protobuf.js";

/** A model file that is open in ONNX Runtime. */
export interface FileSession {
  /** Results by name for arrays by the names of the inputs. */
  run(inputs: Readonly<Record<string, NdArray>>): Promise<Readonly<Record<string, NdArray>>>;
  dispose(): Promise<void>;
}

export interface FileSessionOptions {
  /** Names of the results; default all of the file. */
  readonly outputs?: readonly string[] | undefined;
  /** Whether products with stored integers (MatMulNBits) keep their operand in float, which ONNX Runtime rounds to 8 bits; default false. */
  readonly floatOperands?: boolean | undefined;
  /** The beginning of the path of its profile, which ONNX Runtime writes in Node when it is disposed; default none. */
  readonly profile?: string | undefined;
  /** Whether threads spin while they wait within a run, whatever the size of the file, as is the default of ONNX Runtime: for times. */
  readonly timed?: boolean | undefined;
}

/** Bytes of a file from which on threads spin. It costs 20 ms of processor time to open and close a session, which takes 1 ms without. */
const largeFile = 2 ** 20;

/** Whether files run in ONNX Runtime. */
export const isNative = async (runtime: RuntimeName): Promise<boolean> =>
  runtime === "onnx" || (runtime === "auto" && (await whyNoOrt()) === undefined);

/**
 * Opens a model file in ONNX Runtime as it is, with the kernels that the runtime has for its operators: those for
 * integers, too. Floats of 16 bits and integers are converted from and to the library's arrays.
 *
 * @throws RuntimeError when ONNX Runtime is not there, or refuses the file; for an output of the name `__proto__`
 */
export async function openFileSession(
  bytes: Uint8Array,
  { outputs, floatOperands = false, profile, timed = false }: FileSessionOptions = {},
): Promise<FileSession> {
  const ort = await loadOrt();
  const session = await ort.InferenceSession.create(bytes, {
    // With all optimizations ONNX Runtime 1.30 ends the process by a segmentation fault where a Transpose of float16 is before a
    // MatMul: its NchwcTransformer meets what its MatmulTransposeFusion left.
    graphOptimizationLevel: holdsFloat16(bytes) ? "extended" : "all",
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    // Otherwise a session's threads spin while they wait for its next run, and take the cores from other sessions.
    extra: {
      session: {
        force_spinning_stop: "1",
        ...(timed || bytes.length >= largeFile ? {} : { intra_op: { allow_spinning: "0" } }),
        ...(floatOperands ? { qdq_matmulnbits_accuracy_level: "1" } : {}),
      },
    },
  }).catch((cause: unknown) => {
    throw new RuntimeError(`ONNX Runtime could not open the file: ${messageOf(cause)}`, { cause });
  });
  const wanted = outputs ?? session.outputNames;
  // ONNX Runtime sets it as a key of an object, which is lost.
  if (session.outputNames.includes("__proto__")) {
    await session.release();
    throw new RuntimeError(
      'ONNX Runtime cannot give an output of the name "__proto__" in JavaScript: rename it in the file.',
    );
  }
  // It takes what every object has, such as toString, for a tensor to write into, unless that output is asked for.
  const asked = session.outputNames.some((name) => name in {}) ? session.outputNames : wanted;
  const types = new Map(
    session.inputMetadata.map((input) => [input.name, input.isTensor ? input.type : "sequence"]),
  );
  const lifetime = new Lifetime("session of a file", "openFileSession");
  return {
    async run(inputs) {
      lifetime.requireOpen();
      const feeds = [...types].map(([name, type]) => {
        const value = ownEntry(inputs, name);
        if (value === undefined) {
          const names = Object.keys(inputs).join(", ") || "nothing";
          throw new OptionError(`The model's input "${name}" is missing; the batch has ${names}.`);
        }
        const tensor = new ort.Tensor(type as "float32", toOrtData(name, value, type) as never, value.shape);
        return [name, tensor] as const;
      });
      const results = await session.run(Object.fromEntries(feeds), asked).catch((cause: unknown) => {
        throw new RuntimeError(`ONNX Runtime could not run the file: ${messageOf(cause)}`, { cause });
      });
      return Object.fromEntries(wanted.map((name) => [name, fromOrtTensor(results[name])]));
    },
    dispose: () => lifetime.end(() => session.release()),
  };
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

// The ONNX schema (onnx.in.proto), read where types are alone: a file may hold what the codec does not read.

const FLOAT16 = BigInt(dtypeCode("float16"));

/** Whether a model has values of float16: stored, as inputs, or made by a node that is given their type, such as a Cast. */
export function holdsFloat16(model: Uint8Array): boolean {
  return inModel(new ProtoReader(model));
}

/** Whether something holds of the field that is to be read. */
type Test = (r: ProtoReader) => boolean;

/** Whether one of the tests, by the numbers of fields, holds in a message. */
function holdsIn(r: ProtoReader, tests: Readonly<Record<number, Test>>): boolean {
  for (let field = r.next(); field !== 0; field = r.next()) {
    const test = tests[field];
    if (test === undefined) r.skip();
    else if (test(r)) return true;
  }
  return false;
}

const message =
  (tests: Readonly<Record<number, Test>>): Test =>
  (r) =>
    holdsIn(r.message(), tests);

const isFloat16: Test = (r) => r.int64() === FLOAT16;

const tensor = message({ 2: isFloat16 });

const input = message({ 2: message({ 1: message({ 1: isFloat16 }) }) });

function attribute(r: ProtoReader): boolean {
  let name = "";
  let isCode = false;
  const holdsValue = holdsIn(r.message(), {
    1: (own) => {
      name = own.string();
      return false;
    },
    3: (own) => {
      isCode = isFloat16(own);
      return false;
    },
    5: tensor,
    6: (own) => graph(own),
  });
  return holdsValue || (isCode && ["to", "dtype"].includes(name));
}

const node = message({ 5: attribute });

const graph = message({ 1: node, 5: tensor, 11: input });

const inModel: Test = (r) => holdsIn(r, { 7: graph, 25: message({ 7: node }) });

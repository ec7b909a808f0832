// The file and the moved one in ONNX Runtime: its WebAssembly is loaded with the first comparison.
import type { NdArray } from "isoloss";
import { measureDifference } from "isoloss/internal";
import { fromOrtTensor, type OutputDifference, toOrtData } from "isoloss/onnx";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

// Threads would start the page's script again.
env.wasm.numThreads = 1;
env.logLevel = "error";

type Batch = Readonly<Record<string, NdArray>>;

/** Told before each run; resolves to whether to go on. */
export type GoOn = (run: number, of: number) => Promise<boolean>;

/** The WebAssembly is not there, or does not take the file. */
class NoOrt extends Error {
  override readonly name = "NoOrt";
}

/** A comparison was ended before all was compared. */
class Stopped extends Error {
  override readonly name = "Stopped";
}

async function sessionOf(file: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(file);
  } catch (cause) {
    throw new NoOrt((cause as Error).message, { cause });
  }
}

/**
 * Runs two files on the same inputs, and compares their outputs: a list for each list of batches. Of each run only its differences
 * are kept: the outputs of many would take gigabytes.
 *
 * @param lists what makes each batch
 * @throws Stopped where `goOn` resolves to false; NoOrt where nothing can be run
 */
export async function compareInOrt(
  file: Uint8Array,
  other: Uint8Array,
  lists: readonly (readonly (() => Batch)[])[],
  goOn: GoOn = async () => true,
): Promise<readonly (readonly OutputDifference[])[]> {
  const sessions: InferenceSession[] = [];
  const count = lists.reduce((sum, { length }) => sum + length, 0);
  let run = 0;
  const differences: OutputDifference[][] = [];
  try {
    for (const bytes of [file, other]) sessions.push(await sessionOf(bytes));
    // Such as float16, which the model is read without.
    const types = new Map(
      sessions[0].inputMetadata.map((input) => [input.name, input.isTensor ? input.type : "sequence"]),
    );
    for (const batches of lists) {
      const measured = sessions[0].outputNames.map(
        (name) => [name, measureDifference("compareInOrt", name)] as const,
      );
      for (const batch of batches) {
        if (!(await goOn(++run, count))) throw new Stopped("The comparison was stopped.");
        const feeds = Object.fromEntries(
          Object.entries(batch()).map(([name, array]) => {
            const type = types.get(name) as "float32";
            return [name, new Tensor(type, toOrtData(name, array, type) as Float32Array, array.shape)];
          }),
        );
        const expected = await sessions[0].run(feeds);
        const got = await sessions[1].run(feeds);
        for (const [name, difference] of measured)
          difference.add(fromOrtTensor(expected[name]), fromOrtTensor(got[name]));
      }
      differences.push(batches.length === 0 ? [] : measured.map(([, { difference }]) => difference()));
    }
  } finally {
    for (const session of sessions) await session.release();
  }
  return differences;
}

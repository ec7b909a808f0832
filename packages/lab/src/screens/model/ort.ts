// The file and the moved one in ONNX Runtime: its WebAssembly is loaded with the first comparison.
import type { NdArray } from "isoloss";
import { differenceOf } from "isoloss/internal";
import { fromOrtTensor, type OutputDifference, toOrtData } from "isoloss/onnx";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

// Threads would start the page's script again.
env.wasm.numThreads = 1;
env.logLevel = "error";

type Batch = Readonly<Record<string, NdArray>>;

/** Told before each run; resolves to whether to go on. */
export type GoOn = (run: number, of: number) => Promise<boolean>;

/** A comparison was ended before all was compared. */
class Stopped extends Error {
  override readonly name = "Stopped";
}

/**
 * Runs two files on the same inputs, and compares their outputs: a list for each list of batches.
 *
 * @throws Stopped where `goOn` resolves to false
 */
export async function compareInOrt(
  file: Uint8Array,
  other: Uint8Array,
  lists: readonly (readonly Batch[])[],
  goOn: GoOn = async () => true,
): Promise<readonly (readonly OutputDifference[])[]> {
  const sessions = [await InferenceSession.create(file), await InferenceSession.create(other)];
  // Such as float16, which the model is read without.
  const types = new Map(
    sessions[0].inputMetadata.map((input) => [input.name, input.isTensor ? input.type : "sequence"]),
  );
  const { outputNames } = sessions[0];
  const count = lists.reduce((sum, { length }) => sum + length, 0);
  let run = 0;
  const differences: OutputDifference[][] = [];
  try {
    for (const batches of lists) {
      const [expected, got]: Batch[][] = [[], []];
      for (const batch of batches) {
        if (!(await goOn(++run, count))) throw new Stopped("The comparison was stopped.");
        const feeds = Object.fromEntries(
          Object.entries(batch).map(([name, array]) => {
            const type = types.get(name) as "float32";
            return [name, new Tensor(type, toOrtData(name, array, type) as Float32Array, array.shape)];
          }),
        );
        for (const [k, results] of [expected, got].entries()) {
          const found = await sessions[k].run(feeds);
          results.push(Object.fromEntries(outputNames.map((name) => [name, fromOrtTensor(found[name])])));
        }
      }
      const of = (results: readonly Batch[], name: string) => results.map((result) => result[name]);
      differences.push(
        expected.length === 0
          ? []
          : outputNames.map((name) => differenceOf("compareInOrt", name, of(expected, name), of(got, name))),
      );
    }
  } finally {
    for (const session of sessions) await session.release();
  }
  return differences;
}

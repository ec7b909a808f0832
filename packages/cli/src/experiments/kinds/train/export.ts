import { decodeCheckpoint, namedArrays, resume, spec, toOnnx, trace } from "isoloss";
import type { TrainedRun } from "../../kind.js";
import { trainerOf } from "./trainer.js";

/**
 * The trained model, in evaluation mode, as an ONNX file with the input x and the output logits.
 *
 * @param batch number of examples; undefined: it stays open
 */
export async function modelOnnx(
  { name, settings, seed, checkpoint: bytes }: TrainedRun,
  batch: number | undefined,
): Promise<Uint8Array> {
  const { trainer, data, model } = await trainerOf({ ...settings, teleport: null }, seed);
  try {
    const checkpoint = decodeCheckpoint(bytes);
    resume(trainer, checkpoint, { allowChanges: ["teleport"] });
    const { params, state } = trainer.current;
    const graphOf = (examples: number) =>
      trace(({ params: p, state: s, x }) => ({ logits: model.apply(p, x, { state: s }).output }), {
        params,
        state,
        x: spec([examples, ...data.train.inputs.shape.slice(1)], "float32"),
      }).graph;
    return toOnnx(batch === undefined ? graphOf : graphOf(batch), {
      constants: namedArrays({ params, state }),
      metadata: { run: name, step: String(checkpoint.rest.step) },
    });
  } finally {
    await trainer.dispose();
  }
}

import { decodeCheckpoint, namedArrays, resume, spec, toOnnx, trace } from "isoloss";
import type { TrainedRun } from "../../kind.js";
import { trainerOf } from "./trainer.js";

/** The trained model, in evaluation mode, as an ONNX file with the input x and the output logits. */
export async function modelOnnx(
  { name, settings, seed, checkpoint: bytes }: TrainedRun,
  batch: number,
): Promise<Uint8Array> {
  const { trainer, data, model } = await trainerOf({ ...settings, teleport: null }, seed);
  try {
    const checkpoint = decodeCheckpoint(bytes);
    resume(trainer, checkpoint, { allowChanges: ["teleport"] });
    const { params, state } = trainer.current;
    const shape = [batch, ...data.train.inputs.shape.slice(1)];
    const { graph } = trace(
      ({ params: p, state: s, x }) => ({ logits: model.apply(p, x, { state: s }).output }),
      { params, state, x: spec(shape, "float32") },
    );
    const constants = namedArrays({ params, state });
    const used = new Set(graph.inputs.map((input) => input.name));
    return toOnnx(graph, {
      constants: Object.fromEntries(Object.entries(constants).filter(([path]) => used.has(path))),
      metadata: { run: name, step: String(checkpoint.rest.step) },
    });
  } finally {
    await trainer.dispose();
  }
}

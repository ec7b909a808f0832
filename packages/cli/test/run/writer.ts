// A run for the kill test: `writer STEPS BASE` starts one, `writer STEPS BASE DIRECTORY` goes on with one.
import { setTimeout } from "node:timers/promises";
import { createRunDirectory, openRunDirectory } from "../../src/run/directory.js";
import { describeEnvironment } from "../../src/run/environment.js";

const [count, base, existing] = process.argv.slice(2);
const steps = Number(count);

const open = async () => {
  if (existing !== undefined) return openRunDirectory(existing);
  const environment = describeEnvironment({ seed: 0, runtime: "javascript" });
  const options = { seed: 0, config: {}, environment };
  return { directory: await createRunDirectory(base, "killed", options), checkpoint: undefined };
};

const { directory, checkpoint } = await open();
process.stdout.write(`${directory.path}\n`);
let state = checkpoint === undefined ? 1 : Buffer.from(checkpoint).readUInt32LE(0);
for (let step = directory.step; step < steps; step++) {
  // A checkpoint comes before the teleport of its step: the teleport is done again on resume.
  if (step > 0 && step % 50 === 0) {
    const bytes = Buffer.alloc(300_000, state & 255);
    bytes.writeUInt32LE(state, 0);
    await directory.saveCheckpoint(step, bytes);
  }
  if (step % 25 === 0) directory.appendTeleports([{ step, from: state }]);
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  directory.appendMetrics([{ step, loss: state / 2 ** 32 }]);
  if (step % 10 === 0) await setTimeout(1);
}
await directory.writeSummary({ state });
directory.close();

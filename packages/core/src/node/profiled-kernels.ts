import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NdArray } from "../array.js";
import { openFileSession } from "../runtime/onnx/file-session.js";

/** A kernel that runs nodes of a file. */
export interface KernelUse {
  /** Its operator in the graph that ONNX Runtime makes of the file, such as `QLinearConv`. */
  readonly kernel: string;
  /** How many times a run calls it. */
  readonly count: number;
  /** Its share of the time of all kernels, from 0 to 1. */
  readonly timeShare: number;
}

interface ProfileEvent {
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: { readonly op_name: string };
}

/**
 * The kernels that run a model file, those with most calls first, by ONNX Runtime's profile of the second of two runs.
 *
 * @throws RuntimeError when ONNX Runtime is not there, or refuses the file
 */
export async function profiledKernels(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, NdArray>>,
): Promise<readonly KernelUse[]> {
  const folder = await mkdtemp(join(tmpdir(), "isoloss-profile-"));
  try {
    const session = await openFileSession(bytes, { profile: join(folder, "run") });
    await session
      .run(inputs)
      .then(() => session.run(inputs))
      .finally(() => session.dispose());
    const [name] = await readdir(folder);
    return usesIn(JSON.parse(await readFile(join(folder, name), "utf8")));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function usesIn(events: readonly ProfileEvent[]): readonly KernelUse[] {
  // The time of a node with graphs inside it is that of their nodes, which have events of their own.
  const kernels = events.filter(
    ({ name, args }) => name.endsWith("_kernel_time") && !["If", "Loop", "Scan"].includes(args.op_name),
  );
  const last = kernels.slice(kernels.length / 2);
  const total = last.reduce((sum, { dur }) => sum + dur, 0) || 1;
  const uses = new Map<string, KernelUse>();
  for (const { dur, args } of last) {
    const { count, timeShare } = uses.get(args.op_name) ?? { count: 0, timeShare: 0 };
    const kernel = args.op_name;
    uses.set(kernel, { kernel, count: count + 1, timeShare: timeShare + dur / total });
  }
  return [...uses.values()].sort((a, b) => b.count - a.count || (a.kernel < b.kernel ? -1 : 1));
}

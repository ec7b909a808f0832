import { isNdArray, zeros } from "../../array.js";
import type { SpecLeaf } from "../../graph/trace.js";
import type { Executable, RunOptions } from "../../runtime/executable.js";

/**
 * Runs generated JavaScript for at most 5 milliseconds so that the engine optimizes it: a compiled walk is
 * too short for that and would run ten times slower at first. The values do not matter, so missing arrays are
 * zeros.
 */
export async function warmUp(
  loop: Executable,
  example: Readonly<Record<string, SpecLeaf>>,
  options?: RunOptions,
): Promise<void> {
  if (loop.runtime !== "javascript") return;
  const inputs = Object.fromEntries(
    Object.entries(example).map(([name, leaf]) => [
      name,
      isNdArray(leaf) ? leaf : zeros(leaf.shape, leaf.dtype),
    ]),
  );
  const begin = performance.now();
  for (let run = 0; run < 100 && performance.now() - begin < 5; run++) await loop.run(inputs, options);
}

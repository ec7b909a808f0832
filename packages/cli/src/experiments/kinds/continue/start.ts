import { jit, type NdArray } from "isoloss";
import { makeChange } from "../../catalogue/changes/changes.js";
import { type ChangeContext, firstExamples, type Network } from "../../catalogue/changes/network.js";
import type { Named } from "../../catalogue/named.js";

/** A network after what happened to it. */
export interface Changed {
  readonly network: Network;
  /** Of the moves. */
  readonly seconds: number;
  /** Largest change of an output by a move, relative to the largest output; undefined without moves. */
  readonly drift?: number;
}

/** Examples on which the drift of moves is measured. */
const watched = 100;

/** Does one thing after the other to a network. */
export async function changed(
  network: Network,
  changes: readonly Named[],
  context: ChangeContext,
): Promise<Changed> {
  let now: Changed = { network, seconds: 0 };
  for (const named of changes) {
    const { isMove, apply } = makeChange(named);
    const begin = performance.now();
    const next = await apply(now.network, context);
    const seconds = (performance.now() - begin) / 1000;
    now = isMove
      ? {
          network: next,
          seconds: now.seconds + seconds,
          drift: Math.max(now.drift ?? 0, await difference(now.network, next, context)),
        }
      : { ...now, network: next };
  }
  return now;
}

/** Largest difference of two networks' outputs, relative to the first one's largest output. */
async function difference(before: Network, after: Network, { data }: ChangeContext): Promise<number> {
  const { x } = firstExamples(data, watched);
  const [a, b] = [await outputs(before, x), await outputs(after, x)];
  let [largest, most] = [0, 0];
  a.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    most = Math.max(most, Math.abs(value - b[i]));
  });
  return most / largest;
}

async function outputs({ model, params, state }: Network, x: NdArray): Promise<number[]> {
  const f = await jit((at) => model.apply(at.params, at.x, { state: at.state as never }).output, {
    params,
    state,
    x,
  });
  try {
    const { data } = await f({ params, state, x });
    return Array.from(data as Float32Array, Number);
  } finally {
    await f.dispose();
  }
}

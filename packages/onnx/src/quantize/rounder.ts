import { RuntimeError } from "isoloss";
import { openThread } from "isoloss/internal";
import { type RoundedLayer, roundLayer } from "./layer-rounding.js";
import type { QuantizedWeight } from "./quantized-weight.js";

/** Rounds layers one after another. */
interface Rounder {
  /** @param layer whose moments it takes over */
  round(layer: RoundedLayer): Promise<QuantizedWeight>;
  end(): Promise<unknown>;
}

const here: Rounder = { round: async (layer) => roundLayer(layer), end: async () => undefined };

/**
 * Opens a thread of Node that rounds layers while this one computes what others multiply; where it cannot load its file, as
 * in a bundle, and in a page, layers are rounded here.
 *
 * @param url of a module of the package, beside which that of the thread is
 */
export async function openRounder(url: string | undefined = import.meta.url): Promise<Rounder> {
  if (!url?.startsWith("file:")) return here;
  const waiting: { resolve(data: unknown): void; reject(cause: Error): void }[] = [];
  const next = () => new Promise<unknown>((resolve, reject) => waiting.push({ resolve, reject }));
  const isLoaded = next();
  const thread = openThread(programOf(new URL("layer-rounding.js", url).href), {
    onMessage: (data) => waiting.shift()?.resolve(data),
    onEnd(why) {
      for (const { reject } of waiting.splice(0))
        reject(new RuntimeError(`A layer was not rounded: ${why}.`));
    },
  });
  thread.hold();
  if (!(await isLoaded.catch(() => false))) return here;
  return {
    async round({ weight: { floats, grid, type, floor, stored }, units, moments }) {
      const weight = { floats, grid, type, floor, stored };
      const buffers = new Set(Object.values(moments).map(({ buffer }) => buffer));
      const result = next();
      thread.post({ weight, units, moments }, [...buffers]);
      return (await result) as QuantizedWeight;
    },
    end: () => thread.end(),
  };
}

/** What the thread does; `listen` and `post` are its own, see `openThread`. */
const programOf = (address: string): string => `
import(${JSON.stringify(address)}).then(({ roundLayer }) => {
  listen((layer) => post(roundLayer(layer)));
  post(true);
});`;

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
 * Opens a thread of Node that rounds layers while this one computes what others multiply. Where there is none, as in a page, or it
 * cannot load its file, as in a bundle, or take a layer, layers are rounded here.
 *
 * @param url of a module of the package, beside which that of the thread is
 */
export async function openRounder(url: string | undefined = import.meta.url): Promise<Rounder> {
  const { process } = globalThis as { process?: { readonly getBuiltinModule?: unknown } };
  // Bundlers give pages addresses of files, too.
  if (!url?.startsWith("file:") || process?.getBuiltinModule === undefined) return here;
  let isOpen = true;
  let waiting: { resolve(data: unknown): void; reject(cause: Error): void } | undefined;
  const answer = () => new Promise<unknown>((resolve, reject) => (waiting = { resolve, reject }));
  const events = {
    onMessage: (data: unknown) => waiting?.resolve(data),
    onEnd(why: string) {
      isOpen = false;
      waiting?.reject(new RuntimeError(`A layer was not rounded: ${why}.`));
    },
  };
  let thread: ReturnType<typeof openThread>;
  try {
    thread = openThread(programOf(new URL("layer-rounding.js", url).href), events);
  } catch {
    // Such as where Node's permissions leave them out.
    return here;
  }
  thread.hold();
  if (!(await answer().catch(() => false))) return here;
  return {
    async round(layer) {
      const { units, moments } = layer;
      const { floats, grid, type, floor, stored } = layer.weight;
      const buffers = new Set(Object.values(moments).map(({ buffer }) => buffer));
      try {
        if (!isOpen) return roundLayer(layer);
        thread.post({ weight: { floats, grid, type, floor, stored }, units, moments }, [...buffers]);
      } catch {
        // Too large to be copied.
        return roundLayer(layer);
      }
      return (await answer()) as QuantizedWeight;
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

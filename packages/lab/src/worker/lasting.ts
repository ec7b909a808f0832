import type { WorkerLike } from "./client.js";

/**
 * A worker that outlives its screen: who comes back within the time finds what it has compiled.
 *
 * @param create starts a worker
 * @param rest milliseconds until a worker ends whose screen was left
 */
export function lasting(create: () => WorkerLike, rest = 30_000): () => WorkerLike {
  let left: { readonly worker: WorkerLike; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  const take = () => {
    const worker = left?.worker;
    clearTimeout(left?.timer);
    left = undefined;
    return worker;
  };
  return () => {
    const worker = take();
    if (worker !== undefined) return worker;
    const made = create();
    made.leave = () => {
      const end = () => take()?.terminate();
      made.onmessage = null;
      made.onerror = end;
      left = { worker: made, timer: setTimeout(end, rest) };
    };
    return made;
  };
}

import { createClient, type WorkerLike } from "./client.js";

/** Calls a worker. */
export type AskWorker = <A>(call: string, args: unknown) => Promise<A>;

/**
 * Starts a worker for as long as something is done with it.
 *
 * @param signal ends it early
 */
export async function inWorker<V>(
  start: () => WorkerLike,
  act: (ask: AskWorker) => Promise<V>,
  signal?: AbortSignal,
): Promise<V> {
  signal?.throwIfAborted();
  const client = createClient(start, undefined, 0);
  const stop = () => client.stop();
  signal?.addEventListener("abort", stop);
  try {
    return await act(async (call, args) => {
      const answer = await client.ask(call, args);
      // It may have come while its worker still had time to listen.
      signal?.throwIfAborted();
      return answer as never;
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    client.rest(true);
  }
}

// A session as a file: the address, and what the tab has kept. Loaded when one is saved or opened.
import { save } from "../export/save.js";
import { createClient } from "../worker/client.js";
import { key, tab } from "./tab.js";

/** A worker for as long as a session is saved or opened. */
async function inWorker<V>(
  act: (ask: <A>(call: string, args: object) => Promise<A>) => Promise<V>,
): Promise<V> {
  const start = () =>
    new Worker(new URL("./session-worker.ts", import.meta.url), { type: "module", name: "session" });
  const client = createClient(start, undefined, 0);
  try {
    return await act((call, args) => client.ask(call, args));
  } finally {
    client.rest(true);
  }
}

/** Saves the session; what to say. */
export async function saveSession(): Promise<string> {
  const bytes = await inWorker((ask) => ask<ArrayBuffer>("pack", { tab, hash: location.hash }));
  save("session.isoloss", bytes, "application/gzip");
  return "session.isoloss saved: it holds the settings, the model with its moves, and the training of this tab.";
}

/**
 * Takes the place of what the tab has, and loads the page again. The tab gets another name: what its workers still keep does not
 * replace what was opened.
 *
 * @throws Error for a file that is no session, or that the browser does not keep: then the tab has what it had
 */
export const openSession = (file: File): Promise<void> =>
  inWorker(async (ask) => {
    const name = `${Date.now()}-${Math.random()}`;
    const hash = await ask<string>("unpack", { file, name });
    sessionStorage.setItem(key, name);
    // Where the browser does not forget, the tab has its other name all the same.
    await ask("forget", { tab }).catch(() => {});
    history.replaceState(null, "", hash);
    location.reload();
  });

// A session as a file: the address, and what the tab has kept. Loaded when one is saved or opened.
import { type AskWorker, inWorker } from "../worker/once.js";
import { save } from "./save.js";
import { key, tab } from "./tab.js";

const start = () =>
  new Worker(new URL("./session-worker.ts", import.meta.url), { type: "module", name: "session" });

/**
 * Saves the session; what to say.
 *
 * @throws Error where it is stopped
 */
export async function saveSession(signal: AbortSignal): Promise<string> {
  const file = await inWorker(start, (ask) => ask<Blob>("pack", { tab, hash: location.hash }), signal);
  save("session.isoloss", file, "application/gzip");
  return "session.isoloss saved: it holds the settings, the model with its moves, and the training of this tab.";
}

/**
 * Takes the place of what the tab has, and loads the page again. The tab gets another name: what its workers still keep does not
 * replace what was opened.
 *
 * @param onRead from then on it cannot be stopped
 * @throws Error for a file that is no session, or that the browser does not keep, or where it is stopped: then the tab has what it
 * had
 */
export async function openSession(file: File, signal: AbortSignal, onRead: () => void): Promise<void> {
  const name = `${Date.now()}-${Math.random()}`;
  const unpack = (ask: AskWorker) =>
    ask<string>("unpack", { file, name }).catch((error) => {
      // The worker ends once it is done with this.
      ask("forget", { tab: name }).catch(() => {});
      throw error;
    });
  const hash = await inWorker(start, unpack, signal);
  onRead();
  sessionStorage.setItem(key, name);
  // Where the browser does not forget, the tab has its other name all the same.
  await inWorker(start, (ask) => ask("forget", { tab })).catch(() => {});
  history.replaceState(null, "", hash);
  location.reload();
}

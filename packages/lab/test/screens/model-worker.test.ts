import { beforeEach, expect, it, vi } from "vitest";
import type { Found, Position } from "../../src/screens/model/session.js";
import type { Answer, Ask } from "../../src/worker/protocol.js";
import { files } from "./model-files.js";

/** What the tab has kept: copies, as a browser keeps them. */
const store = new Map<string, unknown>();
let isFull = false;
vi.mock("../../src/worker/kept.js", () => ({
  keep: async (key: string, value: unknown) => {
    if (value === undefined) store.delete(key);
    else if (!isFull) store.set(key, structuredClone(value));
  },
  kept: async (key: string) => structuredClone(store.get(key)),
}));
beforeEach(() => {
  store.clear();
  isFull = false;
});

/** Starts a worker, without what one before has in memory. */
async function startWorker() {
  vi.resetModules();
  const port = globalThis as unknown as {
    onmessage: (event: { data: Ask }) => void;
    postMessage(answer: Answer): void;
  };
  await import("../../src/screens/model/worker.js");
  const { onmessage } = port;
  let id = 0;
  return <V>(call: string, args: object = {}) =>
    new Promise<V>((resolve, reject) => {
      port.postMessage = (answer) => {
        if (answer.kind === "value") resolve(answer.value as V);
        else if (answer.kind === "error") reject(new Error(answer.error.message));
      };
      onmessage({ data: { kind: "call", id: id++, call, args: { tab: "tab", ...args } } });
    });
}

const sample = "mlp";
const model = (source: Uint8Array | string) => ({
  source,
  name: undefined,
  sample,
  sizes: {},
  keepsMoves: false,
});
const slide = (t: number) => ({
  change: { kind: "group", group: 0, act: { kind: "slide", t } },
  seed: 0,
  isBroken: false,
  isContinued: false,
});

it("goes on in another worker with slides and with what can be undone", async () => {
  const first = await startWorker();
  await first("open", model("convnet"));
  await first("find");
  await first("move", slide(0.5));
  const before = await first<Position>("move", slide(0.8));
  const figures = await first("figures");

  const second = await startWorker();
  const { position } = await second<{ found: Found; position: Position }>("find");
  expect(position).toEqual(before);
  expect(await second("figures")).toEqual(figures);
  const third = await startWorker();
  // The first call of a worker, which knows no groups yet.
  const undone = await third<Position>("undo");
  expect([undone.slides[0], undone.canUndo]).toEqual([0.5, true]);
  expect(await third<Position>("undo")).toMatchObject({ moved: [], canUndo: false });
});

it("has no model of before where the next one does not fit into what a tab keeps", async () => {
  const first = await startWorker();
  await first("open", model(files.mlp()));
  await first("find");
  await first("move", slide(0.5));
  isFull = true;
  await first("open", model(files.convnet()));
  const second = await startWorker();
  expect(await second("reopen", { sample })).toBeUndefined();
  await expect(second("find")).rejects.toThrow("No model is open: open the file again.");
});

it("forgets a model that no longer opens", async () => {
  store.set("tab model", model(Uint8Array.of(1, 2, 3)));
  const call = await startWorker();
  expect([await call("reopen", { sample }), store.size]).toEqual([undefined, 0]);
});

// What outlives a worker and a page: some values of each tab, in IndexedDB. Where a browser has none, nothing is kept.

/** Days after which what a tab has kept is forgotten. */
const keptDays = 7;

interface Kept {
  readonly value: unknown;
  readonly at: number;
}

let database: Promise<IDBDatabase> | undefined;

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("isoloss-lab", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const oldest = Date.now() - 24 * 3600e3 * keptDays;
      const walk = request.result.transaction("kept", "readwrite").objectStore("kept").openCursor();
      walk.onsuccess = () => {
        const { result: found } = walk;
        if (found && (found.value as Kept).at < oldest) found.delete();
        found?.continue();
      };
      resolve(request.result);
    };
  });
}

async function use<R extends IDBRequest>(
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => R,
): Promise<R["result"] | undefined> {
  try {
    database ??= openDatabase();
    const transaction = (await database).transaction("kept", mode);
    const request = act(transaction.objectStore("kept"));
    // A page that is left before the end of the transaction would lose what was put.
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } catch {
    return undefined;
  }
}

/** Keeps a value, of the kinds that messages have; undefined: none. */
export async function keep(key: string, value: unknown): Promise<void> {
  await use(
    "readwrite",
    (store): IDBRequest =>
      value === undefined ? store.delete(key) : store.put({ value, at: Date.now() } satisfies Kept, key),
  );
}

export async function kept<V>(key: string): Promise<V | undefined> {
  return ((await use("readonly", (store) => store.get(key))) as Kept | undefined)?.value as V | undefined;
}

/** All that is kept under keys with a beginning. */
export async function keptOf(beginning: string): Promise<ReadonlyMap<string, unknown>> {
  const range = () => IDBKeyRange.bound(beginning, `${beginning}\uffff`);
  const keys = (await use("readonly", (store) => store.getAllKeys(range()))) ?? [];
  const values = await Promise.all(keys.map((key) => kept(String(key))));
  return new Map(keys.map((key, i) => [String(key), values[i]]));
}

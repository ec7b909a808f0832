/** Where the tab has its name, also for the page that is loaded next. */
export const key = "isoloss-lab-tab";

/** Times that a name is tried, and milliseconds between them: the page before may not be quite gone when a tab is loaded again. */
const [tries, pause] = [6, 60];

/** Names the tab, also after its page was loaded again: what it keeps is its own. */
export let tab = `${Date.now()}-${Math.random()}`;

/** Takes a name for as long as the page is there; false where another page has it. Only secure pages have locks: others do not know. */
const claim = (name: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const hold = (lock: Lock | null) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise(() => {});
    };
    if (!navigator.locks) resolve(true);
    else navigator.locks.request(`${key} ${name}`, { ifAvailable: true }, hold).catch(reject);
  });

/** The name that the tab had before, unless another page has it: then this is a copy of that tab, and is named anew. */
async function named(): Promise<void> {
  try {
    const before = sessionStorage.getItem(key);
    for (let k = 0; before !== null && k < tries; k++) {
      if (k > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      if (!(await claim(before))) continue;
      tab = before;
      return;
    }
    sessionStorage.setItem(key, tab);
    await claim(tab);
  } catch {
    // A browser without them: nothing is there again after the page was loaded again.
  }
}

/** Resolves once {@link tab} is this tab's own: before that nothing is kept. */
export const isNamed: Promise<void> = named();

const key = "isoloss-lab-tab";

/** Times that a name is tried, and milliseconds between them: the page before may not be quite gone when a tab is loaded again. */
const [tries, pause] = [6, 60];

/** Takes a name for as long as the page is there; false where another page has it. */
const claim = (name: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const hold = (lock: Lock | null) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise(() => {});
    };
    navigator.locks.request(`${key} ${name}`, { ifAvailable: true }, hold).catch(reject);
  });

/** Names the tab, also after its page was loaded again: what it keeps is its own. A copy of a tab has another name. */
export const tab: string = await (async () => {
  const made = `${Date.now()}-${Math.random()}`;
  try {
    let name = sessionStorage.getItem(key) ?? made;
    for (let k = 1; !(await claim(name)); k++) {
      if (k === tries) name = made;
      else await new Promise((resolve) => setTimeout(resolve, pause));
    }
    sessionStorage.setItem(key, name);
    return name;
  } catch {
    return made;
  }
})();

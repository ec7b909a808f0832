const key = "isoloss-lab-tab";

/** Names the tab, also after its page was loaded again: what it keeps is its own. */
export const tab: string = (() => {
  const made = `${Date.now()}-${Math.random()}`;
  try {
    const known = sessionStorage.getItem(key) ?? made;
    sessionStorage.setItem(key, known);
    return known;
  } catch {
    return made;
  }
})();

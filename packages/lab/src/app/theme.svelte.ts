// Light, dark, or as the system: the choice stays in this browser.

export type ThemeChoice = "system" | "light" | "dark";

const key = "isoloss-lab-theme";
const isChoice = (value: unknown): value is ThemeChoice =>
  value === "system" || value === "light" || value === "dark";

/** What this browser keeps; a browser may forbid it. */
function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(key);
    return isChoice(value) ? value : "system";
  } catch {
    return "system";
  }
}

export class Theme {
  choice = $state<ThemeChoice>("system");
  #isDark = $state(false);

  constructor(query: MediaQueryList) {
    this.choice = stored();
    this.#isDark = query.matches;
    query.addEventListener("change", ({ matches }) => {
      this.#isDark = matches;
    });
  }

  /** The colors in use, where the address asks for some of its own or none. */
  shown(asked: "light" | "dark" | undefined): "light" | "dark" {
    const choice = asked ?? this.choice;
    return choice === "system" ? (this.#isDark ? "dark" : "light") : choice;
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    try {
      localStorage.setItem(key, choice);
    } catch {
      // The choice then lasts as long as the page.
    }
  }
}

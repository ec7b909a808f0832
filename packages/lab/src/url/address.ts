// The address of the page: `#/landscape?f=booth`.
import { repeatedNotices } from "./codec.js";
import { choiceField, flagField } from "./fields.js";

export interface Address {
  readonly screen: string;
  /** The screen's settings. */
  readonly query: string;
  /** Whether the page shows the screen alone, inside another page. */
  readonly isEmbedded: boolean;
  /** Colors that the address asks for, before those that this browser keeps. */
  readonly theme?: "light" | "dark" | undefined;
}

export interface ReadAddress {
  readonly address: Address;
  /** What was not understood of the keys that all screens have. */
  readonly notices: readonly string[];
}

const shared = { embed: flagField, theme: choiceField(["light", "dark"]) } as const;

export function readAddress(hash: string): ReadAddress {
  const [, screen = "", text = ""] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const own: string[] = [];
  const notices: string[] = [];
  let [isEmbedded, theme]: [boolean, Address["theme"]] = [false, undefined];
  const given: Record<string, string[]> = { embed: [], theme: [] };
  for (const part of text.split("&").filter(Boolean)) {
    const [, name, value] = /^(embed|theme)=(.*)$/s.exec(part) ?? [];
    if (name === undefined) own.push(part);
    else if (given[name].push(value) === 1) {
      const read = shared[name as keyof typeof shared].read(value, name);
      if (typeof read.value === "boolean") isEmbedded = read.value;
      else theme = read.value;
      if (read.notice !== undefined) notices.push(read.notice);
    }
  }
  notices.push(...Object.entries(given).flatMap(([name, values]) => repeatedNotices(name, values)));
  return { address: { screen, query: own.join("&"), isEmbedded, theme }, notices };
}

export function printAddress({ screen, query, isEmbedded, theme }: Address): string {
  const text = [isEmbedded && "embed=1", theme && `theme=${theme}`, query].filter(Boolean).join("&");
  return text === "" ? `#/${screen}` : `#/${screen}?${text}`;
}

/** What the address needs of a window. */
export interface AddressBar {
  readonly hash: () => string;
  replace(hash: string): void;
}

/** Least milliseconds between two writes: Safari allows 100 in 30 seconds. */
const pause = 300;

/** Writes the newest address, and not more often than browsers allow. */
export function addressWriter({ hash, replace }: AddressBar): {
  write(address: Address): void;
  flush(): void;
  /** What is not written yet belongs to an entry of the history that the page has left. */
  forget(): void;
  /** Whether there is something that is not written yet. */
  readonly isWaiting: boolean;
} {
  let next: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const forget = () => {
    clearTimeout(timer);
    timer = undefined;
    next = undefined;
  };
  const flush = () => {
    if (next !== undefined && next !== hash()) replace(next);
    forget();
  };
  return {
    write(address) {
      next = printAddress(address);
      timer ??= setTimeout(flush, pause);
    },
    flush,
    forget,
    get isWaiting() {
      return next !== undefined;
    },
  };
}

// The address of the page: `#/landscape?f=booth`.

export interface Address {
  readonly screen: string;
  /** The screen's settings. */
  readonly query: string;
  /** Whether the page shows the screen alone, inside another page. */
  readonly isEmbedded: boolean;
}

export function readAddress(hash: string): Address {
  const [, screen = "", text = ""] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const parts = text.split("&").filter(Boolean);
  const query = parts.filter((part) => part !== embedded).join("&");
  return { screen, query, isEmbedded: parts.includes(embedded) };
}

export function printAddress({ screen, query, isEmbedded }: Address): string {
  const text = [...(isEmbedded ? [embedded] : []), query].filter(Boolean).join("&");
  return text === "" ? `#/${screen}` : `#/${screen}?${text}`;
}

const embedded = "embed=1";

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
} {
  let next: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (next !== undefined && next !== hash()) replace(next);
    next = undefined;
  };
  return {
    write(address) {
      next = printAddress(address);
      timer ??= setTimeout(flush, pause);
    },
    flush,
  };
}

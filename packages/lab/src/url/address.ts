// The address of the page: `#/landscape?f=booth`.

export interface Address {
  readonly screen: string;
  readonly query: string;
}

export function readAddress(hash: string): Address {
  const [, screen = "", query = ""] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  return { screen, query };
}

export const printAddress = ({ screen, query }: Address): string =>
  query === "" ? `#/${screen}` : `#/${screen}?${query}`;

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

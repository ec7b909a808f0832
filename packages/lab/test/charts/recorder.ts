import type { Context } from "../../src/charts/canvas.js";

export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** A canvas that keeps what is drawn on it. */
export function recorder(): { readonly context: Context; readonly calls: Call[]; textsAt(): string[] } {
  const calls: Call[] = [];
  const values: Record<string, unknown> = {};
  const context = new Proxy(values, {
    get: (target, name: string) =>
      name in target
        ? target[name]
        : (...args: unknown[]) => {
            calls.push({ name, args });
            return name === "measureText" ? { width: 7 * String(args[0]).length } : undefined;
          },
    set(target, name: string, value) {
      target[name] = value;
      calls.push({ name: `${name}=`, args: [value] });
      return true;
    },
  }) as unknown as Context;
  return {
    context,
    calls,
    textsAt: () => calls.filter(({ name }) => name === "fillText").map(({ args }) => String(args[0])),
  };
}

// What a screen and its worker say to each other.

/** From the screen: a call, the order to end one, or that a part has been taken. */
export type Ask =
  | { readonly kind: "call"; readonly id: number; readonly call: string; readonly args: unknown }
  | { readonly kind: "stop"; readonly id: number }
  | { readonly kind: "taken"; readonly id: number };

/** From the worker: a part of a result, a result, or why there is none. */
export type Answer =
  | { readonly kind: "part"; readonly id: number; readonly part: unknown }
  | { readonly kind: "value"; readonly id: number; readonly value: unknown }
  | {
      readonly kind: "error";
      readonly id: number;
      readonly error: { readonly name: string; readonly message: string };
    };

/** A value and the buffers in it that are moved instead of copied. */
export class Moved {
  constructor(
    readonly value: unknown,
    readonly transfer: Transferable[],
  ) {}
}

/** What a running call can do besides returning its value. */
export interface CallContext<Part = unknown> {
  /** Sends a part, and resolves once the page has taken it: a slow page slows the worker, and fills no memory. */
  send(part: Part): Promise<void>;
  /** Lets messages in; resolves to whether the page has ordered this call to end. */
  isStopped(): Promise<boolean>;
}

/** The calls that a worker answers. */
export type Handlers = Readonly<Record<string, (args: never, context: CallContext) => unknown>>;

import type { MultiTaskMethod } from "isoloss";
import { methods } from "isoloss/mtl";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";

/** A method with any state, which the trainer keeps. */
export type AnyMethod = MultiTaskMethod<unknown>;

/** Multi-task methods by name, all those that the library has. */
export const methodRegistry = fromOptions<AnyMethod>(methods);

export const methodSchema = namedSchema("method", methodRegistry);

export const makeMethod = (named: Named): AnyMethod => makeNamed(methodRegistry, named, undefined);

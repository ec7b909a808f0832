import type { MultiTaskMethod } from "isoloss";
import { createMethod, methods, methodWrappers } from "isoloss/mtl";
import { fromOptions, makeNamed, type Named, namedSchema, ownOption, type Registry } from "./named.js";

/** A method with any state, which the trainer keeps. */
export type AnyMethod = MultiTaskMethod<unknown>;

const plainMethods = fromOptions<AnyMethod>(methods);

const inside = {
  method: ownOption(
    namedSchema("method", plainMethods),
    "a method",
  )("The method whose gradients or weights are changed: its name, or its name with options."),
};

/** Multi-task methods by name, all those that the library has. */
export const methodRegistry: Registry<undefined, AnyMethod> = {
  ...plainMethods,
  ...Object.fromEntries(
    Object.entries(methodWrappers).map(([name, { options, summary }]) => [
      name,
      { options, summary, own: inside, make: (given) => createMethod(name, given) },
    ]),
  ),
};

export const methodSchema = namedSchema("method", methodRegistry);

export const makeMethod = (named: Named): AnyMethod => makeNamed(methodRegistry, named, undefined);

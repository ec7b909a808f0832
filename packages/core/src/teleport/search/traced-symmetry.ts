// What a search on an orbit needs of a symmetry.
import type { NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { isRefusal, type Refusal, type Symmetry } from "../../symmetry/symmetry.js";

/** A symmetry whose action can be a part of a program. */
export type TracedSymmetry<P> = Symmetry<P> & { readonly trace: NonNullable<Symmetry<P>["trace"]> };

/**
 * Throws unless the symmetry's action is traced, and its context if it has one.
 *
 * @throws OptionError that shows how to write it
 */
export function requireTraced<P>(
  owner: string,
  symmetry: Symmetry<P>,
): asserts symmetry is TracedSymmetry<P> {
  const { name, trace, context, traceContext } = symmetry;
  if (trace === undefined) {
    throw new OptionError(
      `${owner} needs the action of "${name}" as a traced function, \`trace(params, T, batch)\`, beside \`act\`: a teleport is one program. ` +
        "Write with the functions of isoloss/ops what `act` does with arrays, such as trace: ({ a, b }, [t]) => ({ a: mul(exp(t), a), b: div(b, exp(t)) }).",
    );
  }
  if (context !== undefined && traceContext === undefined) {
    throw new OptionError(
      `${owner} needs the context of "${name}" as a traced function, \`traceContext(params, batch)\`, beside \`context\`: ` +
        "it returns the same arrays as tensors, and whether they are certain: { context, isCertain }.",
    );
  }
}

/** A tree transformed along the actions of elements one after the other: see `Symmetry.pushForward`. */
export async function pushed<P>(
  symmetry: Symmetry<P>,
  tree: P,
  elements: readonly (readonly NdArray[])[],
  { power, start, batch }: { readonly power: 1 | 2; readonly start: P; readonly batch: Batch },
): Promise<P | Refusal> {
  let [along, from]: [P | Refusal, P | Refusal] = [tree, start];
  for (const T of elements) {
    along = (await symmetry.pushForward?.(along, T, power, from, batch)) ?? along;
    if (isRefusal(along) || T === elements[elements.length - 1]) return along;
    from = await symmetry.act(from, T, batch);
    if (isRefusal(from)) return from;
  }
  return along;
}

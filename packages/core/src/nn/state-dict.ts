import { astype, dtypeOf, isNdArray, type NdArray } from "../array.js";
import { DataError } from "../errors.js";
import { formatShape, sameShape } from "../graph/tensor.js";
import { type OptionsOf, optionTable, text } from "../options.js";
import { flatten, unflatten } from "../tree.js";

export interface StateDictOptions extends OptionsOf<typeof stateDictOptions> {}

const stateDictOptions = optionTable("fromStateDict", {
  /** What all names begin with, such as `model.`; default whichever of none, `model.` and `module.` fits. */
  prefix: text("what all names begin with").otherwise("none, model. or module., whichever fits"),
});

const prefixes = ["", "model.", "module."];

/** As many names are in an error. */
const mostNamed = 5;

/**
 * A tree whose arrays are those of a PyTorch state_dict under the same dotted paths, such as the tensors of a safetensors file.
 *
 * Parameters and state of the models here have PyTorch's names, so that each is filled from the same tensors. Tensors that the tree
 * has no place for are left out; numbers become those of the tree's precision.
 *
 * @param tree of the wanted paths and shapes, such as `params` or `state` from `init`
 * @param tensors by name
 * @throws DataError naming what is missing, or has another shape; OptionError
 *
 * @example
 * const model = { fc: { weight: zeros([1, 2]) } };
 * fromStateDict(model, { "model.fc.weight": ones([1, 2]) }).fc.weight.data; // 1, 1
 */
export function fromStateDict<T>(
  tree: T,
  tensors: Readonly<Record<string, NdArray>>,
  options: StateDictOptions = {},
): T {
  const { prefix: given } = stateDictOptions.read(options);
  const { leaves, paths, def } = flatten<NdArray>(tree, isNdArray);
  const found = (prefix: string) => paths.filter((path) => Object.hasOwn(tensors, `${prefix}${path}`)).length;
  const prefix = given ?? prefixes.reduce((best, one) => (found(one) > found(best) ? one : best));
  const wrong = paths.flatMap((path, i) => {
    const name = `${prefix}${path}`;
    if (!Object.hasOwn(tensors, name)) return [`"${name}" is missing`];
    const [has, wants] = [tensors[name].shape, leaves[i].shape];
    return sameShape(has, wants) ? [] : [`"${name}" is ${formatShape(has)} instead of ${formatShape(wants)}`];
  });
  if (wrong.length > 0) {
    const more = wrong.length > mostNamed ? `; and ${wrong.length - mostNamed} more` : "";
    throw new DataError(
      `The tensors do not fit the model: ${wrong.slice(0, mostNamed).join("; ")}${more}. ` +
        "Take the state_dict of the same network, or set prefix where its names begin with something else.",
    );
  }
  const filled = paths.map((path, i) => astype(tensors[`${prefix}${path}`], dtypeOf(leaves[i])));
  return unflatten(def, filled) as T;
}

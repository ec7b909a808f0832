import type { Atom } from "./atoms.js";
import type { ParameterAxis } from "./descriptors.js";
import type { Layout, ParameterRef } from "./layout.js";

/** A slot of a parameter, by its numbers in a layout. */
export interface ParameterSlot {
  readonly parameter: number;
  readonly slot: number;
  readonly atom: Atom;
}

/** The slots of all parameters, in order. */
export function parameterSlots({ parameters, slotsOf }: Layout): ParameterSlot[] {
  return parameters.flatMap(({ tensor }, parameter) =>
    slotsOf(tensor).map(({ atom }, slot): ParameterSlot => ({ parameter, slot, atom })),
  );
}

const nameOf = ({ path, part }: ParameterRef): Pick<ParameterAxis, "path" | "part"> =>
  part ? { path, part } : { path };

/** A shape of a parameter in which each of some slots is an axis of its own, and the numbers of these axes. */
function viewOf(
  layout: Layout,
  parameter: number,
  chosen: readonly number[],
): { view: number[]; axes: number[] } {
  const { tensor } = layout.parameters[parameter];
  const slots = layout.slotsOf(tensor);
  const view: number[] = [];
  const places = new Map<number, number>();
  tensor.shape.forEach((size, d) => {
    const own = [...slots.keys()].filter((s) => slots[s].axis === d);
    if (!own.some((s) => chosen.includes(s))) {
      view.push(size);
      return;
    }
    let rest = 1;
    const close = () => {
      if (rest > 1) view.push(rest);
      rest = 1;
    };
    for (const s of own) {
      if (chosen.includes(s)) {
        close();
        places.set(s, view.length);
        view.push(slots[s].atom.size);
      } else rest *= slots[s].atom.size;
    }
    close();
  });
  return { view, axes: chosen.map((s) => places.get(s) as number) };
}

/** The parameter axis of a slot, with copies of its units along the axes of other slots. */
export function parameterAxisOf(
  layout: Layout,
  { parameter, slot }: ParameterSlot,
  copySlots: readonly number[] = [],
): ParameterAxis {
  const { view, axes } = viewOf(layout, parameter, [slot, ...copySlots]);
  const [axis, ...copyAxes] = axes;
  return {
    ...nameOf(layout.parameters[parameter]),
    view,
    axis,
    ...(copyAxes.length > 0 ? { copyAxes } : {}),
  };
}

/** A whole parameter as one unit. */
export function wholeAxis(parameter: ParameterRef): ParameterAxis {
  return { ...nameOf(parameter), view: [1, ...parameter.tensor.shape], axis: 0 };
}

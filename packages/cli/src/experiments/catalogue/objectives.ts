import { decrease, type Objective, type Symmetry } from "isoloss";
import { objectives, orbitObjectives } from "isoloss/teleport";
import { type Entry, fromOptions, makeNamed, type Named, namedSchema } from "./named.js";
import type { Tree } from "./problems.js";
import { makeSymmetry, ownSymmetryOption, type Subject, type TeleportContext } from "./symmetries.js";

type ObjectiveEntry = Entry<TeleportContext, Objective>;

/** An objective of a symmetry, which is made for the parameters that the objective is compiled for. */
function onOrbit({ make, ...row }: (typeof orbitObjectives)[keyof typeof orbitObjectives]): ObjectiveEntry {
  const create = make as (symmetry: Symmetry<Tree>, options: unknown) => Objective;
  return {
    ...row,
    own: ownSymmetryOption,
    make({ symmetry, ...options }, context) {
      const symmetryOf = makeSymmetry(symmetry as Named | undefined, context);
      return (loss) => (params, batch, memory) => {
        const subject = { loss, params, batch } as unknown as Subject;
        return create(symmetryOf(subject), options)(loss)(params, batch, memory);
      };
    },
  };
}

/** All objectives of the library by name: what a teleport raises. */
export const objectiveRegistry: Readonly<Record<string, ObjectiveEntry>> = {
  ...(fromOptions<Objective>(objectives) as unknown as Record<string, ObjectiveEntry>),
  decrease: {
    ...objectives.decrease,
    make: (options, { optimizer }) => decrease({ optimizer, ...options }),
  },
  ...Object.fromEntries(Object.entries(orbitObjectives).map(([name, row]) => [name, onOrbit(row)])),
};

export const objectiveSchema = namedSchema("objective", objectiveRegistry);

export const makeObjective = (named: Named, context: TeleportContext): Objective =>
  makeNamed(objectiveRegistry, named, context);

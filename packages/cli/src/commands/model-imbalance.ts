import { resolve } from "node:path";
import { discoveryOf, type StoppingOperator } from "../model/discovery.js";
import { groupsText, type ImbalanceFigures, imbalanceFigures } from "../model/imbalance.js";
import { readModelFile } from "../model/read-model.js";
import type { Sizes } from "../model/sizes.js";

export interface ImbalanceOptions {
  readonly size: Sizes;
  readonly json: boolean;
}

/** The document of `isoloss model imbalance --json`. */
export interface ImbalanceOfModel extends ImbalanceFigures {
  readonly file: string;
  readonly sizes: Sizes;
  readonly stops: readonly StoppingOperator[];
}

/** `isoloss model imbalance`: how unevenly a model's weights are scaled, and whether that matters. */
export async function imbalance(path: string, { size, json }: ImbalanceOptions): Promise<void> {
  const discovery = discoveryOf(await readModelFile(path), { sizes: size });
  const figures = imbalanceFigures(discovery);
  const { sizes } = discovery;
  const stops = discovery.stops();
  if (json) {
    const document: ImbalanceOfModel = { file: resolve(path), sizes, stops, ...figures };
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  process.stdout.write(`${groupsText(figures, stops)}\n\n${figures.advice}\n`);
}

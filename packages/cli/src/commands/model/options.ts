// Options that several commands about models have.
import { Option } from "commander";
import { dataOptions } from "../../model/data-options.js";
import { sizeOption } from "../../model/sizes.js";
import { flag, flagOff, json, type OptionRow, value } from "../../option-rows.js";
import { nonNegativeNumber } from "../../parse.js";

export const outOption: OptionRow<string> = () => [
  new Option("-o, --out <file>", "the new file; never the one that is read").makeOptionMandatory(),
];

/** Of a command that writes a model. */
export const writing = { out: outOption, force: flag("replace an existing file") };

export const tolerance = value(
  "<number>",
  "largest difference, relative to an output's largest value; default 0.0001, of weights in float16 0.0049, in bfloat16 0.039",
  nonNegativeNumber,
);

export const quiet = flag("no lines of progress");

/** Of a command that writes a model which computes the same. */
export const sameOutput = {
  ...writing,
  tolerance,
  verify: flagOff("write without the comparison, of a model that isoloss cannot run"),
  json: json(),
};

/** The page of `--report`. */
export const report = (about: string): OptionRow<string | undefined> =>
  value("<page>", `one HTML page about ${about}`);

/** Of a command that measures a change of what a model computes. */
export const measuring = (about: string) => ({
  ...dataOptions,
  size: sizeOption,
  report: report(about),
  quiet,
  json: json(),
});

/** Of a command that moves a model along its symmetries. */
export const moving = (about: string) => ({
  heldOut: value("<path>", "inputs to compare the models on; default random numbers"),
  report: report(about),
  ...dataOptions,
  size: sizeOption,
  ...sameOutput,
});

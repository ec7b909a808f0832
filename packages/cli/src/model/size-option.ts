import { Option } from "commander";
import { collectSize } from "./sizes.js";

/** `--size NAME=N`, of axes that a file leaves open. */
export const sizeOption = (): Option =>
  new Option("--size <name=n>", "a size that the file leaves open; may be given several times")
    .argParser(collectSize)
    .default({}, "that of the data; without data 4 of a first axis, else 32");

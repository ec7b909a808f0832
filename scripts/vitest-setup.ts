import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
// A module of its own: it is read once for all files of a process, this one for each.
import "./equal-arrays.js";

// Properties are tested with new inputs on each run, except where a failure must repeat.
fc.configureGlobal({ numRuns: randomCases(100), ...(process.env.CI ? { seed: 34 } : {}) });

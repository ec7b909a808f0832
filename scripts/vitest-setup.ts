import fc from "fast-check";

// Properties are tested with new inputs on each run, except where a failure must repeat.
if (process.env.CI) fc.configureGlobal({ seed: 34 });

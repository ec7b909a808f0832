import { derivatives, rosenbrock, trainAndTeleport } from "./cases.js";

Object.assign(globalThis, { cases: { derivatives, rosenbrock, trainAndTeleport } });

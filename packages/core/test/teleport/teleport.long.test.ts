import { teleportRows } from "../symmetry/symmetries.js";
import { expectIndependentMeasurement } from "./teleport-support.js";

expectIndependentMeasurement(teleportRows.slice(4));

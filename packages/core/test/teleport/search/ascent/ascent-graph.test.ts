import { expectGradients, places } from "./ascent-graph-support.js";

expectGradients(places.slice(0, 4));

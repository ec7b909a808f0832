// Loaded together when one is asked for: the screen begins with a function of the paper that needs neither.
export { quadratic } from "isoloss/problems";
export { ownProblem } from "../../formula/own.js";

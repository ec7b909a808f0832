// Loaded together when a run asks for one: the functions with a group begin with the best angle along their orbit.
export { gradientAscent, levelSet, randomSearch } from "isoloss/teleport";

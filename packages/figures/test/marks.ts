import { type Element, parseXml } from "isoloss-test-support/figures/well-formed";
import type { FigureOptions } from "../src/frame.js";
import { svgText } from "../src/svg.js";

/** A figure's text, after a check that it is well-formed and has no number that is none. */
export function textOf<T>(
  figure: (data: T, options: FigureOptions) => SVGSVGElement,
  data: T,
  options: FigureOptions = {},
): string {
  const text = svgText(figure(data, options));
  parseXml(text);
  const coordinates = text.replaceAll(/>[^<]*</g, "><");
  if (/NaN|undefined|Infinity/.test(coordinates)) throw new Error(`Not a number in ${coordinates}`);
  return text;
}

/** Elements of a name with attributes of those values. */
export function elementsOf(
  svg: string,
  name: string,
  attributes: Record<string, string | RegExp> = {},
): Element[] {
  return parseXml(svg).filter(
    (e) =>
      e.name === name &&
      Object.entries(attributes).every(([key, value]) => {
        const own = e.attributes[key] ?? "";
        return typeof value === "string" ? own === value : value.test(own);
      }),
  );
}

/** Points of a path of straight lines. */
export const pointsOf = (d: string): [number, number][] =>
  [...d.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);

/** The texts of a figure in order. */
export const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

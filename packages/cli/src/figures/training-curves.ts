import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** One run as the figure needs it. */
export interface Curve {
  readonly name: string;
  /** Loss of each step. */
  readonly loss: readonly number[];
  /** Seconds of computing up to the end of each step, teleports included. */
  readonly seconds: readonly number[];
  /** Steps before which parameters were teleported. */
  readonly teleports: readonly number[];
}

interface Sample {
  readonly run: string;
  readonly step: number;
  readonly seconds: number;
  readonly loss: number;
}

/** A running mean: what a reader looks for in the noise of mini-batches. */
function smoothed(values: readonly number[], window: number): number[] {
  let sum = 0;
  return values.map((v, i) => {
    sum += v - (i >= window ? values[i - window] : 0);
    return sum / Math.min(i + 1, window);
  });
}

function samplesOf({ name, loss, seconds }: Curve, window: number): Sample[] {
  const means = smoothed(loss, window);
  return means.map((value, step) => ({ run: name, step, seconds: seconds[step], loss: value }));
}

/**
 * Training loss against steps and against seconds, one curve a run, with a mark at each teleport: an SVG document.
 *
 * @param curves runs of the same experiment
 * @param options `window` of the running mean in steps; default 20
 */
export function trainingCurves(curves: readonly Curve[], { window = 20 }: { window?: number } = {}): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const samples = curves.flatMap((c) => samplesOf(c, window));
  const jumps = curves.flatMap((c) => {
    const all = samplesOf(c, window);
    return c.teleports.filter((t) => t < all.length).map((t) => all[t]);
  });
  const panel = (x: "step" | "seconds", label: string) =>
    Plot.plot({
      document: document as unknown as Document,
      width: 560,
      height: 380,
      marginLeft: 56,
      marginBottom: 40,
      grid: true,
      style: { background: "white", color: "#222", fontFamily: "system-ui, sans-serif", fontSize: "12px" },
      x: { label },
      y: {
        type: "log",
        ticks: 6,
        tickFormat: (value: number) => String(value),
        label: `training loss (mean of ${window} steps)`,
      },
      color: { domain: curves.map((c) => c.name), scheme: "Observable10" },
      marks: [
        Plot.lineY(samples, { x, y: "loss", stroke: "run", strokeWidth: 1.8 }),
        Plot.dot(jumps, { x, y: "loss", fill: "run", r: 4, stroke: "white" }),
      ],
    });
  const panels = [panel("step", "step"), panel("seconds", "seconds, teleports included")];
  const legend = curves
    .map(({ name }, i) => {
      const colour = panelColours[i % panelColours.length];
      return `<circle cx="${30 + 230 * i}" cy="22" r="6" fill="${colour}"/><text x="${42 + 230 * i}" y="26">${escapeText(name)}</text>`;
    })
    .join("");
  const bodies = panels.map((svg, i) => {
    svg.setAttribute("x", String(570 * i));
    svg.setAttribute("y", "40");
    return svg.outerHTML;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="1140" height="430" viewBox="0 0 1140 430" font-family="system-ui, sans-serif" font-size="13">` +
    `<rect width="1140" height="430" fill="white"/>${legend}${bodies.join("")}</svg>\n`
  );
}

/** The first colours of the scheme that the panels use. */
const panelColours = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951"];

function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c] as string);
}

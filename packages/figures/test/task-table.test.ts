import { taskTableData } from "isoloss-test-support/figures/examples";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { describe, expect, it } from "vitest";
import { taskTable } from "../src/task-table.js";

const { columns, rows } = taskTableData;

describe("taskTable", () => {
  const html = taskTable(taskTableData);

  it("is a table with headings for columns, groups and rows", () => {
    const scopes = parseXml(html)
      .filter(({ name }) => name === "th")
      .map(({ attributes }) => attributes.scope);
    expect(scopes).toEqual(["col", "colgroup", "colgroup", "col", "col", "col", "row", "row", "row"]);
    expect(html).toContain("<caption><span>Two tasks</span></caption>");
    expect(html).toContain("COST &amp; &lt;LS&gt;");
    expect(html).toContain('aria-label="higher is better"');
  });

  it("sets the best values of each direction off, and none without a direction", () => {
    expect([...html.matchAll(/<strong>(.*?)<\/strong>/g)].map(([, text]) => text)).toEqual([
      "0.31",
      "0.020",
      "0.31 ± 0.01",
      "0.020",
    ]);
  });

  it("writes spreads, gaps, divergence and no negative zero", () => {
    expect(html).toContain('<tr><th scope="row">CAGrad</th><td>diverged</td><td>–</td><td>0</td></tr>');
  });

  it("finds values best together only where they print alike", () => {
    const finer = taskTable({
      columns: [{ ...columns[0], digits: 3 }],
      rows: rows.slice(0, 2).map((r) => ({ ...r, values: r.values.slice(0, 1) })),
    });
    expect([...finer.matchAll(/<strong>(.*?)<\/strong>/g)].map(([, text]) => text)).toEqual([
      "0.314 ± 0.010",
    ]);
  });

  it("writes the same file as ever", async () => {
    await expect(html).toMatchFileSnapshot("../../../docs/gallery/task-table.html");
  });

  it.each([
    [{ columns: [], rows }, /columns is empty/],
    [{ columns, rows: [] }, /rows is empty/],
    [{ columns, rows: [{ name: "LS", values: [1] }] }, /"LS" has 1 values for 3 columns/],
    [{ columns, rows: [rows[0], rows[0]] }, /two entries are called "LS"/],
    [{ columns: [{ name: "a", digits: -1 }], rows: [{ name: "b", values: [1] }] }, /digits of "a"/],
    [{ columns: [{ name: "a", direction: "up" as never }], rows: [{ name: "b", values: [1] }] }, /got "up"/],
  ])("refuses what is no table: %#", (data, message) => {
    expect(() => taskTable(data)).toThrow(message);
  });
});

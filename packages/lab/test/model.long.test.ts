import { readFileSync } from "node:fs";
import { symmetriesOf } from "isoloss";
import { imbalance } from "isoloss/moves";
import { add, mean, square } from "isoloss/ops";
import { compareModels, createParamsComparison, fromOnnx, modelError, toHalf } from "isoloss-onnx";
import { executablePath } from "isoloss-test-support/browser/site";
import { transformer } from "isoloss-test-support/model-file/transformer";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { randomBatch } from "../src/screens/model/random-batch.js";
import { Session } from "../src/screens/model/session.js";
import { violationsIn } from "./axe.js";
import {
  chain,
  fileOf,
  files,
  heavy,
  layers,
  node,
  unknownOperator,
  withDataBeside,
} from "./screens/model-files.js";
import { hashOf, inspected, settled, titled, useLab } from "./support.js";

interface Shown {
  readonly state: { readonly sample: string; readonly dir: string };
  readonly file: string | undefined;
  readonly graph: Session["graph"];
  readonly layout: { readonly width: number; readonly height: number };
  readonly found:
    | { readonly groups: readonly { readonly text: string }[]; readonly total: string }
    | undefined;
  readonly position:
    | { readonly slides: readonly number[]; readonly moved: readonly string[]; readonly canUndo: boolean }
    | undefined;
  readonly ort:
    | { readonly examples: number; readonly outputs: readonly { readonly relative: number }[] }
    | undefined;
  readonly figures: {
    readonly now: { readonly norm: number; readonly factor: number; readonly sigma: number };
  };
  readonly check: {
    readonly seed: number;
    readonly isInOrt: boolean;
    readonly own: readonly { readonly relative: number }[];
    readonly outputs: readonly { readonly relative: number; readonly shape: readonly number[] }[];
  };
  readonly quantized: { readonly table: readonly { readonly sqnr: number }[]; readonly recommended: number };
  readonly halved: { readonly table: readonly { readonly sqnr: number }[] };
  readonly problem: string;
  readonly turns: number;
  readonly selected: number | undefined;
}

describe.skipIf(!executablePath)(titled("the model screen"), () => {
  const lab = useLab();
  const open = (address = "#/model", media = {}) => lab.open(address, { media });
  const shown = (page: Page) => inspected<Shown>(page);
  /** Does something and waits until the page says that it is done. */
  const after = async (page: Page, act: () => Promise<unknown>) => {
    const { turns } = await shown(page);
    await act();
    await page.waitForFunction((before) => {
      const { isolossLab } = globalThis as unknown as { isolossLab: { inspect(): { turns: number } } };
      return isolossLab.inspect().turns > before;
    }, turns);
    await settled(page);
  };
  const drop = (page: Page, name: string, bytes: Uint8Array) =>
    after(page, () =>
      page.evaluate(
        ([own, text]) => {
          const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([data], own));
          document.body.dispatchEvent(
            new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }),
          );
        },
        [name, Buffer.from(bytes).toString("base64")] as const,
      ),
    );
  const saved = async (page: Page, button: string): Promise<readonly [string, Uint8Array]> => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: button }).click(),
    ]);
    return [download.suggestedFilename(), new Uint8Array(readFileSync(await download.path()))];
  };

  it("lists a hundred groups of a kind at first, as many more when asked, and of another model a hundred again", async () => {
    const page = await open();
    const kind = page.locator(".groups details").first();
    const listed = async () => ({
      all: Number(/\((\d+)\)/.exec((await kind.locator("summary").first().textContent()) ?? "")?.[1]),
      shown: await kind.locator(":scope > ul > li").count(),
      more: await kind.getByRole("button", { name: /^Show / }).allTextContents(),
    });
    await drop(page, "long.onnx", layers(131));
    expect(await listed()).toEqual({ all: 130, shown: 100, more: ["Show 30 more"] });
    await kind.getByRole("button", { name: "Show 30 more" }).click();
    expect(await listed()).toEqual({ all: 130, shown: 130, more: [] });
    await drop(page, "other.onnx", layers(121));
    expect(await listed()).toEqual({ all: 120, shown: 100, more: ["Show 20 more"] });
  });

  it("opens a file that is dropped, moves its weights and saves it: ONNX Runtime computes the same", async () => {
    const page = await open();
    const bytes = files["ResNet, folded"]();
    await drop(page, "resnet.onnx", bytes);
    const session = new Session(bytes);
    const expected = await session.find();
    const { found, file } = await shown(page);
    expect(file).toBe("resnet.onnx");
    expect(found?.total).toBe(expected.total);
    expect(found?.groups.map(({ text }) => text)).toEqual(expected.groups.map(({ text }) => text));

    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    expect(await page.locator(".verdict").textContent()).toBe("✓ kept");
    const { position, check } = await shown(page);
    expect(position?.moved.length).toBeGreaterThan(3);
    expect(check.outputs[0].relative).toBeGreaterThan(0);
    const [name, moved] = await saved(page, "Save the model");
    expect(name).toBe("resnet-moved.onnx");
    expect(moved.length).toBe(bytes.length);
    const { sizes } = session.summary;
    for (const runtime of ["onnx", "javascript"] as const) {
      expect((await compareModels(bytes, moved, { sizes, runtime })).largest).toBeLessThan(1e-4);
    }
    const [own, params] = [fromOnnx(bytes).params, fromOnnx(moved).params];
    const changed = Object.keys(own).filter(
      (weight) => own[weight].data.join() !== params[weight].data.join(),
    );
    expect(changed.sort()).toEqual([...(position?.moved ?? [])].sort());
  });

  it("shows the numbers of the library for weights that were moved", async () => {
    const page = await open("#/model?sample=convnet");
    await page.getByLabel("leave one weight out").check();
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    const { check, figures } = await shown(page);
    const [, bytes] = await saved(page, "Save although outputs differ");
    const model = fromOnnx(files.convnet());
    const { params } = fromOnnx(bytes);
    const { outputs } = await (await createParamsComparison(model)).compare(params, { seed: check.seed });
    expect(outputs[0].relative).toBeGreaterThan(1e-3);
    expect(check.outputs[0].relative / outputs[0].relative).toBeCloseTo(1, 5);
    const numbers = Object.values(params).flatMap(({ data }) => Array.from(data, Number));
    expect(figures.now.norm / Math.hypot(...numbers)).toBeCloseTo(1, 6);
    const input = randomBatch(model.inputs, {}, 1);
    const loss = (p: never, x: never) =>
      Object.values(model.apply(p, x))
        .map((y) => mean(square(y)))
        .reduce(add);
    const { factor, sigma } = imbalance(params, symmetriesOf(loss as never, params, input as never).found);
    expect(figures.now.factor / (factor as number)).toBeCloseTo(1, 6);
    expect(figures.now.sigma / Math.exp(sigma as number)).toBeCloseTo(1, 6);
  });

  it("orders channels with their running statistics, folds batch norms on request, and says what stops symmetries", async () => {
    const page = await open();
    await drop(page, "mobile.onnx", files.MobileNet());
    const symmetries = page.getByRole("group", { name: "Symmetries" });
    expect((await symmetries.locator("summary").allTextContents()).join()).toContain("Permutations");
    await symmetries.getByText("What stops symmetries").click();
    expect(await symmetries.textContent()).toContain(
      "Scalings of units end at BatchNormalization (8 nodes).",
    );
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    expect(await page.locator(".verdict").textContent()).toBe("✓ kept");
    const moved = (await shown(page)).position?.moved ?? [];
    expect(moved.filter((name) => name.endsWith("running_var"))).toHaveLength(8);
    const [, bytes] = await saved(page, "Save the model");
    expect((await compareModels(files.MobileNet(), bytes)).largest).toBeLessThan(1e-4);

    await after(page, () => page.getByRole("button", { name: "Fold batch norms" }).click());
    await expect.poll(async () => (await shown(page)).file).toBe("mobile-folded.onnx");
    await settled(page);
    expect(await page.locator(".preset").textContent()).toContain("8 of 8 batch norms folded");
    expect(await page.getByRole("button", { name: "Fold batch norms" }).count()).toBe(0);
    expect((await shown(page)).graph.nodes.map(({ op }) => op)).not.toContain("BatchNormalization");
  });

  it("says that outputs are not kept where a weight was left out, and goes back", async () => {
    const page = await open("#/model?sample=convnet");
    await page.getByLabel("leave one weight out").check();
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    expect(await page.locator(".verdict").textContent()).toBe("✗ not kept");
    expect(await page.locator(".status").textContent()).toContain("NOT kept");
    await after(page, () => page.getByRole("button", { name: "Back to the file" }).click());
    expect(await page.locator(".verdict").textContent()).toBe("✓ kept");
    expect((await shown(page)).position?.moved).toEqual([]);
  });

  it("slides along one symmetry by keys, lights its weights up, and undoes the move", async () => {
    const page = await open("#/model?sample=convnet");
    const slider = page.getByRole("slider", { name: "Along a random direction, 8 units" });
    await slider.focus();
    await after(page, async () => {
      for (let k = 0; k < 5; k++) await page.keyboard.press("ArrowRight");
    });
    expect((await shown(page)).position?.slides[0]).toBeCloseTo(0.05, 10);
    expect(await page.locator(".legend").textContent()).toContain("takes it back");
    expect(await page.locator(".verdict").textContent()).toBe("✓ kept");
    for (let k = 0; k < 5 && (await shown(page)).position?.canUndo; k++) {
      await after(page, () => page.getByRole("button", { name: "Undo" }).click());
    }
    expect((await shown(page)).position).toMatchObject({ moved: [], canUndo: false });
    for (const name of ["Shuffle", "Reverse", "Swap"]) {
      await after(page, () => page.getByRole("button", { name, exact: true }).first().click());
      expect(await page.locator(".verdict").textContent()).toBe("✓ kept");
    }
  });

  it("shows the graph of a file with unknown operators, says what stops it, and stays usable", async () => {
    const page = await open();
    await drop(page, "swirl.onnx", unknownOperator());
    const { problem } = new Session(unknownOperator()).summary;
    expect(await page.getByRole("alert").textContent()).toBe(problem);
    expect(await page.locator(".summary").textContent()).toContain("Not read: com.example.Swirl (1 node)");
    expect((await shown(page)).graph.nodes).toHaveLength(5);
    expect(await page.locator("canvas").count()).toBe(1);

    const damaged = files.mlp().slice(0, 400);
    await drop(page, "damaged.onnx", damaged);
    let message = "";
    try {
      new Session(damaged);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(await page.getByRole("alert").textContent()).toBe(
      `damaged.onnx is not opened: ${message} The screen still shows swirl.onnx.`,
    );
    await drop(page, "large.onnx", withDataBeside("large.onnx.data"));
    expect(await page.getByRole("alert").textContent()).toMatch(
      /^large\.onnx is not opened: Its weights are in another file, large\.onnx\.data, .* The screen still shows swirl\.onnx\.$/,
    );

    await after(page, () =>
      page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(65 * 2 ** 20)], "large.onnx"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      }),
    );
    expect(await page.getByRole("alert").textContent()).toMatch(
      /^large\.onnx has 68\.2 MB; files of up to 64 MB/,
    );
    await after(page, () => page.getByLabel("Sample").selectOption("attention"));
    expect(await page.getByRole("alert").count()).toBe(0);
    expect((await shown(page)).found?.total).toMatch(/^The same function along /);
  });

  it("says that a size which the file leaves open may be wrong, and takes another", async () => {
    const page = await open();
    await drop(page, "open.onnx", fileOf([node("MatMul", ["x", "w"], "y")], [2, "width"]));
    expect((await shown(page)).problem).toMatch(/ The file leaves width open: other sizes may do\.$/);
    expect(await page.getByRole("group", { name: "Symmetries" }).textContent()).toContain(
      "the model does not run",
    );
    await after(page, async () => {
      await page.getByLabel("width").fill("3");
      await page.keyboard.press("Enter");
    });
    expect(await shown(page)).toMatchObject({ problem: "", check: { outputs: [{ shape: [2, 3] }] } });
  });

  it("shows a file of 2001 nodes as a table alone, and one of 1990 as a graph", async () => {
    const page = await open();
    await drop(page, "long.onnx", chain(1999));
    await expect
      .poll(() => page.locator(".undrawn").textContent())
      .toBe('The graph has 2,001 nodes, and up to 2000 are drawn. The table "All nodes" has all of them.');
    await page.getByText("All nodes (2,001)").click();
    await expect.poll(() => page.locator("tbody tr th button").count()).toBe(200);
    await page.getByRole("button", { name: "Next" }).click();
    await expect.poll(() => page.locator(".pages").textContent()).toContain("201 to 400 of 2,001");
    await drop(page, "drawn.onnx", chain(1988));
    await expect.poll(() => page.locator("canvas").count()).toBe(1);
    expect(await page.locator(".undrawn").count()).toBe(0);
    // All of it, drawn again and again: our share of a frame.
    await page.getByRole("button", { name: "All", exact: true }).first().click();
    await expect.poll(async () => (await shown(page)).graph.nodes.length).toBe(1990);
    // Wrapped: the whole view is no strip.
    const { width, height } = (await shown(page)).layout;
    expect(Math.max(width / height, height / width)).toBeLessThan(3);
  });

  it("is used by keys alone: finds nodes, goes along the graph and moves", async () => {
    const page = await open("#/model?sample=convnet");
    await page.keyboard.press("/");
    await page.keyboard.type("relu");
    await page.keyboard.press("Enter");
    const op = async () => {
      const { graph, selected = -1 } = await shown(page);
      return graph.nodes[selected]?.op;
    };
    expect(await op()).toBe("Relu");
    const first = (await shown(page)).selected;
    await page.keyboard.press("Enter");
    expect((await shown(page)).selected).not.toBe(first);
    await page.getByRole("region", { name: "Node" }).getByRole("button", { name: "MaxPool" }).focus();
    await page.keyboard.press("Enter");
    expect(await op()).toBe("MaxPool");
    const graph = page.getByRole("region", { name: /^Graph:/ });
    await graph.focus();
    const top = () => graph.evaluate((element) => element.scrollTop);
    await page.keyboard.press("0");
    await page.keyboard.press("+");
    await page.keyboard.press("+");
    const before = await top();
    await page.keyboard.press("ArrowDown");
    await expect.poll(top).toBeGreaterThan(before);
    await page.keyboard.press("Escape");
    expect((await shown(page)).selected).toBeUndefined();
    // A group's weights are lit while its controls have the focus, and not after.
    const lit = page.locator(".legend", { hasText: "takes it back" });
    await page.locator(".groups .name").first().focus();
    await lit.waitFor();
    await page.getByRole("button", { name: "Balance norms" }).focus();
    expect(await lit.count()).toBe(0);
    await after(page, () => page.keyboard.press("Enter"));
    expect((await shown(page)).position?.moved.length).toBeGreaterThan(0);
    await after(page, () => page.keyboard.press("u"));
    expect((await shown(page)).position?.moved).toEqual([]);
  });

  it("is moved and zoomed by pointer, wheel and two fingers", async () => {
    const page = await open("#/model?sample=attention");
    const graph = page.getByRole("region", { name: /^Graph:/ });
    const box = await graph.boundingBox();
    if (!box) throw new Error("There is no graph.");
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const scrolled = () => graph.evaluate(({ scrollTop, scrollHeight }) => [scrollTop, scrollHeight]);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, y - 120, { steps: 4 });
    await page.mouse.up();
    await expect.poll(async () => (await scrolled())[0]).toBe(120);
    expect((await shown(page)).selected).toBeUndefined();
    const [, height] = await scrolled();
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -100);
    await page.keyboard.up("Control");
    const heights = async (of: number) => (await scrolled())[1] / of;
    await expect.poll(() => heights(height)).toBeCloseTo(Math.exp(1 / 3), 1);
    const [, larger] = await scrolled();

    const client = await lab.context.newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", apart?: number) =>
      client.send("Input.dispatchTouchEvent", {
        type,
        touchPoints:
          apart === undefined
            ? []
            : [
                { x: x - apart, y, id: 0 },
                { x: x + apart, y, id: 1 },
              ],
      });
    await touch("touchStart", 100);
    for (const apart of [90, 80, 70, 60, 50]) await touch("touchMove", apart);
    await touch("touchEnd");
    await expect.poll(() => heights(larger)).toBeCloseTo(0.5, 1);
  });

  it("quantizes and measures, and saves a file that ONNX Runtime runs with that error", async () => {
    const page = await open("#/model?sample=convnet");
    await after(page, () => page.getByRole("button", { name: "Quantize and measure" }).click());
    await page.getByRole("button", { name: "Save the recommended file" }).waitFor();
    const { quantized } = await shown(page);
    const sqnr = quantized.table[quantized.recommended].sqnr;
    const [name, bytes] = await saved(page, "Save the recommended file");
    expect(name).toBe("convnet-int8.onnx");
    const { inputs } = fromOnnx(files.convnet());
    // The inputs that the page judges by, in the runtime's kernels for integers.
    const judged = [6, 7].map((seed) => randomBatch(inputs, {}, seed));
    const measured = await modelError(files.convnet(), bytes, { inputs: judged });
    expect(Math.abs(measured.sqnr - sqnr)).toBeLessThan(1);
  });

  it("shows values before and after a move into float16, and saves a file that ONNX Runtime runs with that error", async () => {
    const page = await open();
    const bytes = transformer({ outlier: 795, width: 16, layers: 1, length: 4 });
    await drop(page, "stream.onnx", bytes);
    await after(page, () => page.getByRole("button", { name: "Convert and measure" }).click());
    const chart = page.getByRole("img", { name: /^magnitude against value/ });
    expect(await chart.getAttribute("aria-label")).toContain("largest after");
    const { table } = (await shown(page)).halved;
    const [name, half] = await saved(page, "Save the file of float16");
    expect(name).toBe("stream-float16.onnx");
    const judged = [2, 3].map((seed) => randomBatch(fromOnnx(bytes).inputs, {}, seed));
    const { sqnr } = await modelError(bytes, half, { inputs: judged });
    expect(sqnr).toBeGreaterThan(table[0].sqnr - 1);
    expect(await violationsIn(page)).toEqual([]);
  });

  it("shows the weights of a node before and after a move, as maps and as ranges", async () => {
    const page = await open("#/model?sample=convnet");
    await page.getByRole("button", { name: "Larger" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("conv");
    await page.keyboard.press("Enter");
    const maps = page.getByRole("region", { name: "Node", exact: true }).getByRole("img");
    await expect.poll(() => maps.count()).toBe(2);
    expect(await maps.first().getAttribute("aria-label")).toMatch(
      /^convs\.0\.weight: 8 x 9 cells, numbers from −/,
    );
    await page.locator("body").click({ position: { x: 4, y: 4 } });
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    await expect.poll(() => maps.count()).toBe(4);
    const pixels = await maps.evaluateAll((all) =>
      (all as HTMLCanvasElement[]).map((own) => own.toDataURL()),
    );
    expect(new Set(pixels).size).toBe(4);
    expect(await page.locator("figcaption", { hasText: /^now: −?[\d.]+ to/ }).count()).toBe(2);
    expect(await violationsIn(page)).toEqual([]);
  });

  it("compares on images of the user's own, too, and says what fits no input", async () => {
    const page = await open("#/model?sample=convnet");
    const png = Buffer.from(
      await page.evaluate(() => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 20, height: 20 });
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        context.fillStyle = "#f80";
        context.fillRect(0, 0, 12, 20);
        return canvas.toDataURL("image/png").split(",")[1];
      }),
      "base64",
    );
    const field = page.getByLabel(/^Your own inputs/);
    const images = ["a", "b", "c", "d"].map((name) => ({
      name: `${name}.png`,
      mimeType: "image/png",
      buffer: png,
    }));
    await after(page, () => field.setInputFiles(images));
    const text = () => page.getByRole("region", { name: "Check", exact: true }).textContent();
    expect(await text()).toContain("a.png, b.png, c.png, d.png: 4 examples");
    expect(await text()).toMatch(/, your inputs\s*0/);
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    const { check } = await shown(page);
    expect(check.own[0].relative).toBeGreaterThan(0);
    expect(check.own[0].relative).toBeLessThan(1e-4);
    await after(page, () =>
      field.setInputFiles([{ name: "x.npy", mimeType: "", buffer: Buffer.from("none") }]),
    );
    expect(await page.getByRole("alert").textContent()).toMatch(/^An \.npy file starts with/);
  });

  it("compares in ONNX Runtime what takes JavaScript long, says at which run it is, and can be stopped", async () => {
    const page = await open();
    const said = page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const line = document.querySelector(".status") as Element;
          new MutationObserver(() => {
            const [text] = /Comparing in ONNX Runtime: run \d of \d/.exec(line.textContent ?? "") ?? [];
            if (text !== undefined) resolve(text);
          }).observe(line, { subtree: true, childList: true, characterData: true });
        }),
    );
    await drop(page, "heavy.onnx", heavy());
    expect(await said).toMatch(/run \d of 2$/);
    const { check } = await shown(page);
    expect([check.isInOrt, check.outputs[0].relative]).toEqual([true, 0]);
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    expect((await shown(page)).check.outputs[0].relative).toBeGreaterThan(0);
    expect(await page.locator(".verdict").textContent()).toBe("✓ kept");
    await page.getByRole("button", { name: "Random move of all" }).click();
    await page.locator(".status", { hasText: /Moving and comparing|Comparing in ONNX/ }).waitFor();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    expect(await page.locator(".status").textContent()).toMatch(/^\s*Stopped/);
  });

  it("has its settings in the address, and takes another size of the batch", async () => {
    const page = await open("#/model?sample=mlp&dir=lr");
    expect(await page.getByLabel("Runs").inputValue()).toBe("lr");
    await after(page, () => page.getByLabel("Sample").selectOption("convnet"));
    expect(await hashOf(page)).toBe("#/model?sample=convnet&dir=lr");
    await after(page, () => page.goBack());
    expect((await shown(page)).state.sample).toBe("mlp");
    await page.getByLabel("batch").fill("3");
    await after(page, () => page.keyboard.press("Enter"));
    expect((await shown(page)).check.outputs[0].shape[0]).toBe(3);
  });

  it.each(["light", "dark"] as const)(
    "has no violation that axe finds where a node is open and outputs are lost: %s",
    async (theme) => {
      const page = await open("#/model?sample=convnet", { colorScheme: theme });
      for (const details of await page.locator("summary").all()) await details.click();
      await page.getByRole("button", { name: "Conv", exact: true }).first().click();
      await page.getByLabel("leave one weight out").check();
      await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
      expect(await page.getByRole("region", { name: "Node", exact: true }).count()).toBe(1);
      expect(await violationsIn(page)).toEqual([]);
    },
  );

  it("runs the file and the moved one in ONNX Runtime, whose WebAssembly is loaded then and not before", async () => {
    const page = await open("#/model?sample=convnet");
    const loaded: string[] = [];
    page.on("request", (request) => loaded.push(request.url()));
    const button = page.getByRole("button", { name: "Run both files in ONNX Runtime" });
    const outputs = async () => {
      await after(page, () => button.click());
      const { ort } = await shown(page);
      expect(ort?.examples).toBe(64);
      return ort?.outputs.map(({ relative }) => relative) ?? [];
    };
    // The file as it came: the same numbers.
    expect(await outputs()).toEqual([0]);
    expect(loaded.filter((url) => url.endsWith(".wasm"))).toHaveLength(1);
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    expect((await shown(page)).ort).toBeUndefined();
    const [moved] = await outputs();
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThan(1e-4);
    // What is no symmetry is seen there, too.
    await page.getByLabel("leave one weight out").check();
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    const [lost] = await outputs();
    expect(lost).toBeGreaterThan(1e-3);
    expect(loaded.filter((url) => url.endsWith(".wasm"))).toHaveLength(1);
  });

  it("runs a file of float16 there with its own types, and allows what rounding to them does", async () => {
    const page = await open("#/model?sample=convnet");
    const { bytes } = await toHalf(files.convnet(), { io: "float16" });
    await drop(page, "half.onnx", bytes);
    await after(page, () => page.getByRole("button", { name: "Random move of all" }).click());
    expect(await page.getByText(/float16 rounds each number by up to 4\.9e-4/).count()).toBe(1);
    await after(page, () => page.getByRole("button", { name: "Run both files in ONNX Runtime" }).click());
    const { ort } = await shown(page);
    expect(ort?.examples).toBe(64);
    for (const { relative } of ort?.outputs ?? []) {
      expect(relative).toBeGreaterThan(0);
      expect(relative).toBeLessThan(10 * 2 ** -11);
    }
  });
});

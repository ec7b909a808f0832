// Against a server that implements the endpoints as MLflow's REST documentation has them.
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MlflowServer } from "../formats/mlflow-server.js";
import { booth, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
let server: MlflowServer;
let url: string;

beforeEach(async () => {
  server = new MlflowServer();
  url = await server.start();
  bench.write("small.yaml", booth);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

describe("MLflow", () => {
  it("gets every run when it ends: settings, records, teleports and results", async () => {
    const { status, stderr } = await bench.run(
      "run",
      "small.yaml",
      "--quiet",
      "--mlflow",
      url,
      "--out",
      "sent",
    );
    expect([status, stderr]).toEqual([0, ""]);
    expect([...server.experiments.keys()]).toEqual(["small"]);
    const [plain, exact] = [...server.runs.values()];
    expect([plain.name, exact.name]).toEqual(["small-plain-0-1", "small-exact-0-1"]);
    expect([plain.status, exact.status]).toEqual(["FINISHED", "FINISHED"]);
    expect(Object.fromEntries(exact.params)).toMatchObject({
      kind: "minimize",
      seed: "0",
      steps: "10",
      "problem.name": "booth",
      "teleport.when.atSteps": "[4]",
    });
    const series = (key: string) => exact.metrics.filter((m) => m.key === key);
    // Booth's function (x + 2y - 7)^2 + (2x + y - 5)^2 by a plain loop from (5, -5) at rate 0.08; its Hessian has the eigenvalues 2
    // and 18, so that the largest ||g||^2 where the loss is L is 2 * 18 * L, on the shortest axis.
    expect(series("loss").map(({ step }) => step)).toEqual(Array.from({ length: 11 }, (_, i) => i));
    expect(series("loss")[4].value).toBeCloseTo(17.948211369895528, 11);
    expect(series("teleport.gradNormSqAfter")).toMatchObject([
      { step: 4, value: expect.closeTo(646.1356093162, 8) },
    ]);
    expect(series("result.teleports.accepted")).toMatchObject([{ step: 10, value: 1 }]);
    const times = series("loss").map(({ timestamp }) => timestamp);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("gets a run later, from the server of the environment, with user and password", async () => {
    await bench.run("run", "small.yaml", "--quiet", "--variant", "plain", "--out", "later");
    vi.stubEnv("MLFLOW_TRACKING_URI", `${url}/`);
    vi.stubEnv("MLFLOW_TRACKING_USERNAME", "me");
    vi.stubEnv("MLFLOW_TRACKING_PASSWORD", "p@ss/word");
    const { stdout, stderr } = await bench.run("export", "later/small-plain-0-1", "--to", "mlflow");
    expect(stderr).toBe("");
    expect(stdout).toBe(`${url}/#/experiments/1/runs/run1\n`);
    expect(server.requests[0].authorization).toBe(`Basic ${Buffer.from("me:p@ss/word").toString("base64")}`);
    const document = await bench.json("export", "later/small-plain-0-1", "--to", "mlflow", "--json");
    expect(document).toEqual({ url, experimentId: "1", runId: "run2" });
  });

  it("loses no run when the server refuses, and says how to send it", async () => {
    server.failures.push({ status: 401, body: '{"error_code":"UNAUTHENTICATED","message":"Who are you?"}' });
    const args = ["run", "small.yaml", "--quiet", "--variant", "plain", "--out", "kept", "--mlflow", url];
    const { status, stdout, stderr } = await bench.run(...args);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^plain +1 +2\.2025 /m);
    expect(stderr).toMatch(/^isoloss: .* refused with status 401: UNAUTHENTICATED: Who are you\?/);
    expect(stderr).toContain(`export ${bench.folder}/kept/small-plain-0-1 --to mlflow --url ${url}\n`);
  });

  it.each(["file:", "file:./"])("takes the address %smlr as a folder below this one", async (beginning) => {
    await bench.run("run", "small.yaml", "--quiet", "--variant", "plain", "--out", "stored");
    const document = await bench.json(
      ...["export", "stored/small-plain-0-1", "--to", "mlflow", "--url", `${beginning}mlr`, "--json"],
    );
    expect(document).toMatchObject({ url: join(bench.folder, "mlr") });
  });

  it("is not looked for where no address is given", async () => {
    vi.stubEnv("MLFLOW_TRACKING_URI", "");
    const { status, stderr } = await bench.run("export", "kept/small-plain-0-1", "--to", "mlflow");
    expect(status).toBe(2);
    expect(stderr).toBe(
      "isoloss: The address of MLflow is missing: give --url, such as http://localhost:5000 or ./mlruns, or set MLFLOW_TRACKING_URI.\n",
    );
  });
});

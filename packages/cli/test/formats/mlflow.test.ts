import { DataError, OptionError } from "isoloss";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startMlflowRun } from "../../src/formats/mlflow.js";
import { MlflowServer } from "./mlflow-server.js";

let server: MlflowServer;
let url: string;

beforeEach(async () => {
  server = new MlflowServer();
  url = await server.start();
});

afterEach(() => server.stop());

const start = (options: object = {}) =>
  startMlflowRun({ url, experiment: "größe & co", runName: "toy-0-1", pause: 1, startTime: 5, ...options });

it("refuses a user or password with a % that encodes nothing", async () => {
  const wrong = url.replace("//", "//50%off:secret@");
  await expect(start({ url: wrong })).rejects.toThrow(OptionError);
  await expect(start({ url: wrong })).rejects.toThrow(/%25/);
  await expect(start({ url: wrong })).rejects.not.toThrow(/secret/);
});

it("makes experiment and run, logs settings and metrics, and ends the run", async () => {
  const run = await start({ tags: { "isoloss.version": "0.1.0" } });
  await run.logParams({
    steps: "10",
    "optimizer.name": "sgd",
  });
  await run.logMetrics([
    { key: "loss", value: 0.5, timestamp: 7, step: 1 },
    { key: "loss", value: Number.NaN, timestamp: 8, step: 2 },
    { key: "loss", value: Number.NEGATIVE_INFINITY, timestamp: 9, step: 3 },
  ]);
  await run.end("FINISHED", 11);
  expect([...server.experiments]).toEqual([["größe & co", "1"]]);
  const stored = server.runs.get(run.runId);
  expect(stored).toMatchObject({
    experimentId: "1",
    name: "toy-0-1",
    startTime: 5,
    endTime: 11,
    status: "FINISHED",
    tags: [{ key: "isoloss.version", value: "0.1.0" }],
    metrics: [
      { key: "loss", value: 0.5, timestamp: 7, step: 1 },
      { key: "loss", value: "NaN", timestamp: 8, step: 2 },
      { key: "loss", value: "-Infinity", timestamp: 9, step: 3 },
    ],
  });
  expect(Object.fromEntries(stored?.params ?? [])).toEqual({
    steps: "10",
    "optimizer.name": "sgd",
  });
});

it("takes an experiment that is there, or that another client makes at that moment", async () => {
  server.experiments.set("größe & co", "42");
  expect((await start()).experimentId).toBe("42");
  server.experiments.clear();
  server.raceOnCreate = true;
  expect((await start()).experimentId).toBe("77");
});

it("cuts long logs to the limits of a request", async () => {
  const run = await start();
  const metrics = Array.from({ length: 2500 }, (_, step) => ({
    key: "loss",
    value: step,
    timestamp: 1,
    step,
  }));
  await run.logMetrics(metrics);
  await run.logParams(Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`p${i}`, String(i)])));
  const stored = server.runs.get(run.runId);
  expect(stored?.metrics).toEqual(metrics);
  expect(stored?.params.size).toBe(250);
  expect(server.requests.filter(({ path }) => path.endsWith("log-batch"))).toHaveLength(3 + 3);
});

it("sends nothing for nothing", async () => {
  const run = await start();
  const before = server.requests.length;
  await run.logMetrics([]);
  await run.logParams({});
  expect(server.requests).toHaveLength(before);
});

it("tries again while the server is busy or the connection breaks", async () => {
  const run = await start();
  server.failures.push(
    { status: 503, headers: { "retry-after": "0" } },
    "drop",
    { status: 429 },
    { status: 500 },
  );
  await run.logMetrics([{ key: "loss", value: 1, timestamp: 1, step: 1 }]);
  expect(server.runs.get(run.runId)?.metrics).toHaveLength(1);
});

it("gives up after its retries, with the server's words", async () => {
  const run = await start({ retries: 1 });
  server.failures.push({ status: 503 }, { status: 503, body: "upstream\n  is down" });
  await expect(run.end("FINISHED")).rejects.toThrow(
    `${url}/api/2.0/mlflow/runs/update refused with status 503: upstream is down.`,
  );
});

it("does not make two runs when an answer is lost", async () => {
  server.failures.push({ status: 200, body: '{"experiment":{"experiment_id":"1"}}' }, "drop");
  await expect(start()).rejects.toThrow(/Cannot reach .*runs\/create/);
  expect(server.requests.filter(({ path }) => path.endsWith("runs/create"))).toHaveLength(1);
});

it("tells a refusal at once", async () => {
  const run = await start();
  await run.logParams({ steps: "1" });
  const changing = run.logParams({ steps: "2" });
  await expect(changing).rejects.toThrow(DataError);
  await expect(changing).rejects.toThrow(
    "refused with status 400: INVALID_PARAMETER_VALUE: Changing param values is not allowed: steps.",
  );
  expect(server.requests.filter(({ path }) => path.endsWith("log-batch"))).toHaveLength(2);
});

it("sends a token, or the user and password of the address, and never shows them", async () => {
  await start({ token: "secret" });
  expect(server.requests.at(-1)?.authorization).toBe("Bearer secret");
  await start({ url: url.replace("//", "//user:p%40ss@") });
  expect(server.requests.at(-1)?.authorization).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  server.failures.push({ status: 401, body: "" });
  const refused = start({ url: url.replace("//", "//user:hidden@") });
  await expect(refused).rejects.toThrow(/status 401\. Check the token, or user and password\.$/);
  await expect(refused).rejects.not.toThrow("hidden");
});

it("works below a path", async () => {
  const { runId } = await start({ url: `${url}//` });
  expect(runId).toBe("run1");
  await expect(start({ url: `${url}/prefix/` })).rejects.toThrow(
    "ENDPOINT_NOT_FOUND: GET /prefix/api/2.0/mlflow",
  );
});

it.each(["localhost:5000", "", "ftp://host", "file:///tmp/x"])("refuses the address %j", async (address) => {
  await expect(start({ url: address })).rejects.toThrow(OptionError);
});

it("says that nothing is there, and what is no MLflow server", async () => {
  await server.stop();
  await expect(start({ retries: 0 })).rejects.toThrow(
    /^Cannot reach http.*: nothing listens at that address\.$/,
  );
  server = new MlflowServer();
  url = await server.start();
  server.failures.push({ status: 200, body: "<html>" });
  await expect(start()).rejects.toThrow('answered without JSON ("<html>"). Is it the right address?');
  server.failures.push({ status: 200, body: '{"ok":true}' });
  await expect(start()).rejects.toThrow("Expected experiment.experiment_id in the answer of MLflow");
});

it("says that no answer came in time", async () => {
  const silent = (await import("node:net")).createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  const waiting = start({ url: `http://127.0.0.1:${port}`, retries: 0, timeout: 50 });
  await expect(waiting).rejects.toThrow("no answer in 0.05 s");
  silent.close();
});

// A tracking server as MLflow's REST documentation describes it: the endpoints that a run needs, with their checks.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

interface StoredRun {
  readonly experimentId: string;
  readonly name: string;
  readonly startTime: number;
  readonly tags: readonly unknown[];
  status: string;
  endTime?: number;
  readonly params: Map<string, string>;
  readonly metrics: { key: string; value: unknown; timestamp: number; step: number }[];
}

type Body = Record<string, unknown>;

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class MlflowServer {
  readonly experiments = new Map<string, string>();
  readonly runs = new Map<string, StoredRun>();
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** Answers before the real ones: a status, or "drop" to close the connection. */
  readonly failures: ({ status: number; body?: string; headers?: Record<string, string> } | "drop")[] = [];
  /** Another client makes the experiment right after it was found missing. */
  raceOnCreate = false;
  #server: Server | undefined;

  async start(): Promise<string> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const url = new URL(request.url ?? "/", "http://localhost");
        this.requests.push({ path: url.pathname, authorization: request.headers.authorization });
        const failure = this.failures.shift();
        if (failure === "drop") {
          request.socket.destroy();
          return;
        }
        if (failure) {
          response.writeHead(failure.status, failure.headers).end(failure.body);
          return;
        }
        try {
          const bytes = Buffer.concat(chunks);
          if (bytes.length > 1e6) throw new Refusal(400, "BAD_REQUEST", "More than 1 MB.");
          const body = bytes.length > 0 ? (JSON.parse(bytes.toString("utf8")) as Body) : {};
          const answer = this.#answer(`${request.method} ${url.pathname}`, body, url.searchParams);
          response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
        } catch (error) {
          const { status, code, message } = error as Refusal;
          response.writeHead(status ?? 500).end(JSON.stringify({ error_code: code, message }));
        }
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #answer(endpoint: string, body: Body, query: URLSearchParams): unknown {
    const refuse = (status: number, code: string, message: string): never => {
      throw new Refusal(status, code, message);
    };
    const run = () =>
      this.runs.get(String(body.run_id)) ??
      refuse(404, "RESOURCE_DOES_NOT_EXIST", `Run with id=${body.run_id} not found`);
    switch (endpoint) {
      case "GET /api/2.0/mlflow/experiments/get-by-name": {
        const name = query.get("experiment_name") ?? "";
        const id = this.experiments.get(name);
        if (this.raceOnCreate) this.experiments.set(name, "77");
        if (id === undefined)
          return refuse(404, "RESOURCE_DOES_NOT_EXIST", `Could not find experiment with name '${name}'`);
        return { experiment: { experiment_id: id, name, lifecycle_stage: "active" } };
      }
      case "POST /api/2.0/mlflow/experiments/create": {
        const name = String(body.name);
        if (this.experiments.has(name))
          return refuse(400, "RESOURCE_ALREADY_EXISTS", `Experiment '${name}' already exists.`);
        this.experiments.set(name, String(this.experiments.size + 1));
        return { experiment_id: this.experiments.get(name) };
      }
      case "POST /api/2.0/mlflow/runs/create": {
        const id = `run${this.runs.size + 1}`;
        this.runs.set(id, {
          experimentId: String(body.experiment_id),
          name: String(body.run_name),
          startTime: Number(body.start_time),
          tags: body.tags as unknown[],
          status: "RUNNING",
          params: new Map(),
          metrics: [],
        });
        return { run: { info: { run_id: id, status: "RUNNING" }, data: {} } };
      }
      case "POST /api/2.0/mlflow/runs/log-batch": {
        const { metrics, params } = run();
        const given = (body.metrics ?? []) as StoredRun["metrics"];
        const settings = (body.params ?? []) as { key: string; value: string }[];
        if (given.length > 1000 || settings.length > 100 || given.length + settings.length > 1000)
          return refuse(
            400,
            "INVALID_PARAMETER_VALUE",
            "A batch logging request can contain at most 1000 metrics.",
          );
        for (const { key, value } of settings) {
          if (typeof value !== "string" || value.length > 6000)
            return refuse(400, "INVALID_PARAMETER_VALUE", `Param value for ${key} is too long`);
          if (params.has(key) && params.get(key) !== value)
            return refuse(400, "INVALID_PARAMETER_VALUE", `Changing param values is not allowed: ${key}`);
          params.set(key, value);
        }
        metrics.push(...given);
        return {};
      }
      case "POST /api/2.0/mlflow/runs/update": {
        const stored = run();
        stored.status = String(body.status);
        stored.endTime = Number(body.end_time);
        return { run_info: {} };
      }
      default:
        return refuse(404, "ENDPOINT_NOT_FOUND", endpoint);
    }
  }
}

import fetchRetry from "fetch-retry";
import { DataError, OptionError } from "isoloss";
import { reasonOf } from "isoloss/node";

/** An error that the server returned. */
export class HttpError extends DataError {
  override name = "HttpError";
  readonly status: number;
  /** The server's own code, such as RESOURCE_DOES_NOT_EXIST. */
  readonly code: string;

  constructor(message: string, { status, code }: { readonly status: number; readonly code: string }) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface HttpOptions {
  /** Sent as `Authorization`. */
  readonly authorization?: string;
  /** Milliseconds for one attempt; default 30000. */
  readonly timeout?: number;
  /** Attempts after the first; default 4. */
  readonly retries?: number;
  /** Milliseconds before the second attempt, doubled each time; default 500. */
  readonly pause?: number;
}

/** Statuses of a server that is busy or starting: the same request may succeed later. */
const transient: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** Those of them which say that the request was not carried out. */
const busy: readonly number[] = [429, 503];

/**
 * A JSON request, repeated while the server cannot be reached or is busy.
 *
 * @param body sent with POST; without one it is a GET
 * @param options `once`: after an answer or a lost one it is not repeated, since it may have been carried out
 * @throws HttpError when the server returns an error; DataError when it cannot be reached or does not answer in JSON
 */
export async function requestJson(
  url: string,
  body: unknown,
  {
    authorization,
    timeout = 30_000,
    retries = 4,
    pause = 500,
    once = false,
  }: HttpOptions & { readonly once?: boolean } = {},
): Promise<unknown> {
  const init = {
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const attempt = async (address: string): Promise<Answer> => {
    const response = await fetch(address, { ...init, signal: AbortSignal.timeout(timeout) });
    // With its text: a connection may break before the end of it, too.
    return { response, text: await response.text() };
  };
  const isWorthRepeating = (error: Error | null, answer: Answer | null): boolean => {
    if (answer) return !answer.response.ok && (once ? busy : transient).includes(answer.response.status);
    return !once || codeOf(error) === "ECONNREFUSED";
  };
  const answer = await fetchRetry(attempt, {
    retryOn: (done, error, last) => done < retries && isWorthRepeating(error, last),
    retryDelay(done, _, last) {
      const seconds = Number(last?.response.headers.get("retry-after"));
      return seconds > 0 ? Math.min(1000 * seconds, 60_000) : pause * 2 ** done;
    },
  })(url).catch((error: unknown) => {
    throw unreachable(url, error, timeout);
  });
  if (!answer.response.ok) throw refusal(url, answer.response.status, answer.text);
  return parse(url, answer.text);
}

interface Answer {
  readonly response: Response;
  readonly text: string;
}

function parse(url: string, text: string): unknown {
  try {
    return JSON.parse(text === "" ? "{}" : text);
  } catch (cause) {
    throw new DataError(
      `${url} answered without JSON (${JSON.stringify(text.slice(0, 60))}). Is it the right address?`,
      { cause },
    );
  }
}

function refusal(url: string, status: number, text: string): HttpError {
  let code = "";
  let said = text.replace(/\s+/g, " ").slice(0, 200);
  try {
    const document = JSON.parse(text) as { error_code?: unknown; message?: unknown };
    if (typeof document.error_code === "string") code = document.error_code;
    if (typeof document.message === "string") said = document.message.split("\n")[0];
  } catch {
    // A proxy's page: the message quotes its text.
  }
  const advice = status === 401 || status === 403 ? " Check the token, or user and password." : "";
  const detail = [code, said].filter((part) => part !== "").join(": ");
  return new HttpError(`${url} refused with status ${status}${detail && `: ${detail}`}.${advice}`, {
    status,
    code,
  });
}

function unreachable(url: string, error: unknown, timeout: number): DataError {
  const { name, cause } = error as Error;
  const why =
    name === "TimeoutError"
      ? `no answer in ${timeout / 1000} s`
      : reasonOf(cause instanceof Error ? cause : error);
  return new DataError(`Cannot reach ${url}: ${why}.`, { cause: error });
}

const codeOf = (error: unknown): unknown =>
  ((error as Error | null)?.cause as NodeJS.ErrnoException | undefined)?.code;

/**
 * A base address without query, fragment and trailing slash.
 *
 * @throws OptionError unless it is an http address
 */
export function baseAddress(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Reported below.
  }
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new OptionError(`Expected an address such as http://localhost:5000; got ${JSON.stringify(text)}.`);
  }
  url.search = "";
  url.hash = "";
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

import { type AddressInfo, createServer } from "node:net";
import { hurried } from "isoloss-test-support/hurried";
import { serverProgram, startServer } from "isoloss-test-support/queue/server";
import { describe, expect, it } from "vitest";
import { connect, connectionOptions, shown, tellOfForgetting } from "../src/connection.js";

describe("an address of a server", () => {
  it("is read with its parts, in redis' and valkey's words", () => {
    expect(connectionOptions({ url: "valkey://me:secret@host:7000/2" })).toMatchObject({
      host: "host",
      port: 7000,
      db: 2,
      username: "me",
      password: "secret",
    });
    expect(connectionOptions({ url: "rediss://host", password: "p" })).toMatchObject({
      host: "host",
      port: 6379,
      password: "p",
      tls: {},
    });
  });

  it.each([
    ...["host:6379", "http://host", "redis://", "redis://host/one", "redis://host/-1", ""],
    ...["redis://host?db=2", "redis://me:12#half@host"],
  ])("is refused as %j", (url) => {
    expect(() => connectionOptions({ url })).toThrow(/redis:\/\/HOST:PORT.*got/);
  });

  it("keeps its password beside an empty one, which is none", () => {
    expect(connectionOptions({ url: "redis://:secret@host", password: "" }).password).toBe("secret");
  });

  it("is shown without its password", () => {
    expect(shown("redis://me:secret@host:1/3")).toBe("redis://host:1/3");
    for (const url of [
      "redis://me:secret@",
      "redis://:pa/secret@host:1",
      "me:secret@host:1",
      "redis:/:secret@host",
    ]) {
      expect(shown(url)).not.toContain("secret");
    }
    expect(() => connectionOptions({ url: "redis://:%zz@host" })).toThrow(/%25/);
  });
});

describe.skipIf(!serverProgram)("connecting", () => {
  it("tells of a wrong password without showing it", async () => {
    const server = await startServer("--requirepass", "right");
    try {
      const refused = connect({ url: server.url, password: "wrong-one" });
      await expect(refused).rejects.toThrow(/refuses the password. Set it in ISOLOSS_QUEUE_PASSWORD/);
      await expect(refused).rejects.not.toThrow(/wrong-one/);
      const redis = await connect({ url: server.url, password: "right" });
      redis.disconnect();
    } finally {
      await server.end();
    }
  });

  it("refuses a database that the server does not have, in whose place the client would take another", async () => {
    const server = await startServer("--databases", "4");
    try {
      await expect(connect({ url: `${server.url}/4` })).rejects.toThrow(
        /has no database 4 \(.*out of range\)\. Give the number of one that it has/,
      );
      const redis = await connect({ url: `${server.url}/3` });
      await redis.set("here", "3");
      expect(await redis.info("keyspace")).toMatch(/db3:keys=1/);
      redis.disconnect();
    } finally {
      await server.end();
    }
  });

  it("is no server where something else answers", async () => {
    const web = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const { port } = web.address() as AddressInfo;
    await expect(hurried(() => connect({ url: `redis://:secret@127.0.0.1:${port}` }))).rejects.toThrow(
      `There is no server at redis://127.0.0.1:${port} (what answers is no Valkey or Redis). Start one,`,
    );
    web.close();
  });

  it.each([
    ["keeps nothing on a disk", ["--appendonly", "no"], 1],
    ["keeps snapshots", ["--appendonly", "no", "--save", "60 1"], 0],
    ["keeps each command", [], 0],
    ["does not say what it keeps", ["--appendonly", "no", "--rename-command", "CONFIG", ""], 0],
  ])("warns of a server that does not keep what it is given: one that %s", async (_, settings, count) => {
    const server = await startServer(...settings);
    const redis = await connect({ url: server.url });
    const notes: string[] = [];
    await tellOfForgetting(redis, server.url, (line) => notes.push(line));
    expect(notes).toHaveLength(count);
    for (const line of notes) expect(line).toContain(`${server.url} keeps nothing on a disk`);
    redis.disconnect();
    await server.end();
  });

  it("refuses a server that drops keys", async () => {
    const server = await startServer("--maxmemory-policy", "allkeys-lru");
    try {
      await expect(connect({ url: server.url })).rejects.toThrow(/allkeys-lru.*noeviction/);
    } finally {
      await server.end();
    }
  });
});

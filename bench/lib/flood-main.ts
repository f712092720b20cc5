import { connect, type Socket } from "node:net";
import { CliError, runCommand } from "../../scripts/lib/cli.ts";
import type { FloodOptions, UserCount } from "./flood.ts";

// Floods a port with requests of many users, at a rate of its own (open loop), over many connections. A program of its own:
// prints one line of JSON.

interface User extends UserCount {
  readonly text: string;
}

/** Connections with one request under way on each: Envoy closes one on which the next comes before a refusal is out. */
class Connections {
  private readonly idle: Socket[] = [];
  private readonly backlog: User[] = [];
  private begun = 0;
  outstanding = 0;

  async open(port: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.idle.push(await openSocket(port));
  }

  /** Sends now, or as soon as a connection is free. */
  send(user: User): void {
    this.outstanding += 1;
    const socket = this.idle.shift();
    if (socket === undefined) this.backlog.push(user);
    else this.begin(socket, user);
  }

  private begin(socket: Socket, user: User): void {
    if (Number.isNaN(user.firstMillis)) user.firstMillis = performance.now();
    user.sent += 1;
    let text = "";
    const read = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      const length = Number(/\r\ncontent-length: (\d+)/.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      socket.removeListener("data", read);
      note(user, text.slice(9, 12));
      this.outstanding -= 1;
      this.free(socket);
    };
    socket.on("data", read);
    socket.write(user.text);
  }

  private free(socket: Socket): void {
    const next = this.backlog[this.begun];
    if (next === undefined) {
      this.idle.push(socket);
      return;
    }
    this.begun += 1;
    this.begin(socket, next);
  }
}

function note(user: User, status: string): void {
  user.lastMillis = performance.now();
  if (status === "200") user.admitted += 1;
  else if (status === "429") user.refused += 1;
  else throw new CliError(`unexpected status ${status}`);
}

async function flood({ port, users, perSecond, seconds, connections }: FloodOptions): Promise<UserCount[]> {
  const all = Array.from({ length: users }, (_, index): User => ({
    text: `GET / HTTP/1.1\r\nhost: t\r\nx-user-id: user-${index}\r\n\r\n`,
    sent: 0,
    admitted: 0,
    refused: 0,
    firstMillis: NaN,
    lastMillis: NaN,
  }));
  const pool = new Connections();
  await pool.open(port, connections);
  await sendAll(all, pool, perSecond, seconds);
  const giveUp = performance.now() + 10_000;
  while (pool.outstanding > 0 && performance.now() < giveUp) await pause(2);
  if (pool.outstanding > 0) throw new CliError(`${pool.outstanding} requests got no reply`);
  return all.map(({ text: _text, ...counts }) => counts);
}

async function sendAll(users: User[], pool: Connections, perSecond: number, seconds: number): Promise<void> {
  const begun = performance.now();
  const total = perSecond * seconds;
  for (let sent = 0; sent < total; await pause(1)) {
    const due = Math.min(((performance.now() - begun) / 1000) * perSecond, total);
    for (; sent < due; sent++) {
      const user = users[sent % users.length];
      if (user !== undefined) pool.send(user);
    }
  }
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1").setNoDelay(true);
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
    socket.once("close", () => {
      throw new CliError("Envoy closed a connection");
    });
  });
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

await runCommand(async () => {
  const options: FloodOptions = JSON.parse(process.argv[2] ?? "{}");
  process.stdout.write(`${JSON.stringify(await flood(options))}\n`, () => process.exit(0));
});

import { connect, type Socket } from "node:net";
import { runCommand } from "../../scripts/lib/cli.ts";
import type { CrowdCount, CrowdOptions } from "./crowd.ts";

// Holds many connections to a port open and sends a request on one after the other, at a rate of its own (open loop). A
// program of its own: says "open" when all are, and on SIGTERM one line of JSON.

interface Member {
  readonly socket: Socket;
  readonly request: string;
  /** Reply so far; undefined: none is due. */
  reply: string | undefined;
}

const opening = 100;
const tickMillis = 5;
const lastAnswersMillis = 5000;

class Crowd {
  readonly count: CrowdCount = { opened: 0, closed: 0, sent: 0, answered: 0, refused: 0, busy: 0 };
  private readonly members: Member[] = [];
  private readonly options: CrowdOptions;

  constructor(options: CrowdOptions) {
    this.options = options;
  }

  async open(): Promise<void> {
    const { connections } = this.options;
    for (let first = 0; first < connections; first += opening) {
      const batch = Array.from({ length: Math.min(opening, connections - first) }, (_, i) =>
        this.join(first + i),
      );
      this.members.push(...(await Promise.all(batch)));
    }
  }

  /** Sends until told to stop, whether or not answers come. */
  async send(over: AbortSignal): Promise<void> {
    const begun = performance.now();
    for (let due = 0; !over.aborted; await pause(tickMillis)) {
      const until = ((performance.now() - begun) / 1000) * this.options.perSecond;
      for (; due < until; due++) this.sendOne(this.members[due % this.members.length]);
    }
    const giveUp = performance.now() + lastAnswersMillis;
    while (this.count.answered < this.count.sent && performance.now() < giveUp) await pause(tickMillis);
  }

  private sendOne(member: Member | undefined): void {
    if (member === undefined || member.reply !== undefined) {
      this.count.busy += 1;
      return;
    }
    member.reply = "";
    this.count.sent += 1;
    member.socket.write(member.request);
  }

  private async join(index: number): Promise<Member> {
    const socket = await openSocket(this.options.port);
    this.count.opened += 1;
    const headers = `host: crowd\r\nx-user-id: crowd-${index}\r\nx-trading-symbol: BTC-USD\r\nx-order-type: limit\r\n`;
    const request = `GET /api/v1/quotes/BTC-USD HTTP/1.1\r\n${headers}\r\n`;
    const member: Member = { socket, request, reply: undefined };
    socket.on("data", (chunk) => this.read(member, chunk.toString("latin1")));
    socket.once("close", () => (this.count.closed += 1));
    return member;
  }

  private read(member: Member, text: string): void {
    member.reply = (member.reply ?? "") + text;
    const end = member.reply.indexOf("\r\n\r\n");
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(member.reply)?.[1] ?? 0);
    if (end === -1 || member.reply.length < end + 4 + length) return;
    this.count.answered += 1;
    if (!member.reply.startsWith("HTTP/1.1 200")) this.count.refused += 1;
    member.reply = undefined;
  }
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1").setNoDelay(true);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // Counted when it closes.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

await runCommand(async () => {
  const options: CrowdOptions = JSON.parse(process.argv[2] ?? "{}");
  const over = new AbortController();
  process.once("SIGTERM", () => over.abort());
  process.once("disconnect", () => process.exit(1));
  const crowd = new Crowd(options);
  await crowd.open();
  console.log("open");
  await crowd.send(over.signal);
  // Those that close now are ours.
  process.stdout.write(`${JSON.stringify(crowd.count)}\n`, () => process.exit(0));
});

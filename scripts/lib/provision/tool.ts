import { CliError } from "../cli.ts";
import { runToEnd } from "../process.ts";

/** Where a program comes from when neither the environment nor PATH has it: one pinned, verified version. */
export interface PinnedSource {
  readonly version: string;
  /** Tells apart what was made differently of the same version. */
  readonly key?: string;
  /** Puts the executable into `directory` and returns its path; throws a CliError when it cannot. */
  readonly fetch: (directory: string, context: ProvisionContext) => Promise<string>;
}

/** A program that Tickgate's commands need. */
export interface Tool {
  readonly name: string;
  /** Environment variable that names the executable and wins over everything else. */
  readonly variable: string;
  readonly versionArgs: readonly string[];
  /** The version in the program's answer, undefined when the answer is not this program's. */
  readonly version: (output: string) => string | undefined;
  /** Oldest version that will do, as `major.minor`; of the programs on PATH an older one is passed over. */
  readonly atLeast: string;
  readonly pinned: PinnedSource;
}

/** A program that was run once and answered with its version. */
export interface Provisioned {
  readonly path: string;
  readonly version: string;
  readonly origin: "variable" | "path" | "pinned";
}

/** The surroundings in which a program is looked for; tests replace them. */
export interface ProvisionContext {
  readonly env: NodeJS.ProcessEnv;
  readonly toolsDir: string;
  /** `<process.platform>-<process.arch>` */
  readonly platform: string;
}

/** The version a program answers with; undefined when it does not run or is something else. */
export async function versionOf(
  tool: Tool,
  path: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    const args = tool.versionArgs;
    const answer = await runToEnd({ name: tool.name, command: path, args, env, timeoutMillis: 10_000 });
    return answer.code === 0 ? tool.version(answer.stdout + answer.stderr) : undefined;
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

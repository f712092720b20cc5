import { CliError } from "../../scripts/lib/cli.ts";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends CliError {}

import { defineCommand } from "citty";
import manifest from "../../package.json" with { type: "json" };
import { runCommand } from "../../scripts/lib/cli.ts";
import { runTool } from "./run.ts";

const tool = defineCommand({
  meta: { name: "tickgate", description: "Delivers the Tickgate filter to the sidecars of an Istio mesh" },
  subCommands: {
    config: async () => (await import("./commands/config.ts")).config,
    deploy: async () => (await import("./commands/deploy.ts")).deploy,
    doctor: async () => (await import("./commands/doctor.ts")).doctor,
    history: async () => (await import("./commands/history.ts")).history,
    package: async () => (await import("./commands/package.ts")).packageImage,
    remove: async () => (await import("./commands/remove.ts")).remove,
    rollback: async () => (await import("./commands/rollback.ts")).rollback,
    rollout: async () => (await import("./commands/rollout.ts")).rollout,
    status: async () => (await import("./commands/status.ts")).status,
  },
});

await runCommand(() => runTool(tool, manifest.version, process.argv.slice(2)));

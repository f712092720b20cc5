import { CliError, progress } from "../../../scripts/lib/cli.ts";
import type { WasmPluginSpec } from "../cluster/plugins.ts";
import { headManifest } from "../oci/registry.ts";
import { parseReference } from "../oci/reference.ts";

const timeoutMillis = 10_000;

/** Asks the registry for the image of a spec. A CliError when the registry does not answer, or not to us. */
export async function lookForImage(spec: WasmPluginSpec, plainHttp: boolean): Promise<"there" | "missing"> {
  const head = await headManifest(parseReference(spec.url), { insecure: plainHttp, timeoutMillis });
  return head === undefined ? "missing" : "there";
}

/** What pods do that are sent a spec whose module their agent can't fetch. */
export function withoutModule({ failStrategy = "FAIL_CLOSE" }: WasmPluginSpec): string {
  return failStrategy === "FAIL_OPEN"
    ? "with FAIL_OPEN, pods that are sent it let all requests pass unfiltered"
    : `with ${failStrategy}, pods that are sent it refuse all requests with 403`;
}

/**
 * A CliError when the registry says that it has no such image: what a deploy of it does to traffic is known beforehand. A
 * registry that can't be asked from here says nothing about what pods can, and is only told.
 */
export async function refuseMissingImage(spec: WasmPluginSpec, plainHttp: boolean): Promise<void> {
  if (/^(https?|file):/.test(spec.url)) return;
  let found: Awaited<ReturnType<typeof lookForImage>>;
  try {
    found = await lookForImage(spec, plainHttp);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    progress(`warning: not known whether the registry has the image: ${error.message}`);
    return;
  }
  if (found === "there") return;
  throw new CliError(
    `the registry has no ${spec.url}: ${withoutModule(spec)}`,
    "nothing was changed; tickgate package --push puts it there, --skip-image-check deploys all the same",
  );
}

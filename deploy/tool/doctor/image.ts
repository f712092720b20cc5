import { CliError } from "../../../scripts/lib/cli.ts";
import { lookForImage, withoutModule } from "../delivery/image.ts";
import { parseReference } from "../oci/reference.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/**
 * Whether the registry has the image under its digest, asked from here with the caller's credentials: pods ask with
 * theirs, from where they are.
 */
export async function checkImage({ spec, plainHttp }: Subject): Promise<Finding[]> {
  if (spec === undefined) return [];
  const object = `image ${spec.url}`;
  if (/^(https?|file):/.test(spec.url)) {
    return [warning(object, "is no OCI image: not looked for", "tickgate package makes one")];
  }
  const reference = parseReference(spec.url);
  if (reference.digest === undefined && (spec.sha256 ?? "") === "") {
    return [
      problem(
        object,
        "has no digest: what runs may change without a deploy",
        "name it as tickgate package prints it",
      ),
    ];
  }
  let found: Awaited<ReturnType<typeof lookForImage>>;
  try {
    found = await lookForImage(spec, plainHttp);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const message = `can't be looked for: ${error.message}; where an agent can't fetch it either: ${withoutModule(spec)}`;
    return [problem(object, message, error.hint ?? "pods that have it in their agent's cache go on")];
  }
  if (found === "missing") {
    return [
      problem(
        object,
        `is not in the registry ${reference.registry}: ${withoutModule(spec)}`,
        "tickgate package --push puts it there; is the digest right?",
      ),
    ];
  }
  return [fine(object, "is in the registry")];
}

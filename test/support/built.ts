/**
 * The command's bundle is that of this very source, made once for the whole run (vitest globalSetup): seven files would make it otherwise,
 * some of them while processes of others load it.
 *
 * Owns: that it is there before the first test. Does not own: how it is made (`scripts/build.mjs`).
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../..", import.meta.url))

export default async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, "scripts/build.mjs")], { cwd: root })
}

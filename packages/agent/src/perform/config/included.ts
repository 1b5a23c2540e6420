/**
 * sshd: whether a keyword that is set in a file would count, or one in a file that is included before it.
 *
 * Owns: looking into included files. Does not own: which are included (`edit/sshd.ts`), changes.
 * Invariant: of sshd the first word counts, and Debian includes its directory first: a value that is set behind it would be set for nothing.
 */
import { readdir, realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join } from "node:path"
import { Refused } from "../outcome.ts"
import { valueOf } from "./edit/Edit.ts"
import { includedBefore } from "./edit/sshd.ts"
import { look } from "./node.ts"

/** @throws Refused when an included file says it first */
export const refuseOverridden = async (at: string, text: string, key: string): Promise<void> => {
  for (const pattern of includedBefore(text, key)) {
    const path = isAbsolute(pattern) ? pattern : join("/etc/ssh", pattern)
    const name = new RegExp(
      `^${basename(path)
        .replace(/[.+^${}()|[\]\\]/gu, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".")}$`,
      "u"
    )
    for (const entry of (await readdir(dirname(path)).catch(() => [])).toSorted()) {
      const file = join(dirname(path), entry)
      if (!name.test(entry) || file === at) continue
      const { bytes } = await look(await realpath(file).catch(() => file))
      const set = bytes === null ? null : valueOf("sshd", bytes.toString(), { key })
      if (set !== null)
        throw new Refused({
          why: `${key} is ${set} in ${file}, which is read before ${at} and wins. Set it there.`
        })
    }
  }
}

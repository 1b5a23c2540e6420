/**
 * Where a path leads, when nobody but root can change any step of the way: root must not be led by others.
 *
 * Owns: following links one by one, and the right to write in the directories on the way. Does not own: which paths may be changed
 * (`perform.ts`).
 * Invariant: every directory that was walked through, those that links lead through too, is writable by root alone (or is sticky), so that
 * the answer is still true when it is used.
 */
import { lstat, readlink } from "node:fs/promises"
import { dirname, isAbsolute, join } from "node:path"
import { Refused, reasonOf } from "../outcome.ts"

const mostLinks = 40

/** @throws Refused when others can lead the way elsewhere, or it leads nowhere; the last part alone may be absent */
export const closedWay = async (path: string): Promise<string> => {
  let rest = partsOf(path)
  let at = "/"
  let links = 0
  let through: string | undefined
  await refuseOpen(at)
  for (;;) {
    const [name, ...others] = rest
    if (name === undefined) return at
    rest = others
    if (name === "..") {
      at = dirname(at)
      continue
    }
    const next = join(at, name)
    const found = await lstat(next).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined
      throw new Refused({ why: reasonOf(cause) })
    })
    if (found === undefined) {
      if (through !== undefined) throw new Refused({ why: `${through} is a link that leads nowhere.` })
      if (rest.length > 0) throw new Refused({ why: `${next} does not exist.` })
      return next
    }
    if (found.isSymbolicLink()) {
      links += 1
      if (links > mostLinks) throw new Refused({ why: `${path} leads in a circle of links.` })
      if (rest.length === 0) through = next
      const to = await readlink(next)
      rest = [...partsOf(to), ...rest]
      if (isAbsolute(to)) at = "/"
    } else if (found.isDirectory()) {
      await refuseOpen(next)
      at = next
    } else {
      if (rest.length > 0) throw new Refused({ why: `${next} is no directory.` })
      return next
    }
  }
}

const partsOf = (path: string): ReadonlyArray<string> => path.split("/").filter((part) => part !== "" && part !== ".")

const refuseOpen = async (directory: string): Promise<void> => {
  const self = process.geteuid?.() ?? 0
  const found = await lstat(directory)
  const sticky = (found.mode & 0o1000) !== 0
  // of an ACL, too: its mask is what the group's bits show
  if ((found.uid !== 0 && found.uid !== self) || ((found.mode & 0o022) !== 0 && !sticky))
    throw new Refused({
      why: `Others than root may write in ${directory}, so what an agent changes there could be exchanged under its hands. Change it by hand, or take that right away.`
    })
}

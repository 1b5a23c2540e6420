/**
 * Files of the host, opened so that neither links nor odd kinds of files lead elsewhere.
 *
 * Owns: opening for reading, the paths that are never read, reading a bounded part. Does not own: writing (`config/`).
 * Invariants: what was checked is what is read: the kernel itself says where the open descriptor leads; FIFOs, devices and sockets
 * are never waited for; nothing is read without a limit.
 */
import { constants } from "node:fs"
import { type FileHandle, open, readlink, realpath } from "node:fs/promises"
import { sep } from "node:path"
import { Refused, reasonOf } from "../outcome.ts"

/** Whatever is read from these would be a key to the host or to somebody's account. */
const secretPaths: ReadonlyArray<RegExp> = [
  /^\/(?:proc|sys|dev)(?:\/|$)/u,
  /^\/etc\/(?:g?shadow|security\/opasswd|krb5\.keytab)-?$/u,
  /^\/etc\/(?:g?shadow|sub[ug]id)/u,
  /^\/etc\/ssh\/ssh_host_[^/]*_key$/u,
  /^\/etc\/(?:ssl\/private|pki\/tls\/private|wireguard|ppp\/[^/]*-secrets|ipsec\.secrets|NetworkManager\/system-connections|credstore[^/]*)(?:\/|$)/u,
  /\/etc\/g?shadow-?$/u, // of machines whose disks lie in ours
  /^\/var\/backups\/g?shadow/u,
  /^\/etc\/kubernetes(?:\/|$)/u,
  /^\/etc\/signalbox/u,
  /^\/run\/(?:credentials|secrets)(?:\/|$)/u,
  /^\/var\/lib\/(?:private|systemd\/credential\.secret|sss)(?:\/|$)/u,
  /\/\.(?:ssh|gnupg|aws|azure|kube|docker|password-store|vault-token|netrc|pgpass|my\.cnf|git-credentials)(?:\/|$)/u,
  /\/(?:id_(?:rsa|dsa|ecdsa|ed25519)[^/]*|privkey[^/]*\.pem|[^/]*\.(?:key|p12|pfx|jks|keytab|kdbx))$/iu,
  /^\/(?:etc\/letsencrypt\/(?:archive|live|accounts|keys)|etc\/pve\/priv)(?:\/|$)/u
]
/** Public halves lie beside private ones. */
const publicHalf = /\/(?:id_[^/]+\.pub|authorized_keys|known_hosts|(?:fullchain|cert|chain)[^/]*\.pem)$/u

export const isBelow = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)

export const isSecretPath = (path: string, own: ReadonlyArray<string>): boolean =>
  own.some((one) => isBelow(path, one)) || (secretPaths.some((one) => one.test(path)) && !publicHalf.test(path))

export interface Allowed {
  /** Empty: everywhere. */
  readonly roots: ReadonlyArray<string>
  /** The agent's own. */
  readonly own: ReadonlyArray<string>
}

/** @throws Refused unless the path and all that it leads to may be looked at; answers where it leads */
export const resolved = async (path: string, allowed: Allowed): Promise<string> => {
  permit(path, path, allowed)
  const real = await realpath(path).catch((cause: unknown) => {
    throw new Refused({ why: reasonOf(cause) })
  })
  permit(path, real, allowed)
  return real
}

const permit = (asked: string, path: string, { roots, own }: Allowed): void => {
  const way = asked === path ? asked : `${asked} (which leads to ${path})`
  if (isSecretPath(path, own))
    throw new Refused({ why: `${way} holds or guards secrets and is never read by an agent.` })
  if (roots.length > 0 && !roots.some((root) => isBelow(path, root)))
    throw new Refused({ why: `${way} is not below ${roots.join(" or ")}, where this action may look.` })
}

/** The handle is a regular file at exactly the path that is answered. The caller closes it. */
export const openPlain = async (
  path: string,
  allowed: Allowed
): Promise<{ readonly handle: FileHandle; readonly path: string }> => {
  const real = await resolved(path, allowed)
  const handle = await open(
    real,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY
  ).catch((cause: unknown) => {
    throw new Refused({ why: reasonOf(cause) })
  })
  try {
    const found = await handle.stat()
    if (!found.isFile())
      throw new Refused({
        why: `${real} is ${found.isDirectory() ? "a directory" : "no regular file"}, and only files are read.`
      })
    const leads = await readlink(`/proc/self/fd/${handle.fd}`)
    if (leads !== real)
      throw new Refused({ why: `${real} was exchanged while it was opened. Look at who may write in its directory.` })
    return { handle, path: real }
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

/** A whole file that must not be larger. */
export const readWhole = async (handle: FileHandle, path: string, limit: number): Promise<Buffer> => {
  const buffer = Buffer.alloc(limit + 1)
  const length = await fill(handle, buffer, 0)
  if (length > limit)
    throw new Refused({
      why: `${path} is larger than ${Math.floor(limit / 1024)} KiB, the most that this action handles.`
    })
  return buffer.subarray(0, length)
}

/** The last bytes of a file, and whether it has more before them. */
export const readEnd = async (
  handle: FileHandle,
  bytes: number
): Promise<{ readonly bytes: Buffer; readonly more: boolean }> => {
  const { size } = await handle.stat()
  const from = Math.max(0, size - bytes)
  const buffer = Buffer.alloc(Math.min(size, bytes))
  return { bytes: buffer.subarray(0, await fill(handle, buffer, from)), more: from > 0 }
}

export const readStart = async (
  handle: FileHandle,
  bytes: number
): Promise<{ readonly bytes: Buffer; readonly more: boolean }> => {
  const buffer = Buffer.alloc(bytes + 1)
  const length = await fill(handle, buffer, 0)
  return { bytes: buffer.subarray(0, Math.min(length, bytes)), more: length > bytes }
}

const fill = async (handle: FileHandle, buffer: Buffer, from: number): Promise<number> => {
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, from + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

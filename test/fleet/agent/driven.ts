/**
 * Performers on fleet hosts: brings Node and the driver there, and tells it what to do.
 *
 * Owns: the way there and back. Does not own: what the agent does (`driver.ts` calls it), hosts (`../support.ts`).
 */
import { randomUUID } from "node:crypto"
import { copyFile, chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { Schema } from "effect"
import { inside, ssh } from "../support.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))

const Answer = Schema.Struct({
  outcome: Schema.Literals(["succeeded", "failed", "refused", "rolled-back"]),
  summary: Schema.String,
  data: Schema.Json,
  proven: Schema.optionalKey(Schema.Boolean)
})
export type Answer = typeof Answer.Type
const decodeAnswer = Schema.decodeUnknownSync(Schema.fromJsonString(Answer))
const decodeAnswers = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Answer)))

/** Where a host's disk lies on this machine: also while the host is down. */
export const diskOf = (host: string, path: string): string =>
  join(process.env["FLEET_DIR"] ?? "", "hosts", host, "root", path)

export const equip = async (host: string): Promise<void> => {
  const bundled = await build({
    entryPoints: [join(root, "test/fleet/agent/driver.ts")],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node22",
    logLevel: "error"
  })
  await copyFile(join(root, "node_modules/node/bin/node"), diskOf(host, "usr/local/bin/node"))
  await chmod(diskOf(host, "usr/local/bin/node"), 0o755)
  await writeFile(diskOf(host, "root/driver.mjs"), bundled.outputFiles[0]?.contents ?? "")
}

export interface Order {
  readonly commandId?: string
  readonly guardMillis?: number
  readonly timeoutMs?: number
}

const order = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64")
/** The command line, for those who want to start it in their own way. */
export const drive = (value: unknown): string => `/usr/local/bin/node /root/driver.mjs ${order(value)}`

export const perform = async (host: string, action: string, args: object, more: Order = {}): Promise<Answer> =>
  decodeAnswer(await ssh(host, drive({ action, args, commandId: randomUUID(), ...more })))

/** Without the network, for what cuts the host off. */
export const performInside = async (host: string, action: string, args: object, more: Order = {}): Promise<Answer> =>
  decodeAnswer(await inside(host, drive({ action, args, commandId: randomUUID(), ...more })))

/** One after the other on one way to the host, each as [action, arguments, what else]. */
export const performAll = async (
  host: string,
  ...acts: ReadonlyArray<readonly [action: string, args: object, more?: Order]>
): Promise<ReadonlyArray<Answer>> => {
  const all = acts.map(([action, args, more]) => ({ action, args, commandId: randomUUID(), ...more }))
  return decodeAnswers(await ssh(host, drive({ all })))
}

/** The process that performs is killed with -9 right before the step; the next start recovers; then what is asked is looked at. */
export const killedAnd = async (
  host: string,
  action: string,
  args: object,
  killAt: string,
  asked: (id: string) => ReadonlyArray<string>
): Promise<{ readonly id: string; readonly text: ReadonlyArray<string> }> => {
  const id = randomUUID()
  const between = "echo ----"
  const lines = [
    `${drive({ action, args, commandId: id, killAt })}; [ $? = 137 ] || exit 1`,
    // the recovery is killed, too, before it has looked after the service
    `${drive({ recover: true, killAt: "back-service" })} >/dev/null`,
    `${drive({ recover: true })} >/dev/null || exit 1`,
    ...asked(id).flatMap((command) => [command, between])
  ]
  return { id, text: (await ssh(host, lines.join("\n"))).split("----\n") }
}

export const recover = (host: string): Promise<string> => ssh(host, drive({ recover: true }))
/** What became of a command that was begun and whose process ended. */
export const interrupted = async (host: string, id: string): Promise<Answer> =>
  decodeAnswer(await ssh(host, drive({ interrupted: id })))
export const release = (host: string, id: string): Promise<string> => ssh(host, drive({ release: id }))

/** Content, mode, owner, extended attributes: what must be as it was. */
export const fingerprintOf = (path: string): string =>
  `sha256sum ${path}; stat -c '%a %u %g %s' ${path}; python3 -c "import os; print([(k, os.getxattr('${path}', k)) for k in os.listxattr('${path}')])"`
export const fingerprint = (host: string, path: string): Promise<string> => ssh(host, fingerprintOf(path))

export const property = async (host: string, unit: string, name: string): Promise<string> =>
  (await ssh(host, `systemctl show -p ${name} --value -- ${unit}`)).trim()

/**
 * Root's part of the agent: a unix socket on which the unprivileged process hands in what needs root.
 *
 * Owns: the socket, one desk with the receipts of root's acts, ending when idle. Does not own: the network (it has none), trust in whoever
 * is on the socket: there is none, since the desk checks the hub's signature itself.
 * Invariants: the hub's key and the allow-list come from a file that only root can change; the newest connection gets the answers; systemd
 * starts this process when somebody connects, and it ends after a minute in which nothing waits, runs or is unacknowledged.
 */
import { chmod, chown, mkdir, readFile, rm } from "node:fs/promises"
import { createServer, type Server, type Socket } from "node:net"
import { dirname, join } from "node:path"
import { HubMessage } from "@signalbox/core/agent/protocol.ts"
import { publicKeyFrom } from "@signalbox/core/agent/grant.ts"
import { capabilities, readConfig } from "./config.ts"
import { makeDesk, type Aftermath } from "./desk.ts"
import { readBootId } from "./facts.ts"
import { readLines, writeLine } from "./lines.ts"
import type { Performers } from "./perform/Performer.ts"
import type { Places } from "./places.ts"
import { openReceipts } from "./receipts.ts"
import { say, Trouble } from "./trouble.ts"

export const agentGroup = "signalbox-agent"
const idleMillis = 60_000

export interface HelperOptions {
  readonly places: Places
  readonly performers: Partial<Performers>
  /** What acts that were not quick and clean became. */
  readonly aftermath?: Aftermath
  readonly signal: AbortSignal
}

/** Resolves when it was told to stop, or had nothing to do for long and systemd listens in its place. */
export const helper = async ({ places, performers, aftermath, signal }: HelperOptions): Promise<void> => {
  const config = await readConfig(places.config, { rootOnly: true })
  const hubKey = publicKeyFrom(config.hubKey)
  if (hubKey === undefined) throw new Trouble(`${places.config} holds no key of the hub. Enroll this host anew.`)
  const bootId = await readBootId()
  const receipts = await openReceipts(join(places.helperState, "receipts.jsonl"), {
    bootId,
    ...(aftermath === undefined ? {} : { judge: (id, unfinished) => aftermath.interrupted(id, unfinished, bootId) })
  })
  const desk = makeDesk({
    agentId: config.agentId,
    hubKey,
    privilege: "root",
    capabilities: capabilities(config, Object.keys(performers)),
    performers,
    receipts,
    ...(aftermath === undefined ? {} : { aftermath })
  })
  let newest: Socket | undefined
  let lastUse = performance.now()
  const server = createServer((socket) => {
    newest?.destroy()
    newest = socket
    socket.on("error", () => undefined) // the close follows
    socket.once("close", () => {
      if (newest !== socket) return
      newest = undefined
      desk.attach(undefined)
    })
    readLines(socket, HubMessage, (message) => {
      lastUse = performance.now()
      if (message._tag === "command_request") desk.request(message)
      else if (message._tag === "result_acknowledged") desk.acknowledge(message.commandId)
      else if (message._tag === "relapse_acknowledged") desk.relapseHeard(message.commandId)
      else if (message._tag === "guard_released") desk.release(message)
    })
    desk.attach((answer) => writeLine(socket, answer))
  })
  const handed = inherited()
  await listen(server, handed ?? places.socket)
  say(`The helper listens${handed === undefined ? ` on ${places.socket}` : ""}.`)
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (handed !== undefined && desk.idle() && performance.now() - lastUse > idleMillis) resolve()
    }, 5_000)
    signal.addEventListener("abort", () => resolve(), { once: true })
    if (signal.aborted) resolve()
    server.once("close", () => clearInterval(look))
  })
  await desk.stop()
  newest?.destroySoon() // whoever does not hang up keeps nobody waiting
  await new Promise((resolve) => server.close(resolve))
  await receipts.close()
}

/** The descriptor that systemd hands over (sd_listen_fds), when it does. */
const inherited = (): { readonly fd: number } | undefined =>
  process.env["LISTEN_PID"] === String(process.pid) && process.env["LISTEN_FDS"] === "1" ? { fd: 3 } : undefined

const listen = async (server: Server, where: string | { readonly fd: number }): Promise<void> => {
  if (typeof where === "string") {
    await mkdir(dirname(where), { recursive: true, mode: 0o755 })
    await rm(where, { force: true })
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    if (typeof where === "string") {
      const mask = process.umask(0o177) // not for a moment open to others
      server.listen(where, () => resolve())
      process.umask(mask)
    } else server.listen(where, () => resolve())
  })
  if (typeof where !== "string") return
  const group = await groupId(agentGroup)
  if (group !== undefined && process.getuid?.() === 0) await chown(where, 0, group)
  await chmod(where, 0o660)
}

const groupId = async (name: string): Promise<number | undefined> => {
  const found = new RegExp(`^${name}:[^:]*:(\\d+):`, "mu").exec(await readFile("/etc/group", "utf8").catch(() => ""))
  return found?.[1] === undefined ? undefined : Number(found[1])
}

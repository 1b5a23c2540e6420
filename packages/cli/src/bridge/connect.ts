/**
 * `signalbox bridge connect`: the line protocol with line editing, a pinned certificate and, on wish, a typewriter.
 *
 * Owns: choosing the place and the trust, the terminal's side of the talk. Does not own: what is said (the server's prompts).
 * Invariants: exit 0 when the talk ended as one side wished, 1 when the server was not reached, not trusted, or went away, and when
 * piped input ended before a question was answered.
 */
import * as fs from "node:fs/promises"
import type { Socket } from "node:net"
import { createInterface } from "node:readline"
import { Effect, Option, Redacted } from "effect"
import { readAdminToken } from "@signalbox/core/config/credentials.ts"
import { type Elsewhere, elsewhere } from "@signalbox/core/config/elsewhere.ts"
import { Home, type HomePaths } from "@signalbox/core/config/Home.ts"
import { readHubFile } from "@signalbox/core/config/hub-file.ts"
import { safeText } from "@signalbox/hub/bridge/safe-text.ts"
import { isLoopback } from "@signalbox/hub/edge/loopback.ts"
import { Environment } from "../client/HubConnection.ts"
import { cannotTell, failed } from "../output.ts"
import { dialPlain, dialTls, named, type Place } from "./dial.ts"
import { plainFingerprint, readPin, writePin } from "./pins.ts"
import { makeScreen } from "./screen.ts"

interface Flags {
  readonly address: Option.Option<string>
  readonly pin: string | undefined
  readonly accept: boolean
  readonly plain: boolean
  readonly token: string | undefined
  readonly speed: number | undefined
}
const usualPort = 65_432

export const connectCommand = (flags: Flags) =>
  Effect.gen(function* () {
    const home = yield* Home
    const chosen = elsewhere(yield* Environment)
    if ("problem" in chosen) return yield* Effect.fail(cannotTell(chosen.problem))
    const other = chosen.url === undefined ? undefined : new URL(chosen.url).hostname
    const own = yield* ownBridge(home)
    const given = Option.getOrUndefined(flags.address) ?? other
    const place = given === undefined ? own : placeOf(given)
    if (place === undefined)
      return yield* Effect.fail(
        failed(
          given === undefined
            ? "No bridge runs in this home. Start one with signalbox up, or say where: signalbox bridge connect HOST."
            : `${given.slice(0, 80)} is not HOST or HOST:PORT.`
        )
      )
    const mine = own !== undefined && own.port === place.port && (own.host === place.host || isLoopback(place.host))
    const meant = other === undefined ? mine : placeOf(other)?.host.toLowerCase() === place.host.toLowerCase()
    const plain = flags.plain || (mine && !own.tls)
    if (plain && !isLoopback(place.host))
      return yield* Effect.fail(
        failed("--plain is for this machine only: on the way to another one everybody could read along.")
      )
    const socket = plain
      ? yield* dialPlain(place)
      : yield* trusted(
          home,
          place,
          [mine && own.fingerprint, meant && plainFingerprint(chosen.fingerprint ?? "")],
          flags
        )
    const token = yield* tokenFor(home, { mine, meant }, chosen, flags)
    const end = yield* conversation(socket, token, flags.speed)
    if (end === "lost") return yield* Effect.fail(failed(`The connection to ${named(place)} was lost.`))
    if (end === "asked")
      return yield* Effect.fail(
        failed("A tool call waits for YES or NO. Decide it on another screen, or with signalbox conversation approve.")
      )
  }).pipe(Effect.provide(Home.layer))

const ownBridge = (home: HomePaths) =>
  Effect.map(readHubFile(home), (state) => {
    const bridge = state._tag === "Running" ? state.hub.bridge : undefined
    if (bridge === undefined) return undefined
    const any = bridge.host === "0.0.0.0" ? "127.0.0.1" : bridge.host === "::" ? "::1" : bridge.host
    return { ...bridge, host: any }
  })

const placeOf = (text: string): Place | undefined => {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/iu.exec(text)
  const port = parts?.[3] === undefined ? usualPort : Number(parts[3])
  if (parts === null || port < 1 || port > 65_535) return undefined
  return { host: parts[1] ?? parts[2] ?? "", port }
}

/**
 * The certificate is the one that the hub of this home announced or the environment pins, the one that was said, the one it was last
 * time — or it is refused.
 */
const trusted = Effect.fnUntraced(function* (
  home: HomePaths,
  place: Place,
  sure: ReadonlyArray<string | false | undefined>,
  flags: Flags
) {
  const { socket, shown } = yield* dialTls(place)
  const refuse = (reason: string) =>
    Effect.andThen(
      Effect.sync(() => socket.destroy()),
      Effect.fail(failed(reason))
    )
  const at = named(place)
  if (flags.pin !== undefined) {
    const wanted = plainFingerprint(flags.pin)
    if (wanted === undefined)
      return yield* refuse("--pin is a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons.")
    if (wanted !== shown)
      return yield* refuse(`${at} showed another certificate (${shown}) than --pin says. Nothing was sent to it.`)
  } else if (sure.includes(shown)) return socket
  const known = yield* Effect.promise(() => readPin(home.directory, at))
  if (flags.pin === undefined && known !== undefined && known !== shown && !flags.accept)
    return yield* refuse(
      `${at} showed another certificate than last time. Nothing was sent to it. If it was replaced on purpose, give --accept-new. Now: ${shown}`
    )
  if (flags.pin === undefined && known === undefined && !flags.accept)
    return yield* refuse(
      `${at} is not known yet. Compare its fingerprint with what signalbox cert --show tells there, then give --accept-new: ${shown}`
    )
  if (known !== shown) yield* Effect.promise(() => writePin(home.directory, at, shown))
  return socket
})

/** The home's token goes to the home's bridge only, and that of the environment to the machine of the hub that it is for. */
const tokenFor = Effect.fnUntraced(function* (
  home: HomePaths,
  { mine, meant }: { readonly mine: boolean; readonly meant: boolean },
  chosen: Elsewhere,
  flags: Flags
) {
  const file = flags.token
  if (file === undefined && meant && chosen.token !== undefined) return chosen.token
  if (file === undefined) return mine ? Redacted.value(yield* readAdminToken(home)) : undefined
  return yield* Effect.tryPromise({
    try: async () => (await fs.readFile(file, "utf8")).trim(),
    catch: (cause) =>
      failed(
        `The token file ${file} cannot be read (${cause instanceof Error && "code" in cause ? String(cause.code) : "?"}).`
      )
  })
})

type End = "wished" | "lost" | "asked"

/** Where the server had said all that it had to say: at a prompt (its lines are not echoed, so prompts may stand in a row). */
const said = /(?:^|\n|> )(?:(?:IA)?> |Number or name.*: )$/u

/** Until one side ends it. Who pipes something in has left before the answer, so there the server's last words tell. */
const endOf = (left: boolean, terminal: boolean, last: string): End => {
  if (terminal && left) return "wished"
  if (last.endsWith("\nYES or NO? ")) return "asked"
  return last.endsWith("Goodbye.\n") || (left && said.test(last)) ? "wished" : "lost"
}

const conversation = (socket: Socket, token: string | undefined, speed: number | undefined) =>
  Effect.callback<End>((resume) => {
    const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true
    const lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal,
      prompt: "",
      historySize: 500
    })
    const screen = terminal ? makeScreen(process.stdout, lines) : undefined
    const print = printer(speed, (text) => {
      if (screen !== undefined) return screen.show(text)
      if (process.stdout.write(text) || socket.isPaused()) return
      socket.pause() // who reads us is slower than the server
      process.stdout.once("drain", () => socket.resume())
    })
    let left = false
    let last = ""
    // before any line of stdin: what comes in the middle of a talk would be said to the model
    if (token !== undefined) socket.write(`AUTH ${token}\n`)

    const decoder = new TextDecoder()
    socket.on("data", (chunk: Buffer) => {
      const text = safeText(decoder.decode(chunk, { stream: true }))
      last = (last + text).slice(-80)
      print(text)
    })
    lines.on("line", (line) => {
      screen?.entered()
      socket.write(`${line}\n`)
    })
    lines.on("SIGINT", () => {
      // in a reply: stop it; at a prompt: leave
      if (/^(?:(?:IA)?> |Number or name.*: )$/u.test(screen?.row() ?? "")) lines.close()
      else socket.write("STOP\n")
    })
    lines.on("close", () => {
      left = true
      socket.end()
    })
    socket.on("error", () => socket.destroy())
    const over = (): void => {
      print.flush()
      lines.removeAllListeners("close")
      lines.close()
      if (terminal) process.stdout.write("\n")
      resume(Effect.succeed(endOf(left, terminal, last)))
    }
    if (socket.destroyed) over()
    else socket.once("close", over)
    return Effect.sync(() => socket.destroy())
  })

/** @param speed characters a second; undefined: at once */
const printer = (speed: number | undefined, show: (text: string) => void) => {
  if (speed === undefined || speed < 1) return Object.assign(show, { flush: () => {} })
  let waiting: Array<string> = []
  const everyMs = 20
  const step = Math.max(1, Math.round((speed * everyMs) / 1000))
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    clearInterval(timer)
    timer = undefined
    if (waiting.length > 0) show(waiting.join(""))
    waiting = []
  }
  const tick = (): void => {
    show(waiting.splice(0, step).join(""))
    if (waiting.length === 0) flush()
  }
  return Object.assign(
    (text: string): void => {
      for (const character of text) waiting.push(character)
      timer ??= setInterval(tick, everyMs)
    },
    { flush }
  )
}

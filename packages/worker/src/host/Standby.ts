/**
 * Launchers that stand by: on every host that was launched on lately, one shell that waits for the next task.
 *
 * Owns: opening them, giving each to one asker, the talk with `launch.sh`. Does not own: the script, connections, what is launched.
 * Invariants: a launcher launches once; whoever takes it asks it, and it has answered before anything is sent, so that a connection that has died
 * unnoticed is found out while it is still known that nothing was sent; files alone start nothing, the last word does; one that
 * is let go of before starts nothing; it never dials.
 */
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import type { Ended, Running } from "./process.ts"
import {
  answerOf,
  execTimeoutMs,
  type Launched,
  launchedOf,
  standbyOrder,
  type RunnerError,
  scriptCommand,
  type TaskFiles
} from "./Runner.ts"
import { type HostError, HostUnreachable, type Ran, Transport } from "./Transport.ts"

export interface Launcher {
  /** Whether it was opened for this host as it is configured now. */
  readonly serves: (host: HostConfig) => boolean
  /** Returns when the host has answered, now. */
  readonly here: Effect.Effect<void, HostUnreachable>
  /** Sends the files. Nothing can run yet: one that is let go of here starts nothing. */
  readonly stage: (taskId: string, files: TaskFiles) => Effect.Effect<Staged, HostError | RunnerError>
}
export interface Staged {
  /** Says the word: from here on the task may run. */
  readonly launch: Effect.Effect<Launched, HostError | RunnerError>
}

export class Standby extends Context.Service<
  Standby,
  {
    /** Whether one waits on the host of this name, as far as is known without asking anybody. */
    readonly stands: (hostName: string) => boolean
    /** One that waits on the host of this name. With the scope it ends, or waits again when it was given nothing. */
    readonly take: (hostName: string) => Effect.Effect<Option.Option<Launcher>, never, Scope.Scope>
    /** Somebody has just launched there: sees to it that one will wait. Returns at once. */
    readonly prepare: (host: HostConfig) => Effect.Effect<void>
  }
>()("@signalbox/worker/host/Standby") {
  static readonly layer: Layer.Layer<Standby, never, Transport> = Layer.effect(
    Standby,
    Effect.gen(function* () {
      const transport = yield* Transport
      const scope = yield* Effect.scope
      const waiting = new Map<string, Waiting>()

      const forget = (one: Waiting): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (waiting.get(one.name) === one) waiting.delete(one.name)
          return Scope.close(one.scope, Exit.void)
        })
      const open = Effect.fnUntraced(function* (host: HostConfig, one: Waiting) {
        const talk = converse(yield* Scope.provide(transport.open(host, scriptCommand("launch.sh", "")), one.scope))
        if ((yield* talk.heard(standing)) !== "heard") return
        one.talk = talk
        yield* Effect.timeoutOption(talk.ended, idle)
      })
      const prepare = (host: HostConfig): Effect.Effect<void> =>
        Effect.gen(function* () {
          const config = JSON.stringify(host)
          const there = waiting.get(host.name)
          if (there?.config === config) return
          if (there !== undefined) yield* forget(there)
          const one = waitingFor(host, yield* Scope.make())
          waiting.set(host.name, one)
          yield* Effect.forkIn(
            Effect.andThen(
              Effect.ignore(open(host, one)), // a host that cannot be reached is no news here: whoever launches finds out
              Effect.suspend(() => {
                one.over = true
                return one.taken ? Effect.void : forget(one)
              })
            ),
            scope
          )
        })
      const take = (hostName: string): Effect.Effect<Option.Option<Launcher>, never, Scope.Scope> =>
        Effect.gen(function* () {
          const one = waiting.get(hostName)
          if (one?.talk === undefined) return Option.none()
          waiting.delete(hostName)
          one.taken = true
          yield* Effect.addFinalizer(() =>
            Effect.suspend(() => {
              if (one.spent || one.over || waiting.has(hostName)) return Scope.close(one.scope, Exit.void)
              one.taken = false
              waiting.set(hostName, one)
              return Effect.void
            })
          )
          return Option.some(launcher(one, one.talk))
        })
      yield* Effect.addFinalizer(() => Effect.forEach([...waiting.values()], forget, { discard: true }))
      const stands = (hostName: string): boolean => waiting.get(hostName)?.talk !== undefined
      return Standby.of({ stands, take, prepare })
    })
  )
}

interface Waiting {
  /** The host's. */
  readonly name: string
  readonly config: string
  readonly scope: Scope.Closeable
  /** When it stands. */
  talk: Talk | undefined
  taken: boolean
  /** Something was sent, or it did not answer. */
  spent: boolean
  /** It has ended, or has waited long enough. */
  over: boolean
}
const waitingFor = (host: HostConfig, scope: Scope.Closeable): Waiting => ({
  name: host.name,
  config: JSON.stringify(host),
  scope,
  talk: undefined,
  taken: false,
  spent: false,
  over: false
})

/** So long nobody launched there: the next one waits some milliseconds longer. */
const idle = "10 minutes"
/** Longer than this a host is not near enough for haste. */
const patience = "1 second"
const standing = "@standing"
const stagedMark = "@staged"
const lastWord = Buffer.from("go\n")
const mostSaid = 1_048_576

const launcher = (one: Waiting, talk: Talk): Launcher => ({
  serves: (host) => JSON.stringify(host) === one.config,
  here: Effect.gen(function* () {
    one.spent = true // until it has answered
    const asked = `here ${talk.next()}`
    talk.say(`${asked}\n`)
    const answered = yield* Effect.timeoutOption(talk.heard(`@${asked}`), patience)
    if (Option.isNone(answered))
      return yield* new HostUnreachable({ host: one.name, reason: `it did not answer within ${patience}` })
    if (answered.value === "ended")
      return yield* new HostUnreachable({ host: one.name, reason: "its launcher has ended" })
    one.spent = false
  }),
  stage: (taskId, files) =>
    Effect.gen(function* () {
      const { words, input } = yield* standbyOrder(one, taskId, files)
      one.spent = true
      talk.say(Buffer.concat([Buffer.from(`${words}\n`), input]))
      const staged = yield* Effect.timeoutOption(talk.heard(stagedMark), execTimeoutMs)
      if (Option.isNone(staged)) return yield* late(one.name)
      // Ended before its time: something is in the way, or the host has told at once that this id was started or killed before.
      if (staged.value === "ended") yield* answerOf(one, "launch.sh", yield* ranOf(one.name, talk))
      const launch = Effect.gen(function* () {
        talk.finish(lastWord)
        return yield* launchedOf(one, taskId, yield* answerOf(one, "launch.sh", yield* ranOf(one.name, talk)))
      })
      return { launch }
    })
})

const late = (host: string): Effect.Effect<never, HostUnreachable> =>
  Effect.fail(new HostUnreachable({ host, reason: lateReason }))
const lateReason = `it did not finish what was asked within ${execTimeoutMs} ms`

const ranOf = (host: string, talk: Talk): Effect.Effect<Ran, HostUnreachable> =>
  Effect.flatMap(Effect.timeoutOption(talk.ended, execTimeoutMs), (end) => {
    if (Option.isSome(end) && end.value.lost === undefined)
      return Effect.succeed({ code: end.value.code, signal: end.value.signal, ...talk.said() })
    const lost = Option.isSome(end) ? end.value.lost : undefined
    return lost === undefined ? late(host) : Effect.fail(new HostUnreachable({ host, reason: lost }))
  })

interface Talk {
  /** 1, 2, 3 …: tells questions apart. */
  readonly next: () => number
  readonly say: (text: string | Uint8Array) => void
  /** The last that is said, and the end of what is said. */
  readonly finish: (bytes: Uint8Array) => void
  /** When it has said this line, or has ended. */
  readonly heard: (line: string) => Effect.Effect<"heard" | "ended">
  readonly ended: Effect.Effect<Ended>
  readonly said: () => { readonly out: Uint8Array; readonly err: Uint8Array }
}

const converse = (running: Running): Talk => {
  const [out, err]: [Array<Buffer>, Array<Buffer>] = [[], []]
  let size = 0
  let asked = 0
  let end: Ended | undefined
  const waiters = new Set<() => void>()
  const wake = (): void => Array.from(waiters).forEach((waiter) => waiter())
  const gather = (into: Array<Buffer>) => (part: Buffer) => {
    size += part.length
    if (size > mostSaid) return running.stop()
    into.push(part)
    wake()
  }
  running.stdout.on("data", gather(out))
  running.stderr.on("data", gather(err))
  running.stdin.on("error", () => undefined) // it may end without reading: its exit code tells, not this
  running.onEnd((ended) => {
    end = ended
    wake()
  })
  const until = <A>(look: () => A | undefined): Effect.Effect<A> =>
    Effect.callback((resume) => {
      const waiter = (): void => {
        const found = look()
        if (found === undefined) return
        waiters.delete(waiter)
        resume(Effect.succeed(found))
      }
      waiters.add(waiter)
      waiter()
      return Effect.sync(() => waiters.delete(waiter))
    })
  return {
    next: () => ++asked,
    say: (text) => void running.stdin.write(text),
    finish: (bytes) => void running.stdin.end(bytes),
    heard: (line) =>
      until(() => {
        if (Buffer.concat(out).toString().split("\n").includes(line)) return "heard"
        return end === undefined ? undefined : "ended"
      }),
    ended: until(() => end),
    said: () => ({ out: Buffer.concat(out), err: Buffer.concat(err) })
  }
}

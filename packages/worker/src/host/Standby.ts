/**
 * Launchers that stand by: on every host that was launched on lately, one shell that waits for the next task.
 *
 * Owns: opening them, giving each to one asker, the talk with `launch.sh`. Does not own: the script, connections, what is launched.
 * Invariants: a launcher launches once; it is asked and has answered before anything is sent, so that a connection that has died
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
  /** Tells it what will come; it has answered when this returns. Nothing of the task is there yet but room. */
  readonly ready: (taskId: string, files: TaskFiles) => Effect.Effect<Ready, HostError | RunnerError>
}
export interface Ready {
  /** Sends the files. Nothing can run yet: one that is let go of here starts nothing. */
  readonly stage: Effect.Effect<Staged, HostError | RunnerError>
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
    /** One that waits on this host, as it is configured now. It is ended with the scope. */
    readonly take: (host: HostConfig) => Effect.Effect<Option.Option<Launcher>, never, Scope.Scope>
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
          if (waiting.get(one.host) === one) waiting.delete(one.host)
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
          const one: Waiting = { host: host.name, config, scope: yield* Scope.make(), talk: undefined, taken: false }
          waiting.set(host.name, one)
          yield* Effect.forkIn(
            Effect.andThen(
              Effect.ignore(open(host, one)), // a host that cannot be reached is no news here: whoever launches finds out
              Effect.suspend(() => (one.taken ? Effect.void : forget(one)))
            ),
            scope
          )
        })
      const take = (host: HostConfig): Effect.Effect<Option.Option<Launcher>, never, Scope.Scope> =>
        Effect.gen(function* () {
          const one = waiting.get(host.name)
          if (one?.talk === undefined || one.config !== JSON.stringify(host)) return Option.none()
          waiting.delete(host.name)
          one.taken = true
          yield* Effect.addFinalizer(() => Scope.close(one.scope, Exit.void))
          return Option.some(launcher(host, one.talk))
        })
      yield* Effect.addFinalizer(() => Effect.forEach([...waiting.values()], forget, { discard: true }))
      const stands = (hostName: string): boolean => waiting.get(hostName)?.talk !== undefined
      return Standby.of({ stands, take, prepare })
    })
  )
}

interface Waiting {
  readonly host: string
  readonly config: string
  readonly scope: Scope.Closeable
  /** When it stands. */
  talk: Talk | undefined
  taken: boolean
}

/** So long nobody launched there: the next one waits some milliseconds longer. */
const idle = "10 minutes"
/** Longer than this a host is not near enough for haste. */
const patience = "1 second"
const standing = "@standing"
const readyMark = "@ready"
const stagedMark = "@staged"
const lastWord = Buffer.from("go\n")
const mostSaid = 1_048_576

const launcher = (host: HostConfig, talk: Talk): Launcher => ({
  ready: (taskId, files) =>
    Effect.gen(function* () {
      const { words, input } = yield* standbyOrder(host, taskId, files)
      talk.say(`${words}\n`)
      const answered = yield* Effect.timeoutOption(talk.heard(readyMark), patience)
      if (Option.isNone(answered))
        return yield* new HostUnreachable({ host: host.name, reason: `it did not answer within ${patience}` })
      // Ended before its time: something is in the way, or the host has told at once that this id was started or killed before.
      if (answered.value === "ended") yield* answerOf(host, "launch.sh", yield* ranOf(host, talk))
      const launch = Effect.gen(function* () {
        talk.finish(lastWord)
        return yield* launchedOf(host, taskId, yield* answerOf(host, "launch.sh", yield* ranOf(host, talk)))
      })
      const stage = Effect.gen(function* () {
        talk.say(input)
        const staged = yield* Effect.timeoutOption(talk.heard(stagedMark), execTimeoutMs)
        if (Option.isNone(staged)) return yield* late(host)
        if (staged.value === "ended") yield* answerOf(host, "launch.sh", yield* ranOf(host, talk))
        return { launch }
      })
      return { stage }
    })
})

const late = (host: HostConfig): Effect.Effect<never, HostUnreachable> =>
  Effect.fail(new HostUnreachable({ host: host.name, reason: lateReason }))
const lateReason = `it did not finish what was asked within ${execTimeoutMs} ms`

const ranOf = (host: HostConfig, talk: Talk): Effect.Effect<Ran, HostUnreachable> =>
  Effect.flatMap(Effect.timeoutOption(talk.ended, execTimeoutMs), (end) => {
    if (Option.isSome(end) && end.value.lost === undefined)
      return Effect.succeed({ code: end.value.code, signal: end.value.signal, ...talk.said() })
    const lost = Option.isSome(end) ? end.value.lost : undefined
    return lost === undefined ? late(host) : Effect.fail(new HostUnreachable({ host: host.name, reason: lost }))
  })

interface Talk {
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

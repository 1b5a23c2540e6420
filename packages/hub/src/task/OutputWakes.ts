/**
 * Wakes who follows a task's output in this process.
 *
 * Owns: one subscription to the hints for all followers. Does not own: the bytes (`TaskOutput`).
 * Invariant: a hint is only a reason to look; whoever waits also looks after a second, so a lost hint costs that much.
 */
import { Context, Effect, Layer, Option, Schedule, Schema, Stream } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { taskStream } from "@signalbox/core/task/events.ts"
import { OutputHints, type OutputStream, outputTopic } from "@signalbox/core/task/output.ts"
import { EventFeed } from "../log/EventFeed.ts"

export interface Waking {
  /** True: something happened since the last look. False: `ms` went by. */
  readonly wait: (ms: number) => Effect.Effect<boolean>
  readonly stop: () => void
}

export class OutputWakes extends Context.Service<
  OutputWakes,
  { readonly watch: (taskId: string, stream: OutputStream) => Waking }
>()("@signalbox/hub/task/OutputWakes") {
  static readonly layer: Layer.Layer<OutputWakes, never, EventLog | EventFeed> = Layer.effect(
    OutputWakes,
    Effect.gen(function* () {
      const log = yield* EventLog
      const feed = yield* EventFeed
      const watching = new Map<string, Set<() => void>>()
      const decode = Schema.decodeUnknownOption(OutputHints)
      yield* log.subscribe(outputTopic).pipe(
        Stream.runForEach((payload) =>
          Effect.sync(() => {
            for (const hint of Option.getOrElse(decode(payload), () => []))
              for (const ring of watching.get(keyOf(hint.taskId, hint.stream)) ?? []) ring()
          })
        ),
        Effect.repeat(Schedule.spaced("1 second")),
        Effect.forkScoped
      )
      return OutputWakes.of({
        watch: (taskId, stream) => {
          const bell = makeBell()
          const key = keyOf(taskId, stream)
          const bells = watching.get(key) ?? new Set()
          watching.set(key, bells.add(bell.ring))
          const unwatch = feed.watch(taskStream(taskId), bell.ring)
          return {
            wait: bell.wait,
            stop: () => {
              unwatch()
              bells.delete(bell.ring)
              if (bells.size === 0 && watching.get(key) === bells) watching.delete(key)
            }
          }
        }
      })
    })
  )
}

const keyOf = (taskId: string, stream: OutputStream): string => `${taskId}/${stream}`

/** Rings once however often it was rung since the last wait; a ring before the wait is not lost. */
const makeBell = () => {
  let rung = false
  let waiting: (() => void) | undefined
  return {
    ring: () => {
      rung = true
      waiting?.()
    },
    wait: (ms: number): Effect.Effect<boolean> =>
      Effect.callback((resume) => {
        const done = () => {
          waiting = undefined
          clearTimeout(timer)
          const found = rung
          rung = false
          resume(Effect.succeed(found))
        }
        const timer = setTimeout(done, rung ? 0 : ms)
        waiting = done
        return Effect.sync(() => {
          waiting = undefined
          clearTimeout(timer)
        })
      })
  }
}

/**
 * Runs the reactors: each batch's jobs and the checkpoint in one transaction.
 *
 * Owns: turning `react` into a follower of the log. Does not own: the loop (`follow.ts`), the queue.
 */
import { Effect, Layer } from "effect"
import { EventLog, LogUnavailable } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { JobQueue, type NewJob } from "../queue/Queue.ts"
import type { Follower } from "./checkpoint.ts"
import { followForever } from "./follow.ts"
import { awaitPosition, followerStatus, retryStream } from "./parked.ts"
import { UnknownProjection } from "./Projection.ts"
import { jobId, type Listener, type Reactor, Reactors } from "./Reactor.ts"
import { makeTail } from "./tail.ts"

export const layer = (reactors: ReadonlyArray<Reactor>): Layer.Layer<Reactors, never, Db | EventLog | JobQueue> =>
  Layer.effect(
    Reactors,
    Effect.gen(function* () {
      const context = yield* Effect.context<Db | EventLog>()
      const queue = yield* JobQueue
      const listeners = new Map<string, Set<Listener>>(reactors.map((one) => [one.name, new Set()]))
      const followers = new Map(
        reactors.map((one) => {
          const noticed: Listener = (events) =>
            Effect.suspend(() => {
              const all = listeners.get(one.name)
              if (all === undefined || all.size === 0) return Effect.void
              const told = Effect.forEach(all, (listener) => listener(events), { discard: true })
              return Effect.asVoid(Effect.timeoutOption(told, hold))
            })
          const filled = new Set<string>()
          const committed = (): void => {
            queue.nudge(filled)
            filled.clear()
          }
          return [one.name, { ...followerOf(one, queue, filled), noticed, committed }]
        })
      )
      const named = (name: string): Effect.Effect<Follower, UnknownProjection> => {
        const found = followers.get(name)
        return found === undefined
          ? Effect.fail(new UnknownProjection({ name, known: [...followers.keys()] }))
          : Effect.succeed(found)
      }
      const run = Effect.gen(function* () {
        const tail = yield* makeTail
        for (const follower of followers.values())
          yield* Effect.forkScoped(followForever(follower, tail, follower.committed))
        return yield* Effect.never
      })
      return Reactors.of({
        run: run.pipe(Effect.scoped, Effect.provide(context)),
        overhear: (name, listener) =>
          Effect.flatMap(named(name), () =>
            Effect.acquireRelease(
              Effect.sync(() => void listeners.get(name)?.add(listener)),
              () => Effect.sync(() => void listeners.get(name)?.delete(listener))
            )
          ),
        waitFor: (name, position) =>
          named(name).pipe(
            Effect.flatMap((follower) => awaitPosition([follower.name], "jobs", position)),
            Effect.provide(context)
          ),
        status: Effect.provide(followerStatus(["jobs"]), context),
        retry: (name, stream) =>
          named(name).pipe(
            Effect.flatMap((follower) => retryStream(follower, stream)),
            Effect.catchTag("UnknownQueue", (e) => Effect.fail(new LogUnavailable({ reason: e.message }))),
            Effect.provide(context)
          )
      })
    })
  )

/** Long enough for a start on a host nearby, short for a reactor that has others to serve. */
const hold = "50 millis"

/** @param filled is told the queues that have something to do as soon as the batch is committed */
const followerOf = (reactor: Reactor, queue: JobQueue["Service"], filled: Set<string>): Follower => ({
  name: reactor.name,
  target: "jobs",
  version: 1,
  from: reactor.from,
  wants: new Set(reactor.types),
  apply: (events) => {
    const jobs = events.flatMap((event) =>
      reactor
        .react(event)
        .map(({ suffix, ...request }): NewJob => ({ ...request, id: jobId(event, reactor.name, suffix) }))
    )
    for (const job of jobs) if (job.startAfter === undefined) filled.add(job.queue)
    return queue.enqueue(jobs)
  }
})

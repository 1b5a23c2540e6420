/**
 * A schedule's tick: fire what is due, then plan the next one.
 *
 * Owns: the jobs of `schedule.tick`. Does not own: cron arithmetic (core), what a task is.
 * Invariants: an occurrence makes one task whatever is run twice, because the ids of task and commands follow from it; what
 * was missed by more than the tolerance is recorded as missed and not made up for: a 3 a.m. backup must not start at noon.
 */
import { Clock, Effect } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { uuidV5 } from "@signalbox/core/projection/Reactor.ts"
import { JobQueue, jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { nextOccurrence } from "@signalbox/core/schedule/cron.ts"
import type { ScheduleCommand, ScheduleView } from "@signalbox/core/schedule/decider.ts"
import { scheduleEvents, scheduleStream } from "@signalbox/core/schedule/events.ts"
import { ScheduleJob } from "@signalbox/core/schedule/jobs.ts"
import { scheduleDecider } from "@signalbox/core/schedule/room.ts"
import { makeTaskId } from "@signalbox/core/task/events.ts"
import { TaskCommands } from "../task/TaskCommands.ts"

const toleranceMs = 15 * 60_000

export const scheduleHandler = jobHandler({
  queue: queues.schedule.name,
  data: ScheduleJob,
  run: (job) =>
    Effect.gen(function* () {
      yield* (yield* ReadModels).waitFor(job.position)
      const commands = yield* Commands
      const { state } = yield* commands.load(scheduleDecider, scheduleEvents, scheduleStream(job.scheduleId))
      if (state === undefined || state.status !== "active") return
      // Firing is an event; that event's own tick plans what follows.
      if (job.occurrence === undefined) return yield* plan(state)
      if (state.lastOccurrence !== null && job.occurrence <= state.lastOccurrence) return
      const late = (yield* Clock.currentTimeMillis) - Date.parse(job.occurrence)
      if (late > toleranceMs) return yield* record(state, { _tag: "Miss", occurrence: job.occurrence })
      yield* fire(state, job.occurrence)
    })
})

/** The job of the next planned time; its id follows from it, so however often it is planned it comes once. */
const plan = (schedule: ScheduleView) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const last = schedule.lastOccurrence === null ? 0 : Date.parse(schedule.lastOccurrence)
    const next = nextOccurrence(schedule.cron, schedule.timezone, new Date(Math.max(now, last)))
    if (next === null) return
    const occurrence = next.toISOString()
    yield* (yield* JobQueue).enqueue([
      {
        id: uuidV5(JSON.stringify(["schedule", schedule.scheduleId, schedule.version, occurrence])),
        queue: queues.schedule.name,
        data: { scheduleId: schedule.scheduleId, position: 0, occurrence },
        startAfter: next
      }
    ])
  })

const fire = (schedule: ScheduleView, occurrence: string) =>
  Effect.gen(function* () {
    const seed = uuidV5(JSON.stringify(["schedule", schedule.scheduleId, schedule.createdAt, occurrence]))
    const taskId = makeTaskId(Date.parse(occurrence), Buffer.from(seed.replaceAll("-", ""), "hex"))
    const sessionId = uuidV5(JSON.stringify(["session", taskId]))
    const created = { ...schedule.task, taskId, sessionId, scheduleId: schedule.scheduleId }
    yield* (yield* TaskCommands).run(taskId, { _tag: "Create", created }, "scheduled")
    yield* record(schedule, { _tag: "Fire", occurrence, taskId })
  })

const record = (schedule: ScheduleView, command: Extract<ScheduleCommand, { readonly occurrence: string }>) =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({
      decider: scheduleDecider,
      types: scheduleEvents,
      stream: scheduleStream(schedule.scheduleId),
      command,
      commandId: uuidV5(
        JSON.stringify(["schedule", schedule.scheduleId, schedule.createdAt, command.occurrence, command._tag])
      ),
      actor: `schedule:${schedule.scheduleId}`
    })
  ).pipe(Effect.asVoid)

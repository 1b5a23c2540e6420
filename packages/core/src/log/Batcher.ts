/**
 * Group commit: everything that arrives while a flight is in the air leaves together on the next one.
 *
 * Owns: the waiting line (bounded in items and bytes: a full line suspends the caller), who flies when, retries on a lost
 * connection, and the isolation of an item that Postgres refuses.
 * Does not own: the statement (`append`), nor the meaning of a conflict (the caller decides anew).
 * Invariants: no two items in the air share a stream or a command id, whatever flights they are on, and the order within a
 * stream is that of arrival; while a flight is in the air another leaves only with company, and where the disk is not slow, so
 * that few callers share one flush and many keep this process, Postgres and the disk busy at the same time; a caller that is interrupted while waiting is taken out
 * of the line, one whose item is in the air leaves it flying (its receipt tells the outcome); a flight is repeated only when
 * the connection was lost, and then the receipts of what had been committed answer; once the log closes everyone is told, also
 * who waits for room and who comes later.
 */
import { Effect, Random, Result, Semaphore } from "effect"
import type postgres from "postgres"
import { type DbError, toDbError } from "../postgres/Db.ts"
import { type Answered, sendAppend, type Sent } from "./append.ts"
import { type Append, type AppendError, type Appended, EventNotStorable, LogUnavailable } from "./EventLog.ts"
import { type Storable, toStorable } from "./storable.ts"

export interface BatcherOptions {
  /** Flights in the air at the same time, each on a connection of its own: Postgres writes one while the disk takes the other. */
  readonly flights: number
  /** Items without which none leaves while another is in the air. */
  readonly company: number
  /** And only while the disk takes at most so many times as long for a flight as Postgres and its turn do. */
  readonly patienceWithDisk: number
  /** Items in one flight. */
  readonly flightItems: number
  /** Bytes of payload after which a flight takes no more items (one larger item flies alone). */
  readonly flightBytes: number
  /** Items that may wait or fly; each 8 KiB of payload counts as one. */
  readonly line: number
  /** How long a lost connection is retried before the callers are told. */
  readonly patienceMillis: number
  /** How long an answer is waited for before the connection counts as lost: a cut cable gives no sign. */
  readonly answerMillis: number
}
export const defaultOptions: BatcherOptions = {
  flights: 2,
  company: 16,
  patienceWithDisk: 1.5,
  flightItems: 128,
  flightBytes: 4 * 1_048_576,
  line: 8_192,
  patienceMillis: 45_000,
  answerMillis: 20_000
}

const closing = new LogUnavailable({ reason: "the log is closing" })

type Landed = Effect.Effect<Appended, AppendError>
interface Waiting {
  readonly storable: Storable
  readonly land: (landed: Landed) => void
}
type Flight = ReadonlyArray<Waiting>
/** One who flies: its connection, a new one when that was lost. */
interface Seat {
  sql: postgres.Sql
}

export interface Batcher {
  readonly append: (item: Append) => Effect.Effect<Appended, AppendError>
  /** Flights that were sent so far, repeats included. */
  readonly flights: () => number
}

/** @param open makes a pool of one connection, so that appends never wait behind reads or behind a caller's transaction */
export const makeBatcher = Effect.fnUntraced(function* (
  open: () => postgres.Sql,
  options: BatcherOptions = defaultOptions
) {
  const line = new Set<Waiting>()
  const room = yield* Semaphore.make(options.line)
  const air = new Set<Flight>()
  const ready: Array<(flight: Flight) => void> = []
  let flights = 0
  let calling = false
  let closed = false
  /** As long as the line is shorter, looking for passengers would be in vain. */
  let enough = 0
  /** Milliseconds of a flight, smoothed. */
  const took = { writing: 0, settling: 0 }

  const board = (storable: Storable): Landed =>
    Effect.callback<Appended, AppendError>((resume) => {
      if (closed) return resume(Effect.fail(closing)) // nobody would ever fly
      const waiting: Waiting = { storable, land: resume }
      line.add(waiting)
      call()
      return Effect.sync(() => {
        line.delete(waiting)
      })
    })
  const append = (item: Append): Landed => {
    const checked = toStorable(item)
    if (Result.isFailure(checked)) return Effect.fail(checked.failure)
    const weight = Math.min(options.line, Math.max(1, Math.ceil(checked.success.bytes / 8_192)))
    return Semaphore.withPermits(room, weight)(board(checked.success))
  }

  const inTheAir = () => [...air].flat()
  /** On a slow disk two waits for the same callers would cost more than working meanwhile saves. */
  const worth = () => took.settling <= took.writing * options.patienceWithDisk
  const mayLeave = () =>
    ready.length > 0 && line.size > 0 && (air.size === 0 || (line.size >= Math.max(options.company, enough) && worth()))
  /** The turn of the event loop lets every caller that the last flight woke come aboard first. */
  const call = () => {
    if (calling || !mayLeave()) return
    calling = true
    setImmediate(() => {
      calling = false
      if (!mayLeave()) return
      const flight = choose(line, inTheAir(), worth() ? options.flights : 1, options)
      if (air.size > 0 && flight.length < options.company) {
        enough = line.size + options.company // the others wait for what is in the air
        return
      }
      const leave = ready.pop()
      if (leave === undefined) return
      for (const one of flight) line.delete(one)
      air.add(flight)
      leave(flight)
      call()
    })
  }
  const boarded = Effect.callback<Flight>((resume) => {
    ready.push((flight) => resume(Effect.succeed(flight)))
    call()
  })
  const send = (seat: Seat, flight: Flight): Effect.Effect<Sent, DbError> =>
    Effect.suspend(() => {
      const connection = seat.sql
      flights++
      const storables = flight.map((one) => one.storable)
      const leave = () => {
        seat.sql = open()
        void connection.end({ timeout: 0 }).catch(() => {})
      }
      return Effect.tryPromise({
        try: () => sendAppend(connection, storables),
        catch: (cause) => toDbError("append to the log", cause)
      }).pipe(
        Effect.timeoutOrElse({
          duration: options.answerMillis,
          orElse: () => {
            const cause = new Error(`no answer for ${options.answerMillis} ms`)
            return Effect.fail(toDbError("append to the log", Object.assign(cause, { code: "ETIMEDOUT" })))
          }
        }),
        // What a connection says later, when it was silent or confused, could be taken for the answer to somebody else.
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error.code === "ETIMEDOUT" || error.code === "CONNECTION_CONFUSED") leave()
          })
        )
      )
    })
  const fly = (seat: Seat, flight: Flight): Effect.Effect<void> =>
    untilSent(send(seat, flight), options.patienceMillis).pipe(
      Effect.map(({ answers, writing, settling }) => {
        took.writing += (Math.min(writing, 20) - took.writing) / 8
        took.settling += (Math.min(settling, 20) - took.settling) / 8
        flight.forEach((one, i) => one.land(landing(answers[i])))
      }),
      Effect.catch((error) => {
        const [only] = flight
        if (error.transient || (flight.length === 1 && only !== undefined))
          return Effect.sync(() => flight.forEach((one) => one.land(Effect.fail(refusal(one.storable, error)))))
        return Effect.forEach(flight, (one) => fly(seat, [one]), { discard: true }) // the faulty one must not fail its neighbours
      })
    )
  const service = Effect.fnUntraced(function* (seat: Seat) {
    const flight = yield* boarded
    yield* fly(seat, flight)
    air.delete(flight)
    enough = 0
  })
  for (let n = 0; n < options.flights; n++) {
    const seat: Seat = { sql: open() }
    yield* Effect.addFinalizer(() => Effect.promise(() => seat.sql.end({ timeout: 1 })))
    yield* Effect.forkScoped(Effect.forever(service(seat)))
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true // before the room that the told ones leave lets others in
      for (const one of [...inTheAir(), ...line]) one.land(Effect.fail(closing))
      line.clear()
    })
  )
  return { append, flights: () => flights } satisfies Batcher
})

/**
 * Who leaves next. Several flights share the work: each takes half of all there is, as long as that is company enough.
 * @param air whose streams and commands must not be touched before they have landed
 * @param flights between how many the line is shared
 */
const choose = (line: ReadonlySet<Waiting>, air: Flight, flights: number, options: BatcherOptions): Flight => {
  const share = Math.ceil((line.size + air.length) / flights)
  const seats = Math.min(options.flightItems, share < options.company ? line.size : share)
  const flight: Array<Waiting> = []
  const streams = new Set(air.map(({ storable }) => storable.item.stream))
  const commands = new Set(air.map(({ storable }) => storable.item.commandId.toLowerCase()))
  let bytes = 0
  for (const one of line) {
    const { item, bytes: size } = one.storable
    if (flight.length >= seats || (flight.length > 0 && bytes + size > options.flightBytes)) break
    const command = item.commandId.toLowerCase()
    if (!streams.has(item.stream) && !commands.has(command)) {
      flight.push(one)
      bytes += size
    }
    streams.add(item.stream) // also when it stays behind: whoever comes after it on the stream stays behind too
    commands.add(command)
  }
  return flight
}

/** Safe to repeat: what was committed before the connection broke is answered by its receipt. */
const untilSent = <A>(send: Effect.Effect<A, DbError>, patienceMillis: number): Effect.Effect<A, DbError> =>
  Effect.gen(function* () {
    const deadline = performance.now() + patienceMillis
    for (let pause = 10; ; pause = Math.min(pause * 2, 500)) {
      const sent = yield* Effect.result(send)
      if (Result.isSuccess(sent)) return sent.success
      if (!sent.failure.transient || performance.now() + pause > deadline) return yield* sent.failure
      const jitter = yield* Random.next
      yield* Effect.sleep(pause * (0.5 + jitter / 2))
    }
  })

const landing = (answered: Answered | undefined): Landed =>
  answered === undefined
    ? Effect.fail(new LogUnavailable({ reason: "the database did not answer this item" }))
    : Effect.fromResult(answered)

/** SQLSTATE 22 (bad data) and 54 (too large) are the item's fault, and so is a CHECK on it; the rest is the database's. */
const refusal = ({ item }: Storable, error: DbError): AppendError =>
  !error.transient && /^(22|54|23514)/.test(error.code)
    ? new EventNotStorable({ stream: item.stream, type: item.events[0]?.type ?? "a rejection", reason: error.reason })
    : new LogUnavailable({ reason: error.transient ? `the database is not reachable (${error.reason})` : error.reason })

/**
 * Following every task of a host over one channel: what was written since the cursors, and on.
 *
 * Owns: starting the watcher (perl, or sh where there is none), noticing one that has fallen silent. Does not own: the protocol
 * (`watch-record.ts`), storing.
 * Invariant: the stream ends only by failing; whoever starts it again with the cursors of what was stored misses no byte.
 */
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Duration, Effect, Stream } from "effect"
import { isTaskId } from "./reply.ts"
import { install, type RunnerError } from "./Runner.ts"
import { scriptsVersion } from "./script/all.ts"
import { type HostError, HostUnreachable, Transport } from "./Transport.ts"
import { makeWatchParser, type WatchRecord } from "./watch-record.ts"

/** Bytes of a task's output that are stored already. */
export interface Cursor {
  readonly id: string
  readonly stream: "out" | "err"
  readonly offset: number
}

export interface WatchOptions {
  /** Seconds that the perl watcher rests after a look; the sh watcher looks once a second. */
  readonly tickSeconds?: number
  readonly silenceMs?: number
  /** For tests: only the sh watcher. */
  readonly withoutPerl?: boolean
  /** For tests: as on a host whose kernel does not say what was written. */
  readonly withoutNews?: boolean
}

/** It beats every second: after this much silence the way to it is broken, whatever the connection says. */
const defaultSilenceMs = 20_000

export const watch = (
  host: HostConfig,
  cursors: ReadonlyArray<Cursor>,
  options: WatchOptions = {}
): Stream.Stream<WatchRecord, HostError | RunnerError, Transport> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const transport = yield* Transport
      // Before each watch, because a missing script would look like a watcher that has ended.
      const probe = yield* transport.exec(host, `test -f "$HOME/.signalbox/bin/${scriptsVersion}/ok"`, {
        timeoutMs: 30_000
      })
      if (probe.code !== 0) yield* install(host)
      const lines = cursors
        .filter((cursor) => isTaskId(cursor.id))
        .map((cursor) => `${cursor.id} ${cursor.stream} ${Math.trunc(cursor.offset)}\n`)
      const parse = makeWatchParser()
      const broken = (reason: string): HostUnreachable => new HostUnreachable({ host: host.name, reason })
      return transport.stream(host, watcherCommand(options), { input: `${lines.join("")}.\n` }).pipe(
        Stream.timeoutOrElse({
          duration: Duration.millis(options.silenceMs ?? defaultSilenceMs),
          orElse: () => Stream.fail(broken("the watcher on it has fallen silent"))
        }),
        Stream.flatMap((chunk) => {
          const { problem, records } = parse(chunk)
          const good = Stream.fromArray(records)
          return problem === undefined ? good : Stream.concat(good, Stream.fail(broken(`its watcher sent ${problem}`)))
        }),
        Stream.concat(Stream.fail(broken("the watcher on it has ended")))
      )
    })
  )

const watcherCommand = (options: WatchOptions): string => {
  const tick = options.tickSeconds ?? 0.1
  const perl = options.withoutPerl === true ? "false" : "perl -MConfig -MTime::HiRes -e 1 >/dev/null 2>&1"
  return (
    `d="$HOME/.signalbox/bin/${scriptsVersion}"; if ${perl}; then exec perl "$d/watch.pl" ${tick}${options.withoutNews === true ? " look" : ""}; ` +
    `else exec /bin/sh "$d/watch.sh"; fi`
  )
}

/**
 * The metrics of every room, by name, and their text for Prometheus.
 *
 * Owns: names, units, buckets. Does not own: when they are updated, the route that serves them (hub).
 * Invariants: names begin with `signalbox_`, durations are histograms in seconds; labels have few values (a tool, a host, an
 * outcome), never ids.
 */
import { Clock, Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

/** 1 ms to 65 s, doubling. */
const seconds = Metric.exponentialBoundaries({ start: 0.001, factor: 2, count: 17 })
const timing = (name: string, description: string) => Metric.histogram(name, { description, boundaries: seconds })
const total = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

export const logMetrics = {
  appended: total("signalbox_log_events_appended_total", "Events appended by this process"),
  rejected: total("signalbox_log_appends_refused_total", "Appends that were refused, by reason"),
  appendSeconds: timing("signalbox_log_append_seconds", "From the call to the durable answer"),
  batchSize: Metric.histogram("signalbox_log_batch_size", {
    description: "Appends that shared one commit",
    boundaries: Metric.exponentialBoundaries({ start: 1, factor: 2, count: 10 })
  }),
  waiting: Metric.gauge("signalbox_log_appends_waiting", { description: "Appends in the queue of this process" }),
  head: Metric.gauge("signalbox_log_head_position", { description: "Last position seen by this process" }),
  lag: Metric.gauge("signalbox_log_reader_lag_events", { description: "Events between a reader and the head" })
} as const

export const queueMetrics = {
  started: total("signalbox_queue_jobs_started_total", "Jobs begun by this process"),
  finished: total("signalbox_queue_jobs_finished_total", "Jobs ended by this process, by outcome"),
  running: Metric.gauge("signalbox_queue_jobs_running", { description: "Jobs that run in this process" }),
  waitSeconds: timing("signalbox_queue_wait_seconds", "From the event to the start of its job"),
  jobSeconds: timing("signalbox_queue_job_seconds", "How long jobs run")
} as const

export const taskMetrics = {
  created: total("signalbox_tasks_created_total", "Tasks asked for, by tool"),
  settled: total("signalbox_tasks_settled_total", "Tasks that ended, by tool and status"),
  running: Metric.gauge("signalbox_tasks_running", { description: "Tasks watched by this process, by host" }),
  launchSeconds: timing("signalbox_task_launch_seconds", "From the job's start to the process on the host"),
  outputBytes: total("signalbox_task_output_bytes_total", "Bytes of output that were stored"),
  hostConnections: Metric.gauge("signalbox_host_connections", { description: "SSH connections that are open" })
} as const

/** Adds one, under labels. */
export const count = (
  metric: Metric.Counter<number>,
  labels: Readonly<Record<string, string>> = {},
  by = 1
): Effect.Effect<void> => Metric.update(Metric.withAttributes(metric, labels), by)

/** Sets a gauge, under labels. */
export const gauge = (
  metric: Metric.Gauge<number>,
  value: number,
  labels: Readonly<Record<string, string>> = {}
): Effect.Effect<void> => Metric.update(Metric.withAttributes(metric, labels), value)

/** Measures how long `self` takes, however it ends. */
export const timed =
  (metric: Metric.Histogram<number>, labels: Readonly<Record<string, string>> = {}) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeNanos, (from) =>
      Effect.onExit(self, () =>
        Effect.flatMap(Clock.currentTimeNanos, (to) =>
          Metric.update(Metric.withAttributes(metric, labels), Number(to - from) / 1e9)
        )
      )
    )

/** What `/metrics` answers: text/plain; version=0.0.4. */
export const metricsText: Effect.Effect<string> = PrometheusMetrics.format()

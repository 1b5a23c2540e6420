/**
 * GET /metrics: this process and its work for Prometheus.
 *
 * Invariants: labels have few values (never a path with an id in it); nothing secret is a metric.
 */
import { Effect, Layer, Metric } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { EventFeed } from "../log/EventFeed.ts"

const requests = Metric.counter("signalbox_http_requests_total", {
  description: "Requests answered, by method and status",
  incremental: true
})
const readers = Metric.gauge("signalbox_event_readers", { description: "Open event streams" })
const position = Metric.gauge("signalbox_log_position", { description: "Last position of the log seen by this hub" })
const memory = Metric.gauge("process_resident_memory_bytes", { description: "Resident memory of this process" })
const processor = Metric.gauge("process_cpu_seconds", { description: "Processor time used by this process" })

const methods = new Set(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"])

export const countRequests = HttpRouter.middleware(
  (handler) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.tap(handler, (response) =>
        Metric.update(
          Metric.withAttributes(requests, {
            method: methods.has(request.method) ? request.method : "other",
            status: String(response.status)
          }),
          1
        )
      )
    ),
  { global: true }
)

export const metricsRoute = Layer.unwrap(
  Effect.map(EventFeed, (feed) =>
    HttpRouter.add(
      "GET",
      "/metrics",
      Effect.gen(function* () {
        const used = process.cpuUsage()
        yield* Metric.update(readers, yield* feed.readers)
        yield* Metric.update(position, yield* feed.position)
        yield* Metric.update(memory, process.memoryUsage.rss())
        yield* Metric.update(processor, (used.user + used.system) / 1e6)
        return HttpServerResponse.text(yield* PrometheusMetrics.format(), {
          contentType: "text/plain; version=0.0.4; charset=utf-8"
        })
      })
    )
  )
)

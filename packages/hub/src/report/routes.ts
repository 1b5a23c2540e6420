/**
 * GET /api/v1/reports/:name: a ready-made report as JSON or CSV.
 *
 * Owns: the query and its limits. Does not own: the reports (core's report room).
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { streams } from "@signalbox/core/api/contract.ts"
import { Invalid, NotFound } from "@signalbox/core/api/problems.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { toCsv } from "@signalbox/core/report/csv.ts"
import { isReport, readReport, reportLimit, reports } from "@signalbox/core/report/reports.ts"
import { instant } from "@signalbox/core/task/request.ts"
import { read } from "../edge/answer.ts"
import { rawAuth } from "../edge/auth.ts"
import { oneOf, wholeNumber } from "../edge/query.ts"

export const reportPath = streams.report(":name") as `/${string}`
const usual = 1000

export const reportRoute = Layer.unwrap(
  Effect.map(Db, (db) =>
    HttpRouter.add(
      "GET",
      reportPath,
      Effect.gen(function* () {
        const query = yield* HttpServerRequest.ParsedSearchParams
        const { name = "" } = yield* HttpRouter.params
        if (!isReport(name))
          return yield* Effect.fail(
            new NotFound({
              what: name.slice(0, 60),
              detail: `There is no report ${name.slice(0, 60)}; there are ${Object.keys(reports).join(", ")}.`
            })
          )
        const format = (yield* oneOf("format", query["format"])) ?? "json"
        if (format !== "json" && format !== "csv")
          return yield* Effect.fail(new Invalid({ detail: `format is json or csv, not "${format.slice(0, 40)}".` }))
        const limit = (yield* wholeNumber("limit", query["limit"])) ?? usual
        if (limit < 1 || limit > reportLimit)
          return yield* Effect.fail(new Invalid({ detail: `limit must be between 1 and ${reportLimit}.` }))
        const given = yield* oneOf("since", query["since"])
        const since = given === undefined ? undefined : instant(given)
        if (since === null)
          return yield* Effect.fail(
            new Invalid({ detail: `since must be a time like 2026-11-20T14:30:00Z, not "${given?.slice(0, 60)}".` })
          )
        const rows = yield* read(readReport(name, { limit, ...(since === undefined ? {} : { since }) })).pipe(
          Effect.provideService(Db, db)
        )
        const headers = { "cache-control": "no-store", "x-more": String(rows.more) }
        return format === "csv"
          ? HttpServerResponse.text(toCsv(rows), { contentType: "text/csv; charset=utf-8", headers })
          : HttpServerResponse.jsonUnsafe({ report: name, ...rows }, { headers })
      })
    )
  )
).pipe(Layer.provide(rawAuth("read").layer))

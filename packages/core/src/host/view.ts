/**
 * A host as lists, screens and decisions see it: the fold of its events.
 *
 * Invariants: pure; `local` has a view before any event.
 */
import { Schema, Struct } from "effect"
import { HostConfig } from "./config.ts"
import type { HostEvent } from "./events.ts"
import { HostReport } from "./report.ts"

export const HostView = Schema.Struct({
  ...HostConfig.fields,
  /** Pin the first key that is offered. */
  acceptNew: Schema.Boolean,
  removed: Schema.Boolean,
  report: Schema.NullOr(HostReport),
  checkedAt: Schema.NullOr(Schema.String),
  /** Fingerprint of the key that was pinned last. */
  fingerprint: Schema.NullOr(Schema.String),
  /** Why the last wish to pin a key failed. */
  keyProblem: Schema.NullOr(Schema.String),
  version: Schema.Int
}).annotate({ identifier: "Host" })
export type HostView = typeof HostView.Type

export const localHost: HostConfig = {
  name: "local",
  kind: "local",
  address: "localhost",
  port: 22,
  tags: [],
  hostKeys: [],
  defaults: {}
}

export const initialHost = (name: string): HostView | undefined =>
  name === "local" ? seen(localHost, false, 0) : undefined

export const evolveHost = (
  host: HostView | undefined,
  event: HostEvent,
  meta: { readonly at: string; readonly version: number }
): HostView | undefined => {
  if (event._tag === "HostAdded") return seen(event.config, event.acceptNew, meta.version)
  if (host === undefined) return undefined
  const next = { ...host, version: meta.version }
  switch (event._tag) {
    case "HostChanged":
      return { ...withoutConfig(next), ...event.config }
    case "HostRemoved":
      return { ...next, removed: true }
    case "HostKeyAcceptRequested":
      return { ...next, keyProblem: null }
    case "HostKeyPinned":
      return {
        ...next,
        hostKeys: event.replace ? [event.key] : [...host.hostKeys.filter((key) => key !== event.key), event.key],
        fingerprint: event.fingerprint,
        acceptNew: false,
        keyProblem: null
      }
    case "HostKeyRefused":
      return { ...next, keyProblem: event.reason }
    case "HostCheckRequested":
      return next
    case "HostChecked":
      return { ...next, report: event.report, checkedAt: meta.at }
    case "HostPrepareRequested":
    case "HostPrepared":
    case "HostPrepareFailed":
      return next
  }
}

/** The configuration inside a view (or inside more), as a connection needs it. */
export const hostConfig = (view: HostView): HostConfig =>
  Struct.pick(view, Object.keys(HostConfig.fields) as ReadonlyArray<keyof HostConfig>)

/** Optional fields that the new configuration leaves out must not survive from the old one. */
const withoutConfig = (view: HostView): Omit<HostView, keyof HostConfig> => ({
  acceptNew: view.acceptNew,
  removed: view.removed,
  report: view.report,
  checkedAt: view.checkedAt,
  fingerprint: view.fingerprint,
  keyProblem: view.keyProblem,
  version: view.version
})

const seen = (config: HostConfig, acceptNew: boolean, version: number): HostView => ({
  ...config,
  acceptNew,
  removed: false,
  report: null,
  checkedAt: null,
  fingerprint: null,
  keyProblem: null,
  version
})

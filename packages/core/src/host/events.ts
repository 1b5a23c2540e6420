/**
 * The events of a host: one stream `host/<name>`.
 *
 * Owns: payload schemas. Does not own: what a check looks at (worker), connections.
 * Invariants: `local` exists without any event; a removed host may be added again on the same stream.
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"
import { HostConfig } from "./config.ts"
import { HostReport } from "./report.ts"

export const HostEvent = Schema.TaggedUnion({
  /** `acceptNew`: the first key that the host offers is pinned by the first connection. */
  HostAdded: { config: HostConfig, acceptNew: Schema.Boolean },
  /** The whole new configuration, and the names of the fields that differ. */
  HostChanged: { config: HostConfig, changed: Schema.Array(Schema.String) },
  HostRemoved: {},
  /** Ask a worker to pin the key that the host offers now; `replace` drops the pinned ones first. */
  HostKeyAcceptRequested: { replace: Schema.Boolean },
  HostKeyPinned: { key: Schema.String, fingerprint: Schema.String, replace: Schema.Boolean },
  HostKeyRefused: { reason: Schema.String },
  HostCheckRequested: {},
  HostChecked: { report: HostReport },
  /** Ask a worker to make the host an agent of the hub at this address, whose script has this SHA-256. */
  HostPrepareRequested: {
    url: Schema.String,
    fingerprint: Schema.NullOr(Schema.String),
    script: Schema.String,
    /** An agent that is there is revoked and enrolled anew. */
    replace: Schema.Boolean
  },
  HostPrepared: { said: Schema.Array(Schema.String) },
  HostPrepareFailed: { reason: Schema.String }
})
export type HostEvent = typeof HostEvent.Type

export const hostEvents = makeEventTypes<HostEvent>({
  schema: HostEvent,
  types: [
    "HostAdded",
    "HostChanged",
    "HostRemoved",
    "HostKeyAcceptRequested",
    "HostKeyPinned",
    "HostKeyRefused",
    "HostCheckRequested",
    "HostChecked",
    "HostPrepareRequested",
    "HostPrepared",
    "HostPrepareFailed"
  ]
})

export const hostStream = (name: string): string => `host/${name}`

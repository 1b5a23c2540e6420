/**
 * Pinning host keys: the first one when the person said so (`--accept-new`), another one when asked.
 *
 * Invariant: no key is pinned that nobody asked to pin; what was pinned is an event with its fingerprint.
 */
import { Effect } from "effect"
import { hostConfig, type HostView } from "@signalbox/core/host/view.ts"
import { HostCommands } from "./HostCommands.ts"
import { Transport } from "./Transport.ts"

/** The view with its first key pinned, when it waits for one. */
export const pinFirstKey = (view: HostView) =>
  view.kind === "ssh" && view.acceptNew && view.hostKeys.length === 0
    ? Effect.map(pinOfferedKey(view, false, `first-key/${view.version}`), (pinned) => pinned ?? view)
    : Effect.succeed(view)

/** @param key of the command: the same wish pins once */
export const pinOfferedKey = (view: HostView, replace: boolean, key: string) =>
  Effect.gen(function* () {
    const offered = yield* (yield* Transport).offeredKey(hostConfig(view))
    return yield* (yield* HostCommands).run(
      view.name,
      { _tag: "RecordKey", key: offered.key, fingerprint: offered.fingerprint, replace },
      key
    )
  })

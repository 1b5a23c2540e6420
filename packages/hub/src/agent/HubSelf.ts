/**
 * Who this hub is to agents and to other hubs: its id, its machine, the key by which it signs.
 *
 * Does not own: the key's file (core's configuration), its address (`Hub.ts`).
 * Invariant: all hubs of one installation have the same key, or an agent knows only the hub that enrolled it.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import { Context, Layer } from "effect"
import { publicKeyText } from "@signalbox/core/agent/grant.ts"
import { hashedMachineId } from "@signalbox/core/agent/machine-id.ts"

export class HubSelf extends Context.Service<
  HubSelf,
  {
    readonly id: string
    readonly machineId: string
    readonly key: KeyObject
    /** As agents keep it. */
    readonly publicKey: string
  }
>()("@signalbox/hub/agent/HubSelf") {
  /** @param key absent: one that ends with this process */
  static readonly layer = (key: KeyObject = generateKeyPairSync("ed25519").privateKey): Layer.Layer<HubSelf> =>
    Layer.sync(HubSelf, () =>
      HubSelf.of({
        id: `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`,
        machineId: hashedMachineId(ownMachineId()),
        key,
        publicKey: publicKeyText(key)
      })
    )
}

const ownMachineId = (): string => {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() || hostname()
  } catch {
    return hostname()
  }
}

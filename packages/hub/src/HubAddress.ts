/** Where the hub is: for this machine, and for others. Does not own: taking the port (`edge/listen.ts`). */
import { Context } from "effect"

/** Where it listens in fact. */
export class HubAddress extends Context.Service<
  HubAddress,
  {
    /** For programs of this machine: plain HTTP on loopback. */
    readonly url: string
    readonly port: number
    /** For other machines, with the certificate that they are shown now; null: they are not served. */
    readonly tls: { readonly url: string; readonly fingerprint: string } | null
  }
>()("@signalbox/hub/HubAddress") {}

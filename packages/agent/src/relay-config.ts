/**
 * What the owner of a host may say of its relay.
 *
 * Owns: the schema, which addresses are private, who may come. Does not own: the relay (`relay.ts`), the file (`config.ts`).
 * Invariants: it listens on one address of the host, a private one unless the owner has said otherwise, and then only for networks that are
 * named; nothing but addresses is compared, so no name server decides who may come.
 */
import { BlockList, isIP } from "node:net"
import { Schema } from "effect"

export interface Listen {
  readonly host: string
  readonly port: number
}

/** Below 1024 only root may listen, and the relay has no rights. */
export const parseListen = (text: string): Listen | undefined => {
  const [, six, four, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{4,5})$/u.exec(text) ?? []
  const host = six ?? four ?? ""
  const fits = isIP(host) === (six === undefined ? 4 : 6) && Number(port) >= 1_024 && Number(port) <= 65_535
  return fits ? { host, port: Number(port) } : undefined
}

const parseNetwork = (text: string): { readonly address: string; readonly bits: number } | undefined => {
  const [, address = "", given] = /^([0-9a-fA-F:.]+)(?:\/([0-9]{1,3}))?$/u.exec(text) ?? []
  const most = { 4: 32, 6: 128 }[isIP(address)]
  const bits = given === undefined ? most : Number(given)
  return most === undefined || bits === undefined || bits > most ? undefined : { address, bits }
}

const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4")

const listOf = (networks: ReadonlyArray<string>): BlockList => {
  const list = new BlockList()
  for (const text of networks) {
    const network = parseNetwork(text)
    if (network !== undefined) list.addSubnet(network.address, network.bits, family(network.address))
  }
  return list
}

/** Not reachable from everywhere (IANA's special-purpose registries): own networks, this host, one's carrier, a link, benchmarks. */
const privateNetworks = listOf([
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "127.0.0.0/8",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "198.18.0.0/15",
  "fc00::/7",
  "fe80::/10",
  "::1/128"
])

/** As a socket that takes both families writes an address of the old one. */
const plain = (address: string): string => address.replace(/^::ffff:(?=[0-9.]+$)/iu, "").replace(/%.*$/u, "")

export const isPrivate = (address: string): boolean =>
  isIP(plain(address)) !== 0 && privateNetworks.check(plain(address), family(plain(address)))

const Network = Schema.String.check(
  Schema.makeFilter((text) => parseNetwork(text) !== undefined || "a network is needed, like 10.0.0.0/24")
)

export const RelayConfig = Schema.Struct({
  /** An address of this host and a port. */
  listen: Schema.String.check(
    Schema.makeFilter(
      (text) =>
        parseListen(text) !== undefined ||
        "an address of this host with a port from 1024 on is needed, like 10.0.0.5:8443"
    )
  ),
  /** Who may come; absent: every private address. */
  allow: Schema.optionalKey(Schema.NonEmptyArray(Network).check(Schema.isMaxLength(100))),
  /** `listen` may be an address that is not private, or all of them. */
  public: Schema.optionalKey(Schema.Boolean)
}).check(
  Schema.makeFilter(
    (relay) =>
      isPrivate(parseListen(relay.listen)?.host ?? "") ||
      (relay.public === true && relay.allow !== undefined) ||
      'a private address to listen on is needed, or "public": true with the networks in "allow" that may come'
  )
)
export type RelayConfig = typeof RelayConfig.Type

export const whoMayCome = ({ allow }: Pick<RelayConfig, "allow">): ((address: string) => boolean) => {
  if (allow === undefined) return isPrivate
  const list = listOf(allow)
  return (address) => isIP(plain(address)) !== 0 && list.check(plain(address), family(plain(address)))
}

/** Addresses: which only this machine can reach, which stand for all of it, how they are written. */
import { hostname, networkInterfaces } from "node:os"

export const isLoopback = (host: string): boolean => /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/i.test(host)

export const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::"

/** 127.0.0.1 for ::ffff:127.0.0.1: one machine, one address. */
export const plainAddress = (address: string | undefined): string => (address ?? "").replace(/^::ffff:(?=\d)/iu, "")

/** An address by which others reach this machine: its first one that is no loopback, else its name. */
export const ownAddress = (): string => {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outward = all.filter((one) => !one.internal)
  return (outward.find((one) => one.family === "IPv4") ?? outward[0])?.address ?? hostname()
}

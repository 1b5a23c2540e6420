/**
 * What makes an act on a unit or a file riskier than its kind: whatever the host, the agent or sign-in hang on.
 *
 * Owns: the lists. Does not own: base risks (`catalog.ts`), what an agent refuses in any case (agent).
 */
import type { RiskReason } from "./Action.ts"

const criticalUnits =
  /^(?:sshd?|systemd-.*|dbus|dbus-broker|networking|NetworkManager|systemd-networkd|ifupdown.*|nftables|iptables|ufw|firewalld|signalbox-.*|pve.*|pmx.*|corosync|multipathd?|lvm2-.*|cryptsetup.*|local-fs|basic|multi-user|network|sysinit)\.(?:service|socket|target|timer|path|mount)$/u
const databases =
  /^(?:postgresql(?:@.*)?|mysqld?|mariadb|mongod|redis(?:-server)?|elasticsearch|ceph.*|etcd)\.service$/u

export const unitReasons = (unit: string): ReadonlyArray<RiskReason> => {
  if (criticalUnits.test(unit) || unit.endsWith(".mount"))
    return [{ risk: "critical", reason: `the host itself or the way to it hangs on ${unit}` }]
  return databases.test(unit) ? [{ risk: "high", reason: `${unit} holds data` }] : []
}

/** Files on which the way to the host hangs: what is written there is put back by itself unless the hub still reaches the agent. */
const wayIn = /^\/etc\/(?:ssh|network|netplan|systemd\/network|nftables\.conf|iptables|ufw|hosts|resolv\.conf)(?:$|\/)/u

export const isWayIn = (path: string): boolean => wayIn.test(path)

const criticalFiles =
  /^\/etc\/(?:ssh|network|netplan|systemd|sudoers|sudoers\.d|pam\.d|security|nftables\.conf|iptables|ufw|hosts|resolv\.conf|fstab|crypttab|passwd|group|shadow|apt|cron.*|pve|signalbox.*)(?:$|\/)/u

export const configReasons = (path: string): ReadonlyArray<RiskReason> =>
  criticalFiles.test(path) ? [{ risk: "critical", reason: `sign-in, network or boot of the host hang on ${path}` }] : []

/**
 * Which configuration a path belongs to: its format, who judges it, and whom it has to be told.
 *
 * Owns: this table. Does not own: running checkers (`judge.ts`), editing (`edit/`).
 * Invariants: the first row that fits counts; checkers that can judge one file do so before anything is exchanged, the others judge
 * the whole after it; services are reloaded and not restarted, but for those that a socket makes unable to.
 */
export type Format = "nginx" | "sshd" | "unit" | "php" | "mysql" | "ini" | "assignments" | "shell"
export type Argv = readonly [program: string, ...args: ReadonlyArray<string>]

export interface Kind {
  readonly name: string
  readonly paths: RegExp
  readonly format?: Format
  readonly checkFile?: (file: string) => Argv
  readonly checkAll?: (file: string) => Argv | undefined
  /** Nothing is changed where the checker is missing. */
  readonly mustCheck?: true
  /** The first of these that the host has is reloaded. */
  readonly units?: ReadonlyArray<string>
  /** A reload that took effect is seen by new worker processes: the service keeps the old ones when it does not like what it reads. */
  readonly newWorkers?: true
  /** With this socket it cannot be reloaded (its own sockets are not its own): a restart is due, which leaves sessions alone. */
  readonly socket?: string
  /** Told by a program of their own instead of a reload. */
  readonly tell?: Argv
  /** Of files that are new. */
  readonly mode?: number
}

const php = /^\/etc\/php\/(\d+\.\d+)\/fpm\//u
const phpVersion = (path: string): string => php.exec(path)?.[1] ?? ""

const kinds: ReadonlyArray<Kind> = [
  {
    name: "nginx",
    paths: /^\/etc\/nginx\//u,
    format: "nginx",
    checkAll: () => ["nginx", "-t", "-q"],
    mustCheck: true,
    units: ["nginx.service"],
    newWorkers: true
  },
  {
    name: "sshd",
    paths: /^\/etc\/ssh\/sshd_config$/u,
    format: "sshd",
    checkFile: (file) => ["sshd", "-t", "-f", file],
    checkAll: () => ["sshd", "-t"],
    mustCheck: true,
    units: ["ssh.service", "sshd.service"],
    socket: "ssh.socket"
  },
  {
    name: "sshd",
    paths: /^\/etc\/ssh\/sshd_config\.d\//u,
    format: "sshd",
    checkAll: () => ["sshd", "-t"],
    mustCheck: true,
    units: ["ssh.service", "sshd.service"],
    socket: "ssh.socket"
  },
  { name: "ssh", paths: /^\/etc\/ssh\/ssh_config(?:$|\.d\/)/u, format: "sshd" },
  {
    name: "sudo",
    paths: /^\/etc\/sudoers(?:$|\.d\/)/u,
    checkFile: (file) => ["visudo", "-c", "-q", "-f", file],
    checkAll: () => ["visudo", "-c", "-q"],
    mustCheck: true,
    mode: 0o440
  },
  {
    name: "apache",
    paths: /^\/etc\/apache2\//u,
    checkAll: () => ["apachectl", "configtest"],
    mustCheck: true,
    units: ["apache2.service"]
  },
  {
    name: "haproxy",
    paths: /^\/etc\/haproxy\/haproxy\.cfg$/u,
    checkFile: (file) => ["haproxy", "-c", "-q", "-f", file],
    mustCheck: true,
    units: ["haproxy.service"]
  },
  {
    name: "bind",
    paths: /^\/etc\/bind\//u,
    checkAll: () => ["named-checkconf"],
    mustCheck: true,
    units: ["named.service", "bind9.service"]
  },
  {
    name: "postfix",
    paths: /^\/etc\/postfix\/main\.cf$/u,
    format: "assignments",
    checkAll: () => ["postfix", "check"],
    mustCheck: true,
    units: ["postfix.service"]
  },
  {
    name: "prometheus",
    paths: /^\/etc\/prometheus\/prometheus\.ya?ml$/u,
    checkFile: (file) => ["promtool", "check", "config", file],
    units: ["prometheus.service"]
  },
  {
    name: "nftables",
    paths: /^\/etc\/nftables\.conf$/u,
    checkFile: (file) => ["nft", "-c", "-f", file],
    mustCheck: true,
    units: ["nftables.service"]
  },
  {
    name: "netplan",
    paths: /^\/etc\/netplan\//u,
    checkAll: () => ["netplan", "generate"],
    mustCheck: true,
    tell: ["netplan", "apply"],
    mode: 0o600
  },
  { name: "networkd", paths: /^\/etc\/systemd\/network\//u, format: "unit", tell: ["networkctl", "reload"] },
  {
    name: "systemd unit",
    paths: /^\/etc\/systemd\/(?:system|user)\//u,
    format: "unit",
    checkAll: (file) => (file.endsWith(".conf") ? undefined : ["systemd-analyze", "verify", "--man=no", file]),
    tell: ["systemctl", "daemon-reload"]
  },
  { name: "systemd", paths: /^\/etc\/systemd\/[^/]+\.conf(?:$|\.d\/)/u, format: "unit" },
  {
    name: "fstab",
    paths: /^\/etc\/fstab$/u,
    checkFile: (file) => ["findmnt", "--verify", "--tab-file", file],
    mustCheck: true,
    tell: ["systemctl", "daemon-reload"]
  },
  {
    name: "php-fpm",
    paths: php,
    format: "php",
    checkAll: (file) => [`php-fpm${phpVersion(file)}`, "-t"],
    mustCheck: true,
    units: []
  },
  { name: "php", paths: /^\/etc\/php\/.*\.ini$/u, format: "php" },
  { name: "MariaDB", paths: /^\/etc\/mysql\/.*\.cnf$/u, format: "mysql" },
  { name: "sysctl", paths: /^\/etc\/sysctl\.(?:conf$|d\/)/u, format: "assignments" },
  { name: "environment", paths: /^\/etc\/(?:default\/|environment$)/u, format: "shell" },
  { name: "file", paths: /\.(?:ini|cnf)$/u, format: "ini" },
  { name: "file", paths: /(?:^|\/)[^/]*\.env$/u, format: "shell" },
  { name: "file", paths: /\.(?:conf|cfg|properties)$/u, format: "assignments" },
  { name: "file", paths: /^/u }
]

export const kindOf = (path: string): Kind => {
  const found = kinds.find((kind) => kind.paths.test(path)) ?? { name: "file", paths: /^/u }
  return found.name === "php-fpm" ? { ...found, units: [`php${phpVersion(path)}-fpm.service`] } : found
}

/**
 * The systemd units of an agent, as text.
 *
 * Owns: what each process may do on the host. Does not own: where they are put (the installer).
 * Invariants: the process with the network has no rights at all; the process with root's rights has no path in but a socket that only the
 * first one's group can open, and takes nothing there that the hub has not signed. The helper has no file system of its own making, since
 * configuration and packages are its work; what it can never need is taken away.
 */
import { compiledIn, nodeEnvironment, nodeFlags } from "./flags.ts"
import { placesBelow } from "./places.ts"

export const unitPaths = {
  agent: "/etc/systemd/system/signalbox-agent.service",
  socket: "/etc/systemd/system/signalbox-agent-helper.socket",
  helper: "/etc/systemd/system/signalbox-agent-helper.service"
} as const

export interface Programs {
  /** Absolute, of Node. */
  readonly node: string
  /** Absolute, of the bundle. */
  readonly bundle: string
}

const places = placesBelow("")

const start = ({ node, bundle }: Programs, subcommand: string): string =>
  [node, ...nodeFlags, bundle, subcommand].join(" ")
const environment = (state: string): string =>
  Object.entries({ ...nodeEnvironment, ...compiledIn(state) })
    .map(([name, value]) => `Environment=${name}=${value}`)
    .join("\n")

export const units = (programs: Programs): Readonly<Record<keyof typeof unitPaths, string>> => ({
  agent: `[Unit]
Description=Signalbox agent: the connection to the hub, without rights
After=network-online.target signalbox-agent-helper.socket
Wants=network-online.target signalbox-agent-helper.socket
# whatever ails it, it is there again when that is mended
StartLimitIntervalSec=0

[Service]
ExecStart=${start(programs, "run")}
${environment(places.state)}
EnvironmentFile=-/etc/signalbox-agent/environment
User=signalbox-agent
Group=signalbox-agent
# service.status shows a unit's last lines
SupplementaryGroups=systemd-journal
Restart=always
RestartSec=5
RestartPreventExitStatus=2 3
StateDirectory=signalbox-agent
StateDirectoryMode=0700
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
TasksMax=200
MemoryMax=300M

[Install]
WantedBy=multi-user.target
`,
  socket: `[Unit]
Description=Signalbox agent: the way to its helper

[Socket]
ListenStream=/run/signalbox-agent/helper.sock
DirectoryMode=0755
SocketUser=root
SocketGroup=signalbox-agent
SocketMode=0660

[Install]
WantedBy=sockets.target
`,
  helper: `[Unit]
Description=Signalbox agent: what needs root, when the hub has signed it
Requires=signalbox-agent-helper.socket
After=signalbox-agent-helper.socket
# a helper that cannot start must not take its socket down with it for good
StartLimitIntervalSec=0

[Service]
ExecStart=${start(programs, "helper")}
${environment(places.helperState)}
# what runs may come to its end
KillMode=mixed
TimeoutStopSec=90
Restart=on-failure
RestartSec=1
StateDirectory=signalbox-agent-helper
StateDirectoryMode=0700
CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_TIME CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_SYS_TTY_CONFIG CAP_SYS_PACCT CAP_BPF CAP_PERFMON
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
LockPersonality=yes
PrivateTmp=yes
ProtectClock=yes
UMask=0022

[Install]
# once at boot: a change that a power cut interrupted is taken back before anybody asks
WantedBy=multi-user.target
`
})

/**
 * The text of install-agent.sh.
 *
 * Owns: bringing bundle and Node to the host. Does not own: what happens then (`signalbox-agent install`).
 * Invariants: POSIX sh; nothing that was fetched runs before its SHA-256 was compared; a host's own Node is taken when it is new enough;
 * what goes wrong leaves the host as it was, with one sentence why.
 */
export interface ScriptParts {
  readonly bundle: { readonly path: string; readonly sha256: string }
  readonly node: { readonly path: string; readonly sha256: string; readonly machine: string }
}

export const scriptText = ({ bundle, node }: ScriptParts): string => `#!/bin/sh
# Makes this host an agent of a Signalbox hub, as a systemd service. HUB_URL, TOKEN and HUB_FINGERPRINT come from the environment;
# signalbox agent invite prints the whole line. Without TOKEN the agent of a host that is enrolled already is replaced by this one.
set -eu
umask 022
dir=/usr/local/lib/signalbox-agent
fail() { echo "error: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "Installing the agent takes root. Run the line with sudo -i."
[ -n "\${HUB_URL:-}" ] || fail "HUB_URL is missing. signalbox agent invite prints the whole line."
[ -d /run/systemd/system ] || fail "This host does not run systemd, by which the agent is started."
mkdir -p "$dir"
work=$(mktemp -d "$dir/new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
fetch() {
  if command -v curl >/dev/null 2>&1; then curl -fsSk --retry 3 --connect-timeout 20 -o "$2" "$HUB_URL$1"
  elif command -v wget >/dev/null 2>&1; then wget -q --no-check-certificate -O "$2" "$HUB_URL$1"
  else fail "Neither curl nor wget is here. Install one of them."; fi || fail "$HUB_URL$1 could not be fetched, so nothing was installed."
  [ "$(sha256sum <"$2" | cut -d' ' -f1)" = "$3" ] || fail "What came from $HUB_URL$1 is not what it has to be, so nothing was installed."
}
fits() { [ -x "$1" ] && "$1" -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>18||a===18&&b>=15?0:1)' >/dev/null 2>&1; }
fetch ${bundle.path} "$work/signalbox-agent.cjs" ${bundle.sha256}
node=
for one in "$dir/node" /usr/bin/node /usr/local/bin/node; do if fits "$one"; then node=$one; break; fi; done
if [ -z "$node" ]; then
  [ "$(uname -m)" = ${node.machine} ] || fail "There is no Node 18.15 or newer here, and the hub's is for ${node.machine}. Install one with the system's packages."
  fetch ${node.path} "$work/node" ${node.sha256}
  chmod 755 "$work/node"
  fits "$work/node" || fail "The hub's Node does not run on this system. Install Node 18.15 or newer with the system's packages."
  mv -f "$work/node" "$dir/node"
  node=$dir/node
fi
"$node" "$work/signalbox-agent.cjs" install "$@"
`

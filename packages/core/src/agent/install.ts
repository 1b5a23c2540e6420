/**
 * The line that makes a host an agent: fetched, compared with its SHA-256, and only then run.
 *
 * Owns: that line. Does not own: the script (hub), the invite (`Agents.ts`).
 * Invariants: nothing that came over the network runs before its hash was compared with one that came with the line; the script compares
 * all that it fetches in turn; the token is in the environment of one process and on no command line that others see.
 */
import { Schema } from "effect"

export interface InstallFrom {
  readonly url: string
  /** Of the hub's certificate; null: a hub on this very machine. */
  readonly fingerprint: string | null
  /** SHA-256 of the script. */
  readonly script: string
  /** Absent: the host is enrolled already, and only its agent is renewed. */
  readonly token?: string
  /** The host is enrolled anew. */
  readonly replace?: boolean
  /** host:port of the relay or proxy by which the host reaches the hub, from now on too. */
  readonly through?: string
}

export const installScriptPath = "/install-agent.sh"

/** For a shell of root. */
export const installLine = ({ through, ...from }: InstallFrom): string =>
  through === undefined
    ? lineOf(from)
    : `( export ${["HTTPS_PROXY", "https_proxy"].map((name) => `${name}='http://${through}'`).join(" ")} NO_PROXY= no_proxy=; ${lineOf(from)} )`

/** host:port, an address of the new family in brackets: nothing that a shell would take for anything else. */
export const Through = Schema.String.check(
  Schema.isMaxLength(300),
  Schema.isPattern(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/u, { expected: "a relay, like 10.0.0.5:8443" })
)

const lineOf = ({ url, fingerprint, script, token, replace }: Omit<InstallFrom, "through">): string =>
  [
    "f=$(mktemp)",
    // one of the two, so that the last word is why it failed and not that the other is not there
    `if command -v curl >/dev/null; then curl -fsSk --retry 3 -o "$f" ${url}${installScriptPath}; else wget -O "$f" --no-check-certificate ${url}${installScriptPath}; fi`,
    `echo "${script}  $f" | sha256sum -c --quiet -`,
    `HUB_URL=${url}${token === undefined ? "" : ` TOKEN=${token}`} HUB_FINGERPRINT=${fingerprint ?? ""} sh "$f"${replace === true ? " --replace" : ""}`
  ].join(" && ")

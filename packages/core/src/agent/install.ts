/**
 * The line that makes a host an agent: fetched, compared with its SHA-256, and only then run.
 *
 * Owns: that line. Does not own: the script (hub), the invite (`Agents.ts`).
 * Invariants: nothing that came over the network runs before its hash was compared with one that came with the line; the script compares
 * all that it fetches in turn; the token is in the environment of one process and on no command line that others see.
 */
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
}

export const installScriptPath = "/install-agent.sh"

/** For a shell of root. */
export const installLine = ({ url, fingerprint, script, token, replace }: InstallFrom): string =>
  [
    "f=$(mktemp)",
    `{ curl -fsSk --retry 3 -o "$f" ${url}${installScriptPath} || wget -qO "$f" --no-check-certificate ${url}${installScriptPath}; }`,
    `echo "${script}  $f" | sha256sum -c --status -`,
    `HUB_URL=${url}${token === undefined ? "" : ` TOKEN=${token}`} HUB_FINGERPRINT=${fingerprint ?? ""} sh "$f"${replace === true ? " --replace" : ""}`
  ].join(" && ")

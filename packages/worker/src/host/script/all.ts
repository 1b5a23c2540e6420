/**
 * The scripts of this version, as they lie on a host in `~/.signalbox/bin/<hash>/`.
 *
 * Owns: which files there are and their common name by content. Does not own: what they do (their own files).
 * Invariant: another text is another directory, so that running tasks keep the scripts they were started with.
 */
import { createHash } from "node:crypto"
import { kill } from "./kill.ts"
import { launch } from "./launch.ts"
import { message } from "./message.ts"
import { run } from "./run.ts"
import { state } from "./state.ts"
import { ttyPerl } from "./tty-perl.ts"
import { watchPerl } from "./watch-perl.ts"
import { watchSh } from "./watch-sh.ts"

export const scripts: Readonly<Record<string, string>> = {
  "launch.sh": launch,
  "run.sh": run,
  "state.sh": state,
  "kill.sh": kill,
  "tty.pl": ttyPerl,
  "message.sh": message,
  "watch.pl": watchPerl,
  "watch.sh": watchSh,
  // exit-empty races with the end of the last task: of 400 launches 65 failed with it on, none with it off.
  "tmux.conf": "set -s exit-empty off\nset -g history-limit 50000\nset -g status off\n"
}

export const scriptsVersion = createHash("sha256").update(JSON.stringify(scripts)).digest("hex").slice(0, 12)

/**
 * The form of a new host: its fields and the request they make.
 *
 * Owns: reading what a person wrote. Does not own: connecting, keys (worker).
 * Invariant: an unknown host key is pinned only where a person said so in this very form.
 */
import { Schema } from "effect"
import type { HostRequest } from "@signalbox/core/api/contract.ts"
import { HostName } from "@signalbox/core/host/config.ts"
import { type Field, type Form, form } from "../form.ts"

const isName: (text: string) => boolean = Schema.is(HostName)
const port = (text: string): number | undefined => {
  const n = /^[0-9]{1,5}$/u.test(text.trim()) ? Number(text) : 0
  return n >= 1 && n <= 65_535 ? n : undefined
}

const fields: ReadonlyArray<Field> = [
  {
    name: "name",
    title: "Name",
    kind: "text",
    required: true,
    hint: "short and unique, as web1: letters, digits, dot, dash, underscore",
    check: (text) =>
      isName(text.trim()) ? undefined : "may hold letters, digits, dot, dash and underscore, 63 at most"
  },
  { name: "address", title: "Address", kind: "text", required: true, hint: "name or IP address that ssh would take" },
  {
    name: "port",
    title: "Port",
    kind: "text",
    hint: "empty for 22",
    check: (text) => (port(text) === undefined ? "is a number from 1 to 65535" : undefined)
  },
  { name: "user", title: "User", kind: "text", hint: "empty for what ~/.ssh/config or the system says" },
  {
    name: "keyFile",
    title: "Key file",
    kind: "text",
    hint: "path of the private key on the worker's machine; empty for ssh's own"
  },
  { name: "jump", title: "Jump host", kind: "text", hint: "name of another host, or user@address; empty for none" },
  { name: "tags", title: "Tags", kind: "text", hint: "with spaces between, as prod web" },
  {
    name: "trust",
    title: "Host key",
    kind: "choice",
    options: ["known_hosts only", "pin the first key it offers"],
    hint: "an unknown key never connects, unless you choose to pin the first one"
  }
]

export const hostForm = (): Form => form("host", "Add host", fields)

/** The values were checked by the form. */
export const hostRequest = (
  values: Readonly<Record<string, string>>
): { readonly request: HostRequest; readonly acceptNew: boolean } => {
  const text = (name: string): string => (values[name] ?? "").trim()
  const portNumber = port(text("port"))
  const tags = text("tags")
    .split(/[\s,]+/u)
    .filter((tag) => tag !== "")
  return {
    acceptNew: text("trust").startsWith("pin"),
    request: {
      name: text("name"),
      address: text("address"),
      ...(portNumber === undefined ? {} : { port: portNumber }),
      ...(text("user") === "" ? {} : { user: text("user") }),
      ...(text("keyFile") === "" ? {} : { keyFile: text("keyFile") }),
      ...(text("jump") === "" ? {} : { jump: text("jump") }),
      ...(tags.length === 0 ? {} : { tags })
    }
  }
}

/**
 * Services as people call them, to systemd's names.
 *
 * Owns: the aliases. Does not own: whether a host has the unit (the agent looks).
 * Invariants: a word that is part of the language ("all", "it", "server") is never a unit.
 */
import type { Word } from "./words.ts"

const aliases: { readonly [said: string]: string } = {
  apache: "apache2.service",
  httpd: "apache2.service",
  postgres: "postgresql.service",
  postgresql: "postgresql.service",
  mysqld: "mysql.service",
  redis: "redis-server.service",
  sshd: "ssh.service",
  named: "named.service",
  bind: "named.service",
  crond: "cron.service"
}
/** Words of the language: nobody's name. */
export const notUnits = new Set(
  (
    "a all an and any anything are at be because both but by can do does down each every everything everywhere except for from has host hosts i if in into is it its just " +
    "machine machines me my never no node nodes none not nothing now of off on one only or our out over please server servers service services should some something status " +
    "stop start restart reload that the them then there these they thing things this those to too up us want was we what when where which who why will with without you your " +
    "about after again also always as before between during first here how last later maybe more most next other others same soon still today tomorrow tonight until while yesterday yet " +
    "config configuration log logs error errors disk cpu memory user users password root system computer"
  ).split(" ")
)

export const unitNamed = (word: Word | undefined): string | undefined => {
  if (word === undefined) return undefined
  const { text, plain, quoted } = word
  if (!quoted && notUnits.has(plain)) return undefined
  if (/^(?!-)[A-Za-z0-9:_.@-]{1,200}\.(?:service|timer|socket|path|target|mount)$/u.test(text)) return text
  const alias = aliases[text.toLowerCase()]
  if (alias !== undefined) return alias
  return /^[A-Za-z][A-Za-z0-9_@-]{1,60}(?:\.[0-9]{1,2}[A-Za-z0-9_@-]{0,30})?$/u.test(text)
    ? `${text}.service`
    : undefined
}

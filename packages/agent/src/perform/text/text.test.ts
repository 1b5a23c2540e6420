/** What strangers write is made plain, and what is secret is not told. */
import { describe, expect, it } from "vitest"
import { clean, cleanLine, cleanLines, fitting } from "./clean.ts"
import { isSecretName, mark, mask, maskSaid } from "./mask.ts"

describe("clean", () => {
  it.each([
    ["plain text", "plain text"],
    ["\u001b[31mred\u001b[0m", "red"],
    ["title\u001b]0;evil\u0007 end", "title end"],
    ["link\u001b]8;;http://x\u001b\\text", "linktext"],
    ["a\u0000b\u0008c\u007fd\u009be", "abcde"],
    ["one\r\ntwo\tthree", "one two three"],
    ["\u202egpj.exe", "gpj.exe"],
    ["žluťoučký 漢字 🚂", "žluťoučký 漢字 🚂"],
    ["half \ud83d end", "half  end"],
    ["dcs \u001bPq#0;2;0\u001b\\done", "dcs done"]
  ])("%j is one plain line", (text, plain) => {
    expect(clean(text, 100)).toBe(plain)
  })

  it("cuts without leaving half of a character", () => {
    expect(cleanLine("ab🚂cd", 4)).toBe("ab…")
    expect(cleanLine("abcd", 4)).toBe("abcd")
    expect(cleanLine(`${"x".repeat(1_000_000)}`, 10)).toBe("xxxxxxxxx…")
  })

  it("keeps lines and tabs where they mean something", () => {
    expect(cleanLines("a\tb\r\n\u0007c\n", 100)).toBe("a\tb\nc\n")
  })

  it("as many items as fit, and the number that do not", () => {
    expect(fitting(["aaaa", "bbbb", "cccc"], 15)).toEqual({ items: ["aaaa", "bbbb"], left: 1 })
  })
})

describe("mask", () => {
  it.each([
    ["password = hunter2", `password = ${mark}`],
    ["  db_password: 's3cret word'", `  db_password: ${mark}`],
    ['{"api_key": "abc123", "name": "x"}', `{"api_key": ${mark}, "name": "x"}`],
    ["DATABASE_URL=postgres://app:hunter2@db/app", `DATABASE_URL=postgres://app:${mark}@db/app`],
    ["Authorization: Bearer abcdef0123456789", `Authorization: Bearer ${mark}`],
    ["key AKIAABCDEFGHIJKLMNOP end", `key ${mark} end`],
    ["requirepass hunter2", `requirepass ${mark}`],
    ["x --password hunter2 y", `x --password ${mark} y`],
    ["mysqld --password=hunter2 --port=3306", `mysqld --password=${mark} --port=3306`],
    ["root:$6$abcdefgh$0123456789abcdef:1", `root:${mark}:1`],
    [
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----",
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${mark}\n${mark}\n-----END OPENSSH PRIVATE KEY-----`
    ]
  ])("%j", (text, masked) => {
    expect(mask(text)).toBe(masked)
    expect(mask(mask(text))).toBe(mask(text))
    expect(mask(text).split("\n").length).toBe(text.split("\n").length)
  })

  it.each([
    "PasswordAuthentication no",
    "PermitEmptyPasswords yes",
    "ssl_certificate_key /etc/ssl/site.key;",
    "# the password is asked for at boot",
    "auth_token_file: /run/token",
    "proxy_set_header Host $host;",
    "Failed password for root from 1.2.3.4 port 22 ssh2"
  ])("%j holds no secret", (text) => {
    expect(mask(text)).toBe(text)
  })

  it("takes no longer with text that was made to take long", () => {
    const hostile = [
      "a",
      "://",
      "password",
      "-----BEGIN PRIVATE KEY-----",
      "eyJ-",
      "sk-",
      "$1$",
      'password="',
      " -- ",
      "\u001b]",
      "\u001bP"
    ]
    const before = process.cpuUsage()
    for (const one of hostile) cleanLines(mask(one.repeat(200_000 / one.length)), 1_000_000)
    const { user } = process.cpuUsage(before)
    expect(user / 1_000, "milliseconds; some 30 when nothing is quadratic, minutes when something is").toBeLessThan(
      5_000
    )
  })

  it("names whose values are not told", () => {
    expect(["db_password", "API_KEY", "client_max_body_size"].map(isSecretName)).toEqual([true, true, false])
  })
})

it("the rest of a key whose beginning was cut off", () => {
  const end = "-----END RSA PRIVATE KEY-----"
  expect(mask(`plain line (1)\nAAAA+/==\nBBBB\n${end}\nC`)).toBe(`plain line (1)\n${mark}\n${mark}\n${end}\nC`)
  expect(mask(`BBBB\n${end}`)).toBe(`${mark}\n${end}`)
  expect(mask(`BBB${"A".repeat(300)}\n${end}`)).toBe(`BBB${"A".repeat(300)}\n${end}`)
})

it("what is secret in a text is secret in what a checker says of it", () => {
  const text = 'requirepass "hunt er2"\nurl=redis://a:pass99@h/\nport 22\nsome_token ok1\n'
  expect(maskSaid('unknown value hunt er2 in line 1 near "pass99", port 22, ok1', text)).toBe(
    `unknown value ${mark} in line 1 near "${mark}", port 22, ok1`
  )
})

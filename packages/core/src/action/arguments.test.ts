import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isIPv6 } from "node:net"
import { DnsName, NetworkName } from "./arguments.ts"

const isName = Schema.is(NetworkName)
const isDnsName = Schema.is(DnsName)

const hosts = ["web1", "web-1.example.com", "my_db", "example.com.", "8.8.8.8", "xn--bcher-kva.example", "a".repeat(63)]
const addresses = [
  "::1",
  "::",
  "fe80::1",
  "2001:DB8::a:0",
  "1:2:3:4:5:6:7:8",
  "::ffff:10.0.0.1",
  "1:2:3:4:5:6:10.0.0.1"
]
const noAddresses = [
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "12345::1",
  "g::1",
  "::1%eth0",
  "::ffff:10.0.0.256",
  "::ffff:10.0.0",
  "10.0.0.1::",
  "1:2:3:4:5:6:7:10.0.0.1",
  ":1:2:3:4:5:6:7",
  "web1:80",
  "[::1]"
]
const hostile = [
  "",
  "-f",
  "--help",
  "-4.example.com",
  "a.-b.c",
  "web1-",
  ".",
  "..",
  "a..b",
  ".example.com",
  "a b",
  "a\n",
  "a\u0000b",
  "a;b",
  "$(id)",
  "a/b",
  "@resolver",
  "+short",
  "wеb1",
  "a\u202eb",
  "a".repeat(64),
  `${"a".repeat(60)}.`.repeat(5)
]

describe("names and addresses", () => {
  for (const text of [...hosts, ...addresses])
    it(`takes ${text}`, () => {
      assert.isTrue(isName(text))
      assert.isTrue(isDnsName(text))
    })
  for (const text of [...hostile, ...noAddresses])
    it(`refuses ${JSON.stringify(text.slice(0, 70))}`, () => {
      assert.isFalse(isName(text))
      assert.isFalse(isDnsName(text))
    })
  it("judges IPv6 as Node does", () => {
    for (const text of addresses) assert.isTrue(isIPv6(text), text)
    for (const text of noAddresses.filter((one) => !one.includes("%"))) assert.isFalse(isIPv6(text), text)
  })
  it("asks the DNS for labels that begin with an underscore, and calls no host so", () => {
    for (const text of ["_dmarc.example.com", "_sip._tcp.example.com", "_", "_acme-challenge.web1.example.com"]) {
      assert.isTrue(isDnsName(text), text)
      assert.isFalse(isName(text), text)
    }
    assert.isFalse(isDnsName("_-.example.com"))
  })
  it("takes no time for long ones", () => {
    for (const part of ["a.", "a-", "_", ":", "1:", "a_-"]) assert.isFalse(isDnsName(part.repeat(20_000)))
  })
})

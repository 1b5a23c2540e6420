/**
 * Trusts one hub's own certificate by its fingerprint.
 *
 * Owns: looking at what the hub shows, comparing, adding it to the certificates of this process. Does not own: any connection.
 * Invariants: verification is never turned off for a connection that carries a token: the look sends nothing; a certificate with
 * another fingerprint is named and refused; names are still checked.
 */
import { connect, getCACertificates, setDefaultCACertificates } from "node:tls"

/** @param fingerprint SHA-256 in hexadecimal, with or without colons */
export const trust = async (baseUrl: string, fingerprint: string): Promise<void> => {
  const url = new URL(baseUrl)
  if (url.protocol !== "https:") return
  const shown = await certificateOf(url)
  if (plain(shown.fingerprint256) !== plain(fingerprint)) {
    throw new Error(
      `${url.host} shows a certificate with the fingerprint ${shown.fingerprint256}, not the one that was given. Nothing was sent to it.`
    )
  }
  const body = shown.raw.toString("base64").replace(/.{64}/gu, "$&\n")
  const pem = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`
  setDefaultCACertificates([...getCACertificates("default"), pem])
}

const plain = (fingerprint: string): string => fingerprint.replace(/[^0-9a-f]/giu, "").toLowerCase()

const patience = 10_000

const certificateOf = (url: URL): Promise<{ readonly fingerprint256: string; readonly raw: Buffer }> =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/gu, "")
    const name = /^[0-9.]+$|:/u.test(host) ? {} : { servername: host }
    const socket = connect({ host, port: Number(url.port || 443), rejectUnauthorized: false, ...name })
    const fail = (reason: string): void => {
      socket.destroy()
      reject(new Error(`The certificate of ${url.host} could not be looked at: ${reason}.`))
    }
    socket.setTimeout(patience, () => fail("no answer"))
    socket.once("error", (error) => fail(error.message))
    socket.once("secureConnect", () => {
      const { fingerprint256, raw } = socket.getPeerCertificate()
      socket.end()
      resolve({ fingerprint256, raw })
    })
  })

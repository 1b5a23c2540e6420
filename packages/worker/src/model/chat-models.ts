/**
 * Which entries of a provider's list are models to chat with.
 *
 * Owns: the rules, as a table. Does not own: asking for lists.
 * Invariant: what no rule leaves out is shown, for names that nobody has heard of yet are mostly chat models.
 */

/** Parts of names (between dashes, dots, slashes and colons) that tell another trade, whoever the provider is. */
const trades: ReadonlyArray<RegExp> = [
  /\bembed(ding|dings|der)?\b|\bbge\b|\be5\b|\bgte\b|\bminilm\b|\bstella\b/u,
  /\bembed/u,
  /\brerank(er)?\b/u,
  /\bmoderation\b|\bguard\b/u,
  /\bwhisper\b|\btranscribe\b|\basr\b|\btts\b|\bspeech\b|\bvoice\b/u,
  /\baudio\b|\brealtime\b|\blive\b|\blyria\b|\bmusic\b/u,
  /\bimage\b|\bimagen\b|\bdall e\b|\bflux\b|\bstable diffusion\b|\bsdxl?\b/u,
  /\bsora\b|\bveo\b|\bvideo\b/u,
  /\bocr\b/u
]

/** By provider: what its list holds that answers no chat, or not on the protocol we speak. */
const own: { readonly [provider: string]: ReadonlyArray<RegExp> } = {
  openai: [
    /^(davinci|babbage|curie|ada)\b/u,
    /\binstruct\b/u,
    /\bcomputer use\b/u,
    // wants tools of its own
    /\bdeep research\b/u,
    /\bsearch api\b/u
  ],
  gemini: [/^aqa$/u, /\bcomputer use\b/u, /\brobotics\b/u]
}

export const isChatModel = (
  provider: string,
  model: { readonly id: string; readonly output?: ReadonlyArray<string> | undefined }
): boolean => {
  if (model.output !== undefined && (!model.output.includes("text") || model.output.length > 1)) return false
  const words = model.id.toLowerCase().replaceAll(/[-_./:]+/gu, " ")
  return ![...trades, ...(own[provider] ?? [])].some((rule) => rule.test(words))
}

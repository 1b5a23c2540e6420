/**
 * Scripts for hosts as modules: a bundle has no files beside it, and text in a `.ts` module is found by node, tsx, vitest and
 * esbuild alike without loaders.
 *
 * Invariant: the text between the backticks is the script, letter by letter, but for `\${` (a shell's `${`) and a backslash
 * before a backtick.
 */
export const script = (text: TemplateStringsArray): string =>
  (text.raw[0] ?? "").replaceAll("\\${", "${").replaceAll("\\`", "`").replace(/^\n/u, "")

/**
 * Ink's part: rows onto the terminal, keys, paste and mouse to the session, and the terminal to others and back.
 *
 * Owns: everything that touches React and Ink. Does not own: what is shown (`frame.ts`), what keys mean (`keymap.ts`).
 * Invariant: the tree is exactly as high as the terminal; no other part of the program writes to it while this is mounted.
 */
import { useCallback, useEffect, useSyncExternalStore } from "react"
import { Box, Text, useApp, useCursor, useInput, usePaste, useStdin, useStdout, useWindowSize } from "ink"
import { presses } from "./keys.ts"
import type { Row } from "./row.ts"
import type { Session } from "./Session.ts"
import {
  clipboard,
  firstColumn,
  handOver,
  mouseReports,
  noWrap,
  stopJob,
  useContinued,
  useModes,
  useMouse
} from "./terminal.ts"

const none = { enter: "", leave: "" }

export const Screen = ({
  session,
  attach,
  edit = () => Promise.resolve(undefined)
}: {
  readonly session: Session
  readonly attach: (taskId: string) => Promise<void>
  readonly edit?: (text: string) => Promise<string | undefined>
}) => {
  const { exit, waitUntilRenderFlush, suspendTerminal } = useApp()
  const { stdin } = useStdin()
  const { stdout } = useStdout()
  const { columns, rows } = useWindowSize()
  const { setCursorPosition } = useCursor()
  useSyncExternalStore(session.subscribe, session.getSnapshot)
  const { mouse } = session.ui
  useModes(noWrap)
  useModes(mouse ? mouseReports : none)
  useMouse(session.mouse)
  const again = useCallback(
    () => suspendTerminal(() => void stdout.write(noWrap.enter + firstColumn)),
    [suspendTerminal, stdout]
  )
  useContinued(again)

  useEffect(() => {
    const modes = mouse
      ? { enter: noWrap.enter + mouseReports.enter, leave: mouseReports.leave + noWrap.leave }
      : noWrap
    const lend = (run: () => Promise<void>): Promise<void> => suspendTerminal(() => handOver(stdin, stdout, modes, run))
    return session.onTerminal({
      quit: () => exit(),
      copy: (text) => void stdout.write(clipboard(text)),
      attach: (taskId) => lend(() => attach(taskId)),
      edit: async (text) => {
        let edited: string | undefined
        await lend(async () => {
          edited = await edit(text)
        })
        return edited
      },
      suspend: () => lend(stopJob),
      redraw: again
    })
  }, [session, attach, edit, exit, stdin, stdout, suspendTerminal, again, mouse])

  useInput((input, key) => {
    for (const press of presses(input, key)) session.press(press)
    void waitUntilRenderFlush()
  })
  usePaste((text) => {
    session.paste(text)
    void waitUntilRenderFlush()
  })

  const { rows: lines, cursor } = session.frame({ columns, rows })
  setCursorPosition(cursor)
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      {lines.map((line, y) => (
        // A row's place on the screen is its identity.
        // oxlint-disable-next-line react/no-array-index-key
        <Line key={y} row={line} />
      ))}
    </Box>
  )
}

const Line = ({ row }: { readonly row: Row }) => (
  <Text wrap="truncate">
    {row.map(({ text, color, bold = false, dim = false, italic = false, inverse = false }, i) =>
      color === undefined && !bold && !dim && !italic && !inverse ? (
        text
      ) : (
        // oxlint-disable-next-line react/no-array-index-key
        <Text
          key={i}
          {...(color === undefined ? {} : { color })}
          bold={bold}
          dimColor={dim}
          italic={italic}
          inverse={inverse}
        >
          {text}
        </Text>
      )
    )}
  </Text>
)

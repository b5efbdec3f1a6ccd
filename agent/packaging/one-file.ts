import { startParts } from './parts.ts'

/** A file of a bundle in CommonJS, which requires the others as `./NAME`. */
export interface BundledFile {
  fileName: string
  code: string
}

/**
 * All in one script, whose value is a function as require() wraps a file. It still runs a part only when it is
 * required: V8 compiles no more than what is run. And a service whose package is upgraded would find on the disk parts of
 * a version that it is not.
 *
 * The text is in ASCII, since V8 reads that at once, and keeps it in half of the memory.
 */
export function inOneFile(files: readonly BundledFile[], entry: string): string {
  const parts = files.map(
    ({ fileName, code }) => `${JSON.stringify(`./${fileName}`)}(exports, require, module) {${code}\n}`,
  )
  const start = `(${startParts})({${parts.join(',\n')}}, './${entry}', require, ${JSON.stringify(PUT_OFF)})`
  return inAscii(`(function (exports, require, module, __filename, __dirname) {\n${start}\n})\n`)
}

/**
 * What is not loaded by Node.js itself to start a program, and costs more than to put it off. Of what stands in for them
 * only the names can be used: nothing that is called itself, or listed, belongs here.
 */
const PUT_OFF = [
  ...['child_process', 'crypto', 'dns/promises', 'http', 'https', 'module', 'net', 'os', 'readline'],
  ...['readline/promises', 'sea', 'stream/promises', 'timers/promises', 'tls', 'tty', 'v8'],
]

/** Of a program: what is not ASCII is in its texts, templates and patterns alone, where an escape says the same. */
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
